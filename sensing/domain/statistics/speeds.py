"""Spot-speed statistics, in m/s, with the counts that they rest on.

Percentiles are of free speeds; from values they interpolate between order statistics at rank
1 + p·(n − 1); from bins V = L + w·(p·n − F) / f. Below 30 vehicles there is none, below 100 it is
marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sensing.domain.geometry import Floats

LEAST_COUNT = 30
SOUND_COUNT = 100
PACE_WIDTH_MPS = 10.0 / 3.6

Soundness = Literal["sound", "few", "refused"]


@dataclass(frozen=True, slots=True)
class SpeedStatistic:
    """A value in m/s, or None when ``refused``; ``count`` vehicles behind it."""

    value_mps: float | None
    count: int
    soundness: Soundness


@dataclass(frozen=True, slots=True)
class Pace:
    """The band from ``low_mps``, ``width_mps`` wide, in which most drive: ``count`` of them."""

    low_mps: float
    width_mps: float
    count: float
    share_percent: float


@dataclass(frozen=True, slots=True)
class SpeedHistogram:
    """``counts[k]`` vehicles from ``first_mps + k·width_mps`` up to, not including, the next."""

    first_mps: float
    width_mps: float
    counts: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.width_mps > 0.0:
            raise ValueError(f"expected width_mps above 0, got {self.width_mps}")
        if any(count < 0 for count in self.counts):
            raise ValueError("expected counts of at least 0")

    @property
    def count(self) -> float:
        return sum(self.counts)


def soundness(count: float) -> Soundness:
    """How far a percentile of so many vehicles can be relied on."""
    if count < LEAST_COUNT:
        return "refused"
    return "sound" if count >= SOUND_COUNT else "few"


def time_mean_mps(speeds_mps: ArrayLike) -> float | None:
    """v_t = Σv / n: the mean of what passes a point."""
    speeds = _speeds(speeds_mps)
    return float(speeds.mean()) if len(speeds) else None


def space_mean_mps(speeds_mps: ArrayLike) -> float | None:
    """v_s = n / Σ(1/v) ≤ v_t: the mean of what is on a stretch of road. Standing vehicles never
    pass a line: a speed of 0 is refused with ``ValueError``."""
    speeds = _speeds(speeds_mps)
    if np.any(speeds == 0.0):
        raise ValueError("expected speeds above 0")
    return float(len(speeds) / np.sum(1.0 / speeds)) if len(speeds) else None


def percentile(speeds_mps: ArrayLike, percent: float) -> SpeedStatistic:
    """V15, V50, V85 and the like from single speeds."""
    _check_percent(percent)
    speeds = _speeds(speeds_mps)
    verdict = soundness(len(speeds))
    value = None if verdict == "refused" else float(np.percentile(speeds, percent))
    return SpeedStatistic(value, len(speeds), verdict)


def percentile_from_bins(histogram: SpeedHistogram, percent: float) -> SpeedStatistic:
    """V = L + w·(p·n − F) / f in the bin where the cumulated count F + f reaches p·n."""
    _check_percent(percent)
    count = histogram.count
    verdict = soundness(count)
    if verdict == "refused":
        return SpeedStatistic(None, round(count), verdict)
    wanted = percent / 100.0 * count
    below = 0.0
    for k, inside in enumerate(histogram.counts):
        if inside > 0 and below + inside >= wanted:
            low = histogram.first_mps + k * histogram.width_mps
            value = low + histogram.width_mps * (wanted - below) / inside
            return SpeedStatistic(value, round(count), verdict)
        below += inside
    raise AssertionError("the last bin reaches every share")


def pace_from_bins(histogram: SpeedHistogram, width_mps: float = PACE_WIDTH_MPS) -> Pace | None:
    """The pace from bins, in which vehicles are taken as evenly spread; the slowest of equals."""
    if not histogram.count > 0:
        return None
    edges = histogram.first_mps + histogram.width_mps * np.arange(len(histogram.counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(histogram.counts)])
    # What a band holds changes evenly between the places where one of its ends meets an edge.
    lows = np.unique(np.concatenate([edges, edges - width_mps]))
    lows = lows[lows >= min(histogram.first_mps, 0.0)]
    held = np.interp(lows + width_mps, edges, below) - np.interp(lows, edges, below)
    best = int((held > held.max() - 1e-9 * histogram.count).argmax())
    share = 100.0 * float(held[best]) / histogram.count
    return Pace(float(lows[best]), width_mps, float(held[best]), share)


def over_limit_percent_from_bins(histogram: SpeedHistogram, limit_mps: float) -> float | None:
    """The same from bins; within the bin of the limit vehicles are taken as evenly spread."""
    if not histogram.count > 0:
        return None
    low = histogram.first_mps + histogram.width_mps * np.arange(len(histogram.counts))
    above = np.clip((low + histogram.width_mps - limit_mps) / histogram.width_mps, 0.0, 1.0)
    return 100.0 * float(above @ np.array(histogram.counts)) / histogram.count


def _speeds(speeds_mps: ArrayLike) -> Floats:
    speeds = np.asarray(speeds_mps, np.float64).reshape(-1)
    if not np.isfinite(speeds).all() or np.any(speeds < 0.0):
        raise ValueError("expected finite speeds of at least 0 m/s")
    return speeds


def _check_percent(percent: float) -> None:
    if not 0.0 < percent < 100.0:
        raise ValueError(f"expected a percentage between 0 and 100, got {percent}")
