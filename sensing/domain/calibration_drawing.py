"""The road's grid as it would look painted on the road, for drawing over the still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensing.domain.calibration import Calibration, PointMarks, VanishingMarks
from sensing.domain.geometry import Floats

_MOST_LINES = 60


@dataclass(frozen=True, slots=True)
class GridLine:
    """A straight line of the grid in 0–1 of the picture, at ``at_m`` of ``axis``: a line of axis
    "x" runs along the road at a constant x. It may leave the picture."""

    axis: str
    at_m: float
    ends: tuple[tuple[float, float], tuple[float, float]]


def road_grid(
    calibration: Calibration, spacing_m: float | None = None, margin: float = 0.5
) -> list[GridLine]:
    """Lines every ``spacing_m`` (or a round step) over the marked area and ``margin`` of it around.

    What lies behind the camera or beyond three picture sizes is cut off; straight lines stay
    straight in the picture, so two ends say all.
    """
    marked = _marked_road(calibration)
    low, high = marked.min(axis=1), marked.max(axis=1)
    room = margin * np.maximum(high - low, 1.0)
    low, high = low - room, high + room
    step = spacing_m or _round_step(float((high - low).max()) / 12.0)
    step = max(step, float((high - low).max()) / _MOST_LINES)
    first, last = np.floor(low / step) * step, np.ceil(high / step) * step
    lines: list[GridLine] = []
    for axis, name in enumerate("xy"):
        for at_m in np.arange(first[axis], last[axis] + step / 2, step):
            way = np.empty((2, 129))
            way[axis] = at_m
            way[1 - axis] = np.linspace(first[1 - axis], last[1 - axis], way.shape[1])
            seen = calibration.image(way)
            near = np.flatnonzero(np.isfinite(seen).all(axis=0) & (np.abs(seen) < 3.0).all(axis=0))
            if len(near) >= 2:
                (x0, y0), (x1, y1) = seen[:, near[0]].tolist(), seen[:, near[-1]].tolist()
                lines.append(GridLine(name, round(float(at_m), 6), ((x0, y0), (x1, y1))))
    return lines


def _marked_road(calibration: Calibration) -> Floats:
    marks = calibration.marks
    if isinstance(marks, PointMarks):
        return np.array([point.road_m for point in marks.points], np.float64).T
    return _line_ends(calibration, marks)


def _line_ends(calibration: Calibration, marks: VanishingMarks) -> Floats:
    ends = [end for segment in (*marks.along, *marks.across) for end in segment]
    road = calibration.road(np.array(ends, np.float64).T)
    return road[:, np.isfinite(road).all(axis=0)]


def _round_step(about_m: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``about_m``."""
    power = 10.0 ** np.floor(np.log10(max(about_m, 1e-3)))
    return float(power * next(f for f in (1, 2, 5, 10) if f * power >= about_m * (1 - 1e-9)))
