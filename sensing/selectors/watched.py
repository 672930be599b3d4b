"""How well a time was watched: whole minutes and quarters, bins cut off at now, their coverage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Sum
from django.utils import timezone
from numpy.typing import NDArray

from sensing.domain.statistics.bins import COMPLETE_SHARE, Coverage, coverage_of
from sensing.models import ObservedMinute, QuarterObserved
from sensing.selectors.bins import bin_edges
from sensing.selectors.quarters import at_minute, quarters_of
from sensing.selectors.rollups import QUARTER_MINUTES, sums_by_bin, sums_over

SECONDS: dict[str, Any] = {"seen": Sum("observed_s"), "dead": Sum("down_s")}


@dataclass(frozen=True, slots=True)
class Watched:
    """Seconds that ``cameras`` cameras were watched, and known to be down, in ``possible_s``."""

    observed_s: float
    down_s: float
    possible_s: float

    @property
    def coverage(self) -> Coverage:
        return coverage_of(self.possible_s, self.observed_s, self.down_s)


@dataclass(frozen=True, slots=True)
class WatchedGrains:
    """(n,) seconds observed and down per grain of ``minutes``, from grain ``first`` on."""

    first: int
    minutes: int
    cameras: int
    observed_s: NDArray[np.float64]
    down_s: NDArray[np.float64]

    def between(self, begin: int, end: int, now: float) -> Watched:
        """From Unix minute ``begin`` to ``end``; of what is still running, only what has passed."""
        span = slice(begin // self.minutes - self.first, -(-end // self.minutes) - self.first)
        sums = (float(self.observed_s[span].sum()), float(self.down_s[span].sum()))
        return _watched(*sums, self.cameras, begin, end, now)

    def complete(self, now: float) -> NDArray[np.bool_]:
        """(n,) whether each grain was watched from beginning to end, or as far as it has passed."""
        starts = np.arange(self.first, self.first + len(self.observed_s)) * self.minutes * 60.0
        lengths_s = np.clip(now - starts, 0.0, self.minutes * 60.0) * self.cameras
        enough: NDArray[np.bool_] = self.observed_s >= COMPLETE_SHARE * lengths_s
        return enough


def watched_grains(cameras: Collection[int], first: int, after: int, minutes: int) -> WatchedGrains:
    """Grains ``first`` up to ``after`` (Unix minutes // ``minutes``), which is 1 or a quarter."""
    model, name = (ObservedMinute, "minute") if minutes == 1 else (QuarterObserved, "quarter")
    observed_s, down_s = np.zeros(after - first), np.zeros(after - first)
    rows = (
        model.objects.filter(camera_id__in=cameras, **{f"{name}__gte": first, f"{name}__lt": after})
        .values_list(name)
        .annotate(**SECONDS)
    )
    for grain, seen, dead in rows.iterator(chunk_size=5000):
        observed_s[grain - first], down_s[grain - first] = seen, dead
    return WatchedGrains(first, minutes, len(cameras), observed_s, down_s)


def watched_over(
    cameras: Collection[int], start: datetime, end: datetime, now: datetime | None = None
) -> Watched:
    """The quarters that cover [start, end), of which only what has passed could be watched."""
    first, after = quarters_of(start, end)
    sums = sums_over(
        QuarterObserved, {"camera_id__in": cameras}, (first, after), ("camera_id",), **SECONDS
    ).values()
    return _watched(
        sum(row["seen"] for row in sums),
        sum(row["dead"] for row in sums),
        len(cameras),
        first * QUARTER_MINUTES,
        after * QUARTER_MINUTES,
        (now or timezone.now()).timestamp(),
    )


def watched_bins(camera: int, edges: list[int], now: datetime) -> list[Watched]:
    """Each bin (Unix minutes) of one camera; of the one that is running, what has passed."""
    sums = dict(sums_by_bin(QuarterObserved, {"camera_id": camera}, edges, **SECONDS))
    nothing = {"seen": 0.0, "dead": 0.0}
    return [
        _watched(row["seen"], row["dead"], 1, begin, end, now.timestamp())
        for place, (begin, end) in enumerate(pairwise(edges))
        for row in (sums.get(place, nothing),)
    ]


def _watched(  # noqa: PLR0917  what, of whom, when
    observed_s: float, down_s: float, cameras: int, begin: int, end: int, now: float
) -> Watched:
    length_s = max(1.0, min(end * 60.0, now) - begin * 60.0)
    return Watched(round(observed_s, 3), round(down_s, 3), length_s * cameras)


def past_edges(
    start: datetime, end: datetime, bin_minutes: int, zone: ZoneInfo, now: datetime
) -> list[int]:
    """Unix minutes of bins as ``bin_edges`` has them, without those that are yet to come."""
    if start >= now:
        return []
    return bin_edges(start, min(end, now), bin_minutes, zone)


def resets_between(begin: int, end: int, hour: int, zone: ZoneInfo) -> list[int]:
    """Unix minutes at which the site's clock shows ``hour`` o'clock: the last one before
    ``begin``, and all up to ``end``. Where clocks skip the hour, the moment they do so."""
    day = at_minute(begin).astimezone(zone).date() - timedelta(days=1)
    last = at_minute(end).astimezone(zone).date()
    found: list[int] = []
    while day <= last:
        local = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
        found.append(int(local.timestamp() // 60))
        day += timedelta(days=1)
    earlier = [minute for minute in found if minute < begin][-1:]
    return earlier + [minute for minute in found if begin <= minute < end]


def incomplete_since(complete: Sequence[bool], resets: Collection[int]) -> list[bool]:
    """For each grain, whether one since the last reset was not wholly watched."""
    doubtful, answer = False, []
    for k, whole in enumerate(complete):
        doubtful = (doubtful and k not in resets) or not whole
        answer.append(doubtful)
    return answer
