"""People: how many are in, how many came, how long they stayed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.domain.statistics.packing import dwell_edges_s

LEAST_STAYS_MEDIAN = 10
LEAST_STAYS_P90 = 30
"""Stays below which there is no median and no 90th percentile: of 30, three are longer than it."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """Of stays that have ended; None without any."""

    count: int
    median_s: float | None
    p90_s: float | None


def dwell_of_histogram(counts: Sequence[int] | NDArray[np.int64]) -> Dwell:
    """Median and 90th percentile from a dwell histogram with the bins of ``packing``.

    In the bin in which the cumulated count reaches p·n: T = L + w·(p·n − F) / f. None below
    ``LEAST_STAYS_MEDIAN`` and ``LEAST_STAYS_P90`` stays. Raises ``ValueError`` for counts that are
    not those of the bins.
    """
    values, edges_s = np.asarray(counts, np.int64), dwell_edges_s()
    if values.shape != (len(edges_s) - 1,) or (values < 0).any():
        raise ValueError(f"expected {len(edges_s) - 1} counts of at least 0, got {counts!r}")
    count = int(values.sum())

    def quantile_s(share: float, least: int) -> float | None:
        if count < least:
            return None
        below = np.concatenate([[0], np.cumsum(values)])
        k = int(np.searchsorted(below[1:], share * count))
        inside = (share * count - below[k]) / values[k]
        return float(edges_s[k] + (edges_s[k + 1] - edges_s[k]) * inside)

    return Dwell(count, quantile_s(0.5, LEAST_STAYS_MEDIAN), quantile_s(0.9, LEAST_STAYS_P90))


def without_undone(passed: Sequence[int], undone: Sequence[int]) -> list[int]:
    """Passings per bin less those that were undone, both by bin in time order.

    Somebody may come in at the end of one bin and turn back at the beginning of the next: what a
    bin cannot give is taken from those before it, so that no bin is below 0 and the sum is right.
    """
    if len(passed) != len(undone):
        raise ValueError(f"expected as many bins, got {len(passed)} and {len(undone)}")
    kept = [0] * len(passed)
    owed = 0
    for k in range(len(passed) - 1, -1, -1):
        rest = passed[k] - undone[k] - owed
        kept[k], owed = max(0, rest), max(0, -rest)
    return kept


def occupancy_by_bin(
    came: Sequence[int], left: Sequence[int], resets: Collection[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """How many are in at the end of each bin, and the drifts (bin, how many the count was off).

    ``resets``: bins at whose beginning nobody is in. The count begins with 0 as well.
    """
    inside: list[int] = []
    drifts: list[tuple[int, int]] = []
    now = 0
    for k, (more, fewer) in enumerate(zip(came, left, strict=True)):
        if k in resets:
            if k:
                drifts.append((k, now))
            now = 0
        now += more - fewer
        inside.append(now)
    return inside, drifts
