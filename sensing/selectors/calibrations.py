"""Calibrations as pages and programs see them: the marks, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from django.db.models import QuerySet

from sensing.calibration_words import method_word, warning_document
from sensing.domain.calibration import Calibration as Solved
from sensing.domain.calibration import VanishingMarks
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.calibration_document import parse_calibration
from sensing.domain.calibration_drawing import road_grid
from sensing.models import Calibration, Camera

SURE_PERCENT = 5.0
"""Expected error of speeds ahead up to which a calibration is not called uncertain."""
ALONG_LINE = (0.25, 0.5, 0.75)
"""Where on a counting line the expected speed error is looked at; the worst counts."""


def active_calibration(camera: Camera) -> Calibration | None:
    return calibrations().filter(camera=camera, retired_at=None).first()


def calibrations() -> QuerySet[Calibration]:
    """All of them, newest first, without the stills that some hold."""
    return Calibration.objects.select_related("created_by").defer("reference").order_by("-pk")


def solved(calibration: Calibration) -> Solved | None:
    """The road plane of a stored calibration; None where newer code refuses its marks."""
    try:
        return parse_calibration(calibration.document)
    except CalibrationInvalid:
        return None


def figures(found: Solved, lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a person is shown of a solved calibration. Places are 0–1 of the picture; ``lines`` are
    those of a scene document."""
    pose = found.pose
    middle = np.array(_marked(found), np.float64).mean(axis=0).reshape(2, 1)
    # Ahead, where traffic drives: two directions and one length say little of speeds across.
    ahead = float(found.speed_error_percent(middle, math.pi / 2)[0])
    sure = ahead <= SURE_PERCENT
    return {
        "residual_px": round(found.rms_px, 2),
        "residuals_px": [round(value, 2) for value in found.residuals_px],
        "speed_error_percent": _percent(ahead),
        "lines": [_line_figures(found, line) for line in lines],
        "camera_height_m": None if pose is None else round(float(pose.position_m[2]), 2),
        "horizon": found.horizon,
        "grid": [{"axis": x.axis, "at_m": x.at_m, "ends": x.ends} for x in road_grid(found)],
        "warnings": [
            warning_document(warning)
            for warning in found.warnings
            if not (warning.code == "uncertain" and sure)
        ],
    }


def calibration_answer(calibration: Calibration, *, whole: bool = True) -> dict[str, Any]:
    """A stored calibration; ``whole``: with its marks and all figures, else a row of a history."""
    found = solved(calibration)
    answer = {
        "id": calibration.pk,
        "camera": calibration.camera_id,
        "method": calibration.document.get("method", ""),
        "method_word": method_word(calibration.document.get("method")),
        "marks": _count(calibration.document),
        "residual_px": None if found is None else round(found.rms_px, 2),
        "created_at": calibration.created_at,
        "created_by": calibration.created_by.get_username() if calibration.created_by else "",
        "retired_at": calibration.retired_at,
        "drift": {
            "state": calibration.drift,
            "moved_px": calibration.drift_px,
            "moved_at": calibration.moved_at,
            "checked_at": calibration.drift_checked_at,
            "confirmed_at": calibration.confirmed_at,
        },
    }
    if whole:
        lines = calibration.camera.scene.lines
        answer["document"] = calibration.document
        answer["figures"] = None if found is None else figures(found, lines)
        answer["still_kept"] = has_still(calibration)
    return answer


def has_still(calibration: Calibration) -> bool:
    """Whether a small grey still was kept; it is not read for that."""
    return Calibration.objects.filter(pk=calibration.pk, reference__isnull=False).exists()


def _line_figures(found: Solved, line: Mapping[str, Any]) -> dict[str, Any]:
    """The worst expected error of speeds across a counting line, driven at a right angle to it."""
    start, end = (np.array(point, np.float64) for point in line["points"])
    places = np.stack([start + share * (end - start) for share in ALONG_LINE], axis=1)
    way = np.diff(found.road(np.stack([start, end], axis=1)), axis=1)[:, 0]
    heading = math.atan2(way[0], -way[1]) if np.isfinite(way).all() else None
    worst = float(np.max(found.speed_error_percent(places, heading)))
    return {"line": line["id"], "name": line["name"], "speed_error_percent": _percent(worst)}


def _percent(value: float) -> float | None:
    """None: beyond the horizon, or more than could be called a speed."""
    return round(value, 2) if math.isfinite(value) and value < 1000.0 else None


def _marked(found: Solved) -> list[tuple[float, float]]:
    marks = found.marks
    if isinstance(marks, VanishingMarks):
        return [end for known in marks.lengths for end in known.image]
    return [point.image for point in marks.points]


def _count(document: Mapping[str, Any]) -> int:
    return sum(len(document.get(name, ())) for name in ("points", "along", "across", "lengths"))
