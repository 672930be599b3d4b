"""What a speed makes known of a vehicle: its length, and how long it covers a line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sensing.domain.homography import RoadPlane
from sensing.domain.pose import BodySize, CameraPose

LENGTH_CLASSES: tuple[tuple[str, float], ...] = (
    ("short", 6.7), ("medium", 12.2), ("long", float("inf")),
)  # fmt: skip
"""(name, length in metres below which it holds): 22 and 40 feet, usual bounds of length-based
classification."""

_LENGTHS_M = np.arange(1.0, 26.0, 0.25)
_WIDEST_ERROR_M = 2.0
_NEAR_M = 0.01  # of the place, hence less of the length


@dataclass(frozen=True, slots=True)
class LengthEstimate:
    """Metres, with a standard error from the box edges' noise."""

    length_m: float
    standard_error_m: float


def estimate_length(
    xyxy: ArrayLike,
    plane: RoadPlane,
    pose: CameraPose,
    heading_rad: float,
    body: BodySize,
    *,
    noise_px: float = 1.5,
) -> LengthEstimate | None:
    """The length of the body whose box looks most like this one (4,), its width and height being
    those of its class; None where the view does not show the length.

    A car is as high as its class only under its roof: its bonnet and its tail are lower, and one
    taken for a block would look as if it were a metre or two shorter.
    """
    box = np.asarray(xyxy, np.float64)
    count = len(_LENGTHS_M)
    sizes = np.repeat(np.array(body.row())[:, None], count, axis=1)
    sizes[3] *= _LENGTHS_M / sizes[0]  # longer vehicles have longer wheelbases
    sizes[0] = _LENGTHS_M
    heading = np.repeat([[np.cos(heading_rad)], [np.sin(heading_rad)]], count, axis=1)
    foot = np.repeat([[0.5 * (box[0] + box[2])], [box[3]]], count, axis=1)
    ground = plane.road(foot)
    place = ground
    for _ in range(4):
        off = ground - plane.road(pose.anchors(place, heading, sizes))
        place = place + off
        if np.abs(off).max() < _NEAR_M:  # never true of what is not a number
            break
    low, high = pose.outlines(place, heading, sizes, body)
    looks = np.stack([high[0] - low[0], high[1] - low[1]])
    wanted = np.array([box[2] - box[0], box[3] - box[1]])[:, None]
    misfit = ((looks - wanted) ** 2).sum(axis=0) / (2.0 * noise_px**2)
    if not np.isfinite(misfit).any():
        return None
    best = int(np.nanargmin(misfit))
    if best in (0, count - 1):
        return None
    # Near its least the misfit is a parabola: its bend is the information, its top the length.
    before, here, after = misfit[best - 1 : best + 2].tolist()
    step = float(_LENGTHS_M[1] - _LENGTHS_M[0])
    bend = (before - 2.0 * here + after) / step**2
    if not bend > 0.0:
        return None
    length = float(_LENGTHS_M[best]) + 0.5 * step * (before - after) / (before - 2 * here + after)
    error = float(np.sqrt(2.0 / bend))
    return LengthEstimate(length, error) if error <= _WIDEST_ERROR_M else None


def length_class(length_m: float) -> str:
    """The first of ``LENGTH_CLASSES`` whose upper bound lies above the length."""
    return next(name for name, below_m in LENGTH_CLASSES if length_m < below_m)


def time_on_line_s(length_m: float, speed_mps: float, line_width_m: float = 0.0) -> float:
    """Seconds for which a vehicle covers a line (or a loop of this width): (L + d) / v."""
    if not (length_m > 0.0 and speed_mps > 0.0 and line_width_m >= 0.0):
        raise ValueError(
            f"expected a length and a speed above 0, got {length_m} m and {speed_mps} m/s"
        )
    return (length_m + line_width_m) / speed_mps


def line_occupancy_percent(on_line_s: ArrayLike, observed_s: float) -> float | None:
    """100·Σ t_on / T: the share of the observed time for which a lane's line was covered, at most
    100; None where nothing was observed."""
    if not observed_s >= 0.0:
        raise ValueError(f"expected observed_s of at least 0, got {observed_s}")
    if observed_s == 0.0:
        return None
    return min(100.0, 100.0 * float(np.sum(on_line_s)) / observed_s)
