"""What is wrong or doubtful about a calibration's marks: typed, and naming the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from sensing.domain.geometry import Floats
from sensing.domain.homography import PlaneFit, RoadPlane
from sensing.domain.vanishing import VanishingFit

Problem = tuple[str, tuple[int, ...], str]

LEAST_POINTS = 4
MOST_POINTS = 64
_SAME_PX, _SAME_M = 1.0, 0.01
_FLAT, _RATHER_FLAT = 0.004, 0.03  # height of a set of points over its length
_SMALL_SHARE = 0.08  # of the picture's diagonal
_SMALL_M = 3.0
_DOUBTFUL_SPEED = 0.05  # standard error of speeds, as a share

WarningCode = Literal[
    "nearly_collinear", "too_close", "mirrored", "residual", "stray_point", "unchecked",
    "uncertain", "length_mismatch",
]  # fmt: skip


class CalibrationInvalid(ValueError):
    """Marks that give no calibration; ``problems`` lists (code, indices of marks, message).

    Codes: invalid, too_few, too_many, duplicated, collinear, degenerate, beyond_horizon, focal.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(message for _, _, message in problems))

    @property
    def codes(self) -> set[str]:
        return {code for code, _, _ in self.problems}


@dataclass(frozen=True, slots=True)
class CalibrationWarning:
    """A calibration that can be used, with this doubt; ``marks`` are indices of those concerned."""

    code: WarningCode
    message: str
    marks: tuple[int, ...] = ()


def check_frame(width: int, height: int, pick_px: float, measure_m: float) -> None:
    """Raises ``CalibrationInvalid`` for a frame or errors that cannot be."""
    problems: list[Problem] = []
    if not (8 <= width <= 65_536 and 8 <= height <= 65_536):
        problems.append(("invalid", (), f"expected a frame of 8 px or more, got {width}×{height}"))
    if not 0.0 < pick_px < 1e3:
        problems.append(("invalid", (), f"expected pick_px of more than 0, got {pick_px!r}"))
    if not 0.0 <= measure_m < 1e3:
        problems.append(("invalid", (), f"expected measure_m of at least 0, got {measure_m!r}"))
    if problems:
        raise CalibrationInvalid(problems)


def check_points(image: Floats, road: Floats, size: Floats) -> None:
    """Refuse points (2, N), in 0–1 and metres, that give no plane. ``size`` (2, 1): the frame."""
    count = image.shape[1]
    if count < LEAST_POINTS:
        message = f"expected at least {LEAST_POINTS} points, got {count}"
        raise CalibrationInvalid([("too_few", (), message)])
    if count > MOST_POINTS:
        message = f"expected at most {MOST_POINTS} points, got {count}"
        raise CalibrationInvalid([("too_many", (), message)])
    problems: list[Problem] = []
    for k in range(count):
        if not (np.isfinite(image[:, k]).all() and np.all((image[:, k] >= 0) & (image[:, k] <= 1))):
            came = image[:, k].tolist()
            problems.append(("invalid", (k,), f"point {k + 1}: expected 0–1, got {came}"))
        if not (np.isfinite(road[:, k]).all() and np.all(np.abs(road[:, k]) < 1e5)):
            came = road[:, k].tolist()
            problems.append(("invalid", (k,), f"point {k + 1}: expected metres, got {came}"))
    if not problems:
        problems = _duplicates(image * size, road) or _collinear(image * size, road)
    if problems:
        raise CalibrationInvalid(problems)


def check_sides(plane: RoadPlane, road: Floats) -> None:
    """Refuse a plane in which some marks lie behind the camera: corners in a wrong order, or a
    mark in the sky."""
    depth = plane.to_px[2, :2] @ road + plane.to_px[2, 2]
    wrong = tuple(np.flatnonzero(depth <= 0.0).tolist())
    if wrong:
        named = ", ".join(str(k + 1) for k in wrong)
        message = f"expected all points before the horizon and in order round their shape; {named}"
        raise CalibrationInvalid([("beyond_horizon", wrong, f"{message} cannot lie so")])


def check_segments(along: Floats, across: Floats, measured: Floats, lengths_m: Floats) -> None:
    """Refuse segments (S, 2, 2) px that give no directions or lengths. Marks are numbered through:
    along, across, measured."""
    problems: list[Problem] = []
    before = 0
    for name, segments, least in (("along", along, 2), ("across", across, 2), ("", measured, 1)):
        what = f"lines {name} the road" if name else "known length"
        marks = tuple(range(before, before + len(segments)))
        before += len(segments)
        if len(segments) < least:
            message = f"expected at least {least} {what}, got {len(segments)}"
            problems.append(("too_few", (), message))
        elif not np.isfinite(segments).all():
            problems.append(("invalid", marks, f"expected numbers for the {what}"))
        elif len(short := np.flatnonzero(_reach(segments) < 4.0)):
            named = tuple(marks[k] for k in short)
            problems.append(("duplicated", named, f"expected {what} of 4 px or more"))
        elif name and _same_line(segments):
            message = f"expected {what} beside each other, got one line"
            problems.append(("collinear", marks, message))
    if not np.all((lengths_m > 0.0) & (lengths_m < 1e5)):
        problems.append(("invalid", (), f"expected lengths above 0 m, got {lengths_m.tolist()}"))
    if problems:
        raise CalibrationInvalid(problems)


def point_warnings(
    fit: PlaneFit, image_px: Floats, road: Floats, size: Floats, errors: tuple[float, float]
) -> list[CalibrationWarning]:
    """Doubts about a plane that was found; ``errors``: of a mark in px, and of a coordinate in
    m."""
    found = _extent_warnings(image_px, road, float(np.hypot(*size[:, 0])))
    if fit.plane.mirrored:
        found.append(
            CalibrationWarning("mirrored", "the road is mirrored: left and right are swapped")
        )
    if image_px.shape[1] == LEAST_POINTS:
        message = "four points always fit exactly: a fifth would check them"
        found.append(CalibrationWarning("unchecked", message))
    else:
        found += _residual_warnings(fit, image_px, *errors)
    return found + _doubt(fit.plane, image_px.mean(axis=1, keepdims=True))


def line_warnings(
    fit: VanishingFit, measured_px: Floats, size: Floats, pick_px: float, share: float
) -> list[CalibrationWarning]:
    """Doubts about a plane found from lines and lengths."""
    found: list[CalibrationWarning] = []
    rms = float(np.sqrt(np.mean(fit.offsets_px**2)))
    if rms > 3.0 * pick_px:
        message = f"the lines of one direction do not meet in one point: {rms:.1f} px off"
        found.append(CalibrationWarning("residual", message))
    # A length's own error, and that of its marked ends.
    ends = measured_px.reshape(-1, 2).T
    scale = fit.plane.scale(ends).reshape(-1, 2).max(axis=1)
    reach = np.hypot(*np.diff(fit.plane.road(ends).reshape(2, -1, 2), axis=2)[..., 0])
    allowed = 3.0 * np.hypot(share, np.sqrt(2.0) * pick_px * scale / reach)
    wrong = np.flatnonzero(np.abs(fit.length_errors) > allowed)
    if len(wrong):
        worst = 100.0 * float(np.abs(fit.length_errors[wrong]).max())
        message = f"the lengths contradict each other by {worst:.0f} %"
        # Numbered after the lines along and across.
        marks = tuple((wrong + len(fit.offsets_px)).tolist())
        found.append(CalibrationWarning("length_mismatch", message, marks))
    return found + _doubt(fit.plane, ends.mean(axis=1, keepdims=True))


def _duplicates(image_px: Floats, road: Floats) -> list[Problem]:
    problems: list[Problem] = []
    for i, j in combinations(range(image_px.shape[1]), 2):
        for where, points, least in (("picture", image_px, _SAME_PX), ("road", road, _SAME_M)):
            if np.hypot(*(points[:, i] - points[:, j])) < least:
                message = f"points {i + 1} and {j + 1} are the same in the {where}"
                problems.append(("duplicated", (i, j), message))
    return problems


def _collinear(image_px: Floats, road: Floats) -> list[Problem]:
    """All points but one on a line leave the plane free to turn about it."""
    count = image_px.shape[1]
    for points in (image_px, road):
        everyone = tuple(range(count))
        if _flatness(points) < _FLAT:
            return [("collinear", everyone, "expected points off one line, got all on it")]
        for k in everyone:
            others = tuple(i for i in everyone if i != k)
            if _flatness(points[:, others]) < _FLAT:
                named = ", ".join(str(i + 1) for i in others)
                message = f"expected two points or more off a line, got {named} on one"
                return [("collinear", others, message)]
    return []


def _flatness(points: Floats) -> float:
    """Spread across a set of points over the spread along it."""
    sizes = np.linalg.svd(points - points.mean(axis=1, keepdims=True), compute_uv=False)
    return float(sizes[1] / sizes[0]) if sizes[0] > 0.0 else 0.0


def _reach(segments: Floats) -> Floats:
    """(S,) lengths of segments (S, 2, 2)."""
    reach: Floats = np.hypot(*(segments[:, 1] - segments[:, 0]).T)
    return reach


def _same_line(segments: Floats) -> bool:
    return _flatness(segments.reshape(-1, 2).T) < _FLAT


def _extent_warnings(
    image_px: Floats, road: Floats, diagonal_px: float
) -> list[CalibrationWarning]:
    found: list[CalibrationWarning] = []
    flat = min(_flatness(image_px), _flatness(road))
    if flat < _RATHER_FLAT:
        message = f"the points lie almost on a line: {100 * flat:.1f} % as broad as long"
        found.append(CalibrationWarning("nearly_collinear", message))
    span_px, span_m = (float(np.hypot(*np.ptp(points, axis=1))) for points in (image_px, road))
    if span_px < _SMALL_SHARE * diagonal_px or span_m < _SMALL_M:
        message = f"the points lie within {span_px:.0f} px and {span_m:.1f} m: mark a longer way"
        found.append(CalibrationWarning("too_close", message))
    return found


def _residual_warnings(
    fit: PlaneFit, image_px: Floats, pick_px: float, measure_m: float
) -> list[CalibrationWarning]:
    residuals = np.hypot(*fit.offsets_px)
    allowed = 3.0 * np.hypot(pick_px, measure_m / fit.plane.scale(image_px))
    found: list[CalibrationWarning] = []
    rms = float(np.sqrt(np.mean(residuals**2)))
    if rms > float(np.sqrt(np.mean(allowed**2))):
        message = f"the points contradict each other: {rms:.1f} px off on average"
        found.append(CalibrationWarning("residual", message))
    stray = np.flatnonzero(residuals > np.maximum(allowed, 2.0 * np.median(residuals)))
    if len(stray):
        named = ", ".join(f"{k + 1} ({residuals[k]:.1f} px)" for k in stray)
        message = f"points far off the others: {named}"
        found.append(CalibrationWarning("stray_point", message, tuple(stray.tolist())))
    return found


def _doubt(plane: RoadPlane, middle_px: Floats) -> list[CalibrationWarning]:
    share = float(plane.speed_error(middle_px)[0])
    if share <= _DOUBTFUL_SPEED:
        return []
    many = f"{100 * share:.0f} %" if share < 1.0 else "more than 100 %"
    message = f"speeds may be off by {many} between the marks"
    return [CalibrationWarning("uncertain", message)]
