"""Headways and gaps, which only single crossings tell: for a day at most."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from sensing.domain.statistics.speeds import Soundness, soundness
from sensing.selectors.quarters import Selection

WIDTH_S, BINS = 1.0, 31
CLOSE_S = 2.0


class Headways(TypedDict):
    """Headways of ``count`` of the ``counted`` vehicles: ``counts[k]`` of them from k·``width_s``
    on, the last bin holds all longer ones. Figures are None below 30."""

    counted: int
    count: int
    soundness: Soundness
    mean_s: float | None
    median_s: float | None
    close_percent: float | None
    close_s: float
    gaps: int
    gap_median_s: float | None
    width_s: float
    counts: list[int]


def headways(chosen: Selection) -> Headways:
    """Of every vehicle that passed in [start, end). Raises ``ValueError`` for more than a day."""
    rows = list(
        chosen.crossings("headways").values_list("headway_s", "gap_s").iterator(chunk_size=2000)
    )
    times = np.array([headway for headway, _gap in rows if headway is not None], np.float64)
    gaps = np.array([gap for _headway, gap in rows if gap is not None], np.float64)
    verdict = soundness(len(times))
    sound, gaps_sound = verdict != "refused", soundness(len(gaps)) != "refused"
    places = np.clip(times // WIDTH_S, 0, BINS - 1).astype(np.int64)
    return {
        "counted": len(rows),
        "count": len(times),
        "soundness": verdict,
        "mean_s": round(float(times.mean()), 3) if sound else None,
        "median_s": round(float(np.median(times)), 3) if sound else None,
        "close_percent": round(100.0 * float(np.mean(times < CLOSE_S)), 2) if sound else None,
        "close_s": CLOSE_S,
        "gaps": len(gaps),
        "gap_median_s": round(float(np.median(gaps)), 3) if gaps_sound else None,
        "width_s": WIDTH_S,
        "counts": np.bincount(places, minlength=BINS).tolist(),
    }
