"""What statistics are asked for, and how well it was watched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from sensing.domain.statistics.bins import Coverage, coverage_of
from sensing.models import Camera, Crossing, QuarterObserved
from sensing.selectors.rollups import QUARTER_MINUTES, sums_by_bin

A_DAY = timedelta(hours=25)
"""A day on which clocks are set back: what is shorter may be told from single crossings."""


@dataclass(frozen=True)
class Selection:
    """What statistics are asked for; ``start`` and ``end`` are aware.

    ``every``: ``cameras`` are all there are. Rows are then found by time alone, which is how they
    lie on the disk.
    """

    cameras: tuple[Camera, ...]
    start: datetime
    end: datetime
    line: str | None = None
    object_class: str | None = None
    direction: str | None = None
    every: bool = False

    @property
    def watched(self) -> dict[str, Any]:
        """Filter of the rows that say what was observed."""
        return {} if self.every else {"camera_id__in": [camera.pk for camera in self.cameras]}

    @property
    def counted(self) -> dict[str, Any]:
        """Filter of the rows that say what passed a line."""
        given = {
            "line_id": self.line,
            "object_class": self.object_class,
            "direction": self.direction,
        }
        return self.watched | {name: value for name, value in given.items() if value is not None}

    @property
    def is_short(self) -> bool:
        """Within a day, so that single crossings may be read."""
        return self.end - self.start <= A_DAY

    def crossings(self, purpose: str) -> QuerySet[Crossing]:
        """Single ones in [start, end). Raises ``ValueError`` for more than a day of them."""
        if not self.is_short:
            raise ValueError(f"expected a period of a day at most for {purpose}")
        period = {"at__gte": self.start, "at__lt": self.end}
        return Crossing.objects.filter(**self.counted, **period).order_by()


class Watch(NamedTuple):
    """What was observed in a bin, in camera-seconds; ``width_s`` is what has passed of it."""

    width_s: float
    observed_s: float
    down_s: float
    cameras: int  # of which something was observed

    @property
    def coverage(self) -> Coverage:
        return coverage_of(self.width_s, self.observed_s, self.down_s)


def watches(selection: Selection, edges: list[int], now: datetime) -> list[Watch]:
    """What was observed in each bin, over all chosen cameras."""
    found: dict[int, dict[str, Any]] = dict(
        sums_by_bin(
            QuarterObserved,
            selection.watched,
            edges,
            observed=Sum("observed_s"),
            down=Sum("down_s"),
            seen=Count("camera", distinct=True, filter=Q(observed_s__gt=0)),
        )
    )
    empty = {"observed": 0.0, "down": 0.0, "seen": 0}
    return [
        Watch(
            len(selection.cameras) * passed_s(begin, end, now),
            row["observed"],
            row["down"],
            row["seen"],
        )
        for place, (begin, end) in enumerate(pairwise(edges))
        for row in (found.get(place, empty),)
    ]


def passed_s(begin: int, end: int, now: datetime) -> float:
    """Seconds of the bin [begin, end) in Unix minutes that have passed; all of one that has not
    begun, for nothing can be missing in it yet."""
    passed = now.timestamp() - begin * 60.0
    whole = (end - begin) * 60.0
    return min(passed, whole) if passed > 0.0 else whole


def at_minute(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def quarters_of(start: datetime, end: datetime) -> tuple[int, int]:
    """The first quarter of [start, end) and the one after the last; both are whole ones."""
    return int(start.timestamp() // 900), int(-(-end.timestamp() // 900))


def whole_quarters(start: datetime, end: datetime) -> list[int]:
    """Unix minutes at which the quarters that cover [start, end) begin, and the end of the last."""
    first, after = quarters_of(start, end)
    return [quarter * QUARTER_MINUTES for quarter in range(first, after + 1)]
