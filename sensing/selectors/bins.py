"""Counts over time in bins of the site's local clock.

Rows hold whole Unix minutes or quarters of an hour, so bins are sums of integers; local time
decides only where a bin begins. Every bin of the range is there: one that was not observed has
``count`` None, one that was observed without a crossing has 0, and ``coverage`` says which it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from sensing.domain.statistics.bins import Coverage, coverage_of
from sensing.models import Camera, DirectionChoice, QuarterCount, QuarterObserved
from sensing.selectors.quarters import at_minute, passed_s
from sensing.selectors.rollups import rows_of_bins, sums_by_bin
from sensing.selectors.site import epoch_minute, local_midnight, site_time_zone

BIN_MINUTES = (1, 5, 15, 60, 1440, 10080)
DAY, WEEK = 1440, 10080
SERIES = ("line_id", "object_class", "size", "direction")

# "class" is a keyword, hence the functional form.
CountBin = TypedDict(
    "CountBin",
    {
        "start": datetime,
        "end": datetime,
        "camera": int,
        "line": str,
        "class": str | None,
        "size": str | None,
        "direction": str,
        "count": int | None,
        "observed_s": float,
        "coverage": Coverage,
    },
)


class Series(NamedTuple):
    """What one curve of a chart shows; class and size are None for a line that saw nothing."""

    line: str
    object_class: str | None
    size: str | None
    direction: str


def count_bins(  # noqa: PLR0917  read as a sentence: cameras, from, to, bin, then filters
    cameras: Iterable[Camera],
    start: datetime,
    end: datetime,
    bin_minutes: int,
    line: str | None = None,
    object_class: str | None = None,
    direction: str | None = None,
    now: datetime | None = None,
) -> Iterator[CountBin]:
    """Bins of every camera that cover [start, end), camera by camera, in time order.

    The first and the last bin are whole even where ``start`` and ``end`` are not on their edges.
    Each series (line, class, size, direction) that occurs in the range has a row in each bin; a
    line of the scene without any crossing in the range has one per direction. Raises ``ValueError``
    for a bin length that does not exist. ``start``, ``end`` and ``now`` are aware; of the bin that
    is running ``now``, only what has passed can be missing.
    """
    if bin_minutes not in BIN_MINUTES:
        raise ValueError(f"expected bins of {BIN_MINUTES} minutes, got {bin_minutes!r}")
    edges = bin_edges(start, end, bin_minutes, site_time_zone())
    given = {"line_id": line, "object_class": object_class, "direction": direction}
    wanted = {name: value for name, value in given.items() if value is not None}
    for camera in cameras:
        yield from _camera_bins(camera, edges, wanted, now or timezone.now())


def bin_edges(start: datetime, end: datetime, bin_minutes: int, zone: ZoneInfo) -> list[int]:
    """Unix minutes at which the bins that cover [start, end) begin, and the end of the last."""
    edges = [_floor(start, bin_minutes, zone)]
    last = epoch_minute(end - timedelta(microseconds=1))
    while edges[-1] <= last:
        edges.append(_next_edge(edges[-1], bin_minutes, zone))
    return edges


def _floor(at: datetime, bin_minutes: int, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    if bin_minutes >= DAY:
        back = local.weekday() if bin_minutes == WEEK else 0
        return epoch_minute(local_midnight(local.date() - timedelta(days=back), zone))
    edge = epoch_minute(local_midnight(local.date(), zone))
    minute = epoch_minute(at)
    # Walking from midnight makes the bins of a day the same, whichever range asks for them.
    while (following := _next_edge(edge, bin_minutes, zone)) <= minute:
        edge = following
    return edge


def _next_edge(edge: int, bin_minutes: int, zone: ZoneInfo) -> int:
    """The next Unix minute at which the local clock shows a multiple of the bin's length."""
    local = _local(edge, zone)
    if bin_minutes >= DAY:
        day = local.date() + timedelta(days=bin_minutes // DAY)
        return epoch_minute(local_midnight(day, zone))
    following = edge + bin_minutes - (local.hour * 60 + local.minute) % bin_minutes
    # Where clocks are set by less than a bin's length the rest joins the bin before it.
    after = _local(following, zone)
    excess = (after.hour * 60 + after.minute) % bin_minutes
    return following + (bin_minutes - excess if excess else 0)


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)


def _camera_bins(
    camera: Camera, edges: list[int], wanted: dict[str, str], now: datetime
) -> Iterator[CountBin]:
    own: dict[str, Any] = {"camera": camera}
    names = _series(camera, edges, wanted)
    counts = sums_by_bin(QuarterCount, own | wanted, edges, SERIES, total=Sum("count"))
    seconds = sums_by_bin(
        QuarterObserved, own, edges, observed=Sum("observed_s"), down=Sum("down_s")
    )
    counted, seen = next(counts, None), next(seconds, None)
    for place, (begin, end) in enumerate(pairwise(edges)):
        in_bin: dict[Series, int] = defaultdict(int)
        while counted is not None and counted[0] == place:
            in_bin[_series_of(counted[1])] += counted[1]["total"]
            counted = next(counts, None)
        observed_s = down_s = 0.0
        if seen is not None and seen[0] == place:
            observed_s, down_s = seen[1]["observed"], seen[1]["down"]
            seen = next(seconds, None)
        coverage = coverage_of(passed_s(begin, end, now), observed_s, down_s)
        for name in names:
            yield {
                "start": at_minute(begin),
                "end": at_minute(end),
                "camera": camera.pk,
                "line": name.line,
                "class": name.object_class,
                "size": name.size,
                "direction": name.direction,
                "count": in_bin[name] if observed_s > 0 or in_bin[name] else None,
                "observed_s": round(observed_s, 3),
                "coverage": coverage,
            }


def _series(camera: Camera, edges: list[int], wanted: dict[str, str]) -> list[Series]:
    crossed = rows_of_bins(QuarterCount, {"camera": camera, **wanted}, edges)
    seen = {
        _series_of(row)
        for _rollup, rows in crossed
        for row in rows.order_by().values(*SERIES).distinct()
    }
    busy = {(name.line, name.direction) for name in seen}
    quiet = {
        Series(line["id"], wanted.get("object_class"), None, direction)
        for line in camera.scene.lines
        for direction in DirectionChoice.values
        if (line["id"], direction) not in busy
        and wanted.get("line_id", line["id"]) == line["id"]
        and wanted.get("direction", direction) == direction
    }
    return sorted(
        seen | quiet, key=lambda s: (s.line, s.direction, s.object_class or "", s.size or "")
    )


def _series_of(row: Mapping[str, Any]) -> Series:
    return Series(row["line_id"], row["object_class"], row["size"], row["direction"])
