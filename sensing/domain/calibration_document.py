"""A calibration as a JSON document: what was marked, never what was computed from it.

The plane follows from the marks, so a document cannot hold a matrix that contradicts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensing.domain.calibration import (
    MEASURE_M,
    PICK_PX,
    Calibration,
    KnownLength,
    Marks,
    PointMarks,
    RoadPoint,
    Segment,
    VanishingMarks,
    calibrate,
)
from sensing.domain.calibration_checks import CalibrationInvalid, Problem
from sensing.domain.scene import Point, is_number

_POINT_METHODS = ("points", "rectangle", "grid", "marks")
_MOST = 64


def calibration_document(calibration: Calibration) -> dict[str, Any]:
    """The JSON document of a calibration; ``parse_calibration`` reads it back to the same plane."""
    marks = calibration.marks
    document: dict[str, Any] = {
        "version": 1,
        "method": marks.method,
        "frame": [calibration.frame_width, calibration.frame_height],
        "pick_px": calibration.pick_px,
        "measure_m": calibration.measure_m,
    }
    if isinstance(marks, VanishingMarks):
        for name, segments in (("along", marks.along), ("across", marks.across)):
            document[name] = [[list(end) for end in segment] for segment in segments]
        document["lengths"] = [
            {"image": [list(end) for end in known.image], "length_m": known.length_m}
            for known in marks.lengths
        ]
    else:
        document["points"] = [
            {"image": list(point.image), "road_m": list(point.road_m)} for point in marks.points
        ]
    return document


def parse_calibration(document: Any) -> Calibration:
    """Read a document and solve it. Unknown keys are ignored. Raises ``CalibrationInvalid``."""
    problems: list[Problem] = []
    if not isinstance(document, Mapping):
        raise _invalid(f"expected an object, got {type(document).__name__}")
    width, height = _frame(document.get("frame"), problems)
    pick_px = _number(document.get("pick_px", PICK_PX), "pick_px", problems)
    measure_m = _number(document.get("measure_m", MEASURE_M), "measure_m", problems)
    marks = _marks(document, problems)
    if problems or marks is None:
        raise CalibrationInvalid(problems)
    return calibrate(marks, width, height, pick_px=pick_px, measure_m=measure_m)


def _marks(document: Mapping[str, Any], problems: list[Problem]) -> Marks | None:
    method = document.get("method")
    if method == "vanishing":
        along, across = (
            tuple(
                _segment(raw, f"{name}[{k}]", problems)
                for k, raw in enumerate(_items(document, name, problems))
            )
            for name in ("along", "across")
        )
        lengths = (
            _length(raw, f"lengths[{k}]", problems)
            for k, raw in enumerate(_items(document, "lengths", problems))
        )
        return VanishingMarks(along, across, tuple(lengths))
    if method not in _POINT_METHODS:
        known = ", ".join((*_POINT_METHODS, "vanishing"))
        problems.append(("invalid", (), f"method: expected one of {known}, got {method!r}"))
        return None
    points = tuple(
        _road_point(raw, f"points[{k}]", problems)
        for k, raw in enumerate(_items(document, "points", problems))
    )
    return PointMarks(points, method)


def _road_point(raw: Any, where: str, problems: list[Problem]) -> RoadPoint:
    if not isinstance(raw, Mapping):
        problems.append(("invalid", (), f"{where}: expected an object, got {raw!r}"))
        return RoadPoint((0.0, 0.0), (0.0, 0.0))
    return RoadPoint(
        _pair(raw.get("image"), f"{where}.image", problems),
        _pair(raw.get("road_m"), f"{where}.road_m", problems),
    )


def _length(raw: Any, where: str, problems: list[Problem]) -> KnownLength:
    if not isinstance(raw, Mapping):
        problems.append(("invalid", (), f"{where}: expected an object, got {raw!r}"))
        return KnownLength(((0.0, 0.0), (0.0, 0.0)), 1.0)
    return KnownLength(
        _segment(raw.get("image"), f"{where}.image", problems),
        _number(raw.get("length_m"), f"{where}.length_m", problems),
    )


def _segment(raw: Any, where: str, problems: list[Problem]) -> Segment:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        problems.append(("invalid", (), f"{where}: expected two points, got {raw!r}"))
        return (0.0, 0.0), (0.0, 0.0)
    return _pair(raw[0], f"{where}[0]", problems), _pair(raw[1], f"{where}[1]", problems)


def _pair(raw: Any, where: str, problems: list[Problem]) -> Point:
    if not isinstance(raw, list | tuple) or len(raw) != 2 or not all(map(is_number, raw)):
        problems.append(("invalid", (), f"{where}: expected two numbers, got {raw!r}"))
        return 0.0, 0.0
    return float(raw[0]), float(raw[1])


def _number(raw: Any, where: str, problems: list[Problem]) -> float:
    if not is_number(raw):
        problems.append(("invalid", (), f"{where}: expected a number, got {raw!r}"))
        return 1.0
    return float(raw)


def _frame(raw: Any, problems: list[Problem]) -> tuple[int, int]:
    whole = isinstance(raw, list | tuple) and len(raw) == 2 and all(map(is_number, raw))
    if not whole or any(value != int(value) for value in raw):
        problems.append(("invalid", (), f"frame: expected [width, height] in px, got {raw!r}"))
        return 8, 8
    return int(raw[0]), int(raw[1])


def _items(document: Mapping[str, Any], key: str, problems: list[Problem]) -> list[Any]:
    raw = document.get(key, [])
    if not isinstance(raw, list) or len(raw) > _MOST:
        came = f"{len(raw)}" if isinstance(raw, list) else type(raw).__name__
        problems.append(("invalid", (), f"{key}: expected a list of up to {_MOST}, got {came}"))
        return []
    return raw


def _invalid(message: str) -> CalibrationInvalid:
    return CalibrationInvalid([("invalid", (), message)])
