"""Bins of time with what was observed of them. A bin without data is not a zero: a camera that was
down, a time of which nothing is known, and a road on which nobody drove are three things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Coverage = Literal["complete", "partial", "down", "unknown"]

COMPLETE_SHARE = 0.98
"""Share of a bin's time from which it counts as observed: a few lost frames make no gap."""


def coverage_of(width_s: float, observed_s: float, down_s: float) -> Coverage:
    """What is known of ``width_s`` seconds: see ``CountBin.coverage``."""
    if observed_s > 0.0 and observed_s >= COMPLETE_SHARE * width_s:
        return "complete"
    if observed_s > 0.0:
        return "partial"
    return "down" if down_s > 0.0 else "unknown"


@dataclass(frozen=True, slots=True)
class CountBin:
    """``counts`` by key (class, movement, …) seen in ``observed_s`` of ``width_s`` seconds from
    ``start_s``; ``down_s``: seconds for which the camera is known to have been down."""

    start_s: float
    width_s: float
    observed_s: float
    counts: Mapping[str, float] = field(default_factory=dict)
    down_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.width_s > 0.0:
            raise ValueError(f"expected width_s above 0, got {self.width_s}")
        if not (self.observed_s >= 0.0 and self.down_s >= 0.0):
            raise ValueError(
                "expected observed_s and down_s of at least 0,"
                f" got {self.observed_s} and {self.down_s}"
            )
        if self.observed_s + self.down_s > self.width_s * 1.0001:
            raise ValueError(
                f"expected observed and down within {self.width_s} s,"
                f" got {self.observed_s} and {self.down_s}"
            )
        if any(count < 0 for count in self.counts.values()):
            raise ValueError("expected counts of at least 0")

    @property
    def coverage(self) -> Coverage:
        """``down``: nothing observed, camera known to be down; ``unknown``: nothing observed, and
        nobody knows why; ``partial``; ``complete``: then no counts is a true zero."""
        return coverage_of(self.width_s, self.observed_s, self.down_s)

    @property
    def total(self) -> float | None:
        """What was counted; None, and not 0, where nothing was observed."""
        return float(sum(self.counts.values())) if self.observed_s > 0.0 else None

    @property
    def flow_per_h(self) -> float | None:
        """q = 3600·V / T with the time that was observed; None where there is none."""
        return flow_per_h(self.total, self.observed_s) if self.total is not None else None


def flow_per_h(count: float, observed_s: float) -> float | None:
    """q = 3600·V / T in vehicles (or persons) an hour; None for no time."""
    return 3600.0 * count / observed_s if observed_s > 0.0 else None


def merge_bins(bins: Iterable[CountBin], width_s: float, origin_s: float = 0.0) -> list[CountBin]:
    """Wider bins, aligned to ``origin_s``, over the span of the narrow ones.

    Time for which there is no narrow bin is unknown, not empty. Raises ``ValueError`` for a narrow
    bin that reaches over a border.
    """
    gathered: dict[int, list[CountBin]] = {}
    for narrow in bins:
        place = int((narrow.start_s - origin_s) // width_s)
        end_s = origin_s + (place + 1) * width_s
        if narrow.start_s + narrow.width_s > end_s + 1e-6 * width_s:
            raise ValueError(
                f"expected bins within {width_s} s, got one of {narrow.width_s} s"
                f" from {narrow.start_s} s"
            )
        gathered.setdefault(place, []).append(narrow)
    if not gathered:
        return []
    return [
        _joined(gathered.get(place, []), origin_s + place * width_s, width_s)
        for place in range(min(gathered), max(gathered) + 1)
    ]


def fill_bins(
    bins: Sequence[CountBin], start_s: float, end_s: float, width_s: float
) -> list[CountBin]:
    """Every bin of a period, those that are missing as unknown ones."""
    known = {round((b.start_s - start_s) / width_s): b for b in bins}
    count = round((end_s - start_s) / width_s)
    return [
        known.get(k, CountBin(start_s + k * width_s, width_s, 0.0)) for k in range(max(0, count))
    ]


def _joined(parts: Sequence[CountBin], start_s: float, width_s: float) -> CountBin:
    counts: dict[str, float] = {}
    for part in parts:
        for key, value in part.counts.items():
            counts[key] = counts.get(key, 0.0) + value
    return CountBin(
        start_s,
        width_s,
        sum(part.observed_s for part in parts),
        counts,
        sum(part.down_s for part in parts),
    )
