"""Counts over time in bins of the site's local clock.

Rows hold whole Unix minutes, so bins are sums of integers; local time decides only where a bin
begins. Every bin of the range is there: one that was not observed has ``count`` None, one that was
observed without a crossing has 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import gcd
from typing import Any, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet, Sum

from sensing.models import Camera, CountInterval, DirectionChoice, ObservedMinute
from sensing.selectors.site import epoch_minute, local_midnight, site_time_zone

BIN_MINUTES = (1, 5, 15, 60, 1440, 10080)
DAY, WEEK = 1440, 10080

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
) -> Iterator[CountBin]:
    """Bins of every camera that cover [start, end), camera by camera, in time order.

    The first and the last bin are whole even where ``start`` and ``end`` are not on their edges.
    Each series (line, class, size, direction) that occurs in the range has a row in each bin; a
    line of the scene without any crossing in the range has one per direction. Raises ``ValueError``
    for a bin length that does not exist. ``start`` and ``end`` are aware.
    """
    if bin_minutes not in BIN_MINUTES:
        raise ValueError(f"expected bins of {BIN_MINUTES} minutes, got {bin_minutes!r}")
    edges = bin_edges(start, end, bin_minutes, site_time_zone())
    given = {"line_id": line, "object_class": object_class, "direction": direction}
    wanted = {name: value for name, value in given.items() if value is not None}
    for camera in cameras:
        yield from _camera_bins(camera, edges, wanted)


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


def _camera_bins(camera: Camera, edges: list[int], wanted: dict[str, str]) -> Iterator[CountBin]:
    window = {"camera": camera, "minute__gte": edges[0], "minute__lt": edges[-1]}
    crossed = CountInterval.objects.filter(**window, **wanted)
    names = _series(camera, crossed, wanted)
    # All bins are multiples of this grain, so the database may sum that much beforehand.
    grain = gcd(*(b - a for a, b in pairwise(edges)))
    counts = _grains(crossed, edges[0], grain, "count")
    observed = _grains(ObservedMinute.objects.filter(**window), edges[0], grain, "observed_s")
    counted_until, watched_until = next(counts, None), next(observed, None)
    for begin, end in pairwise(edges):
        in_bin: dict[Series, int] = defaultdict(int)
        while counted_until is not None and counted_until["minute"] < end:
            in_bin[_series_of(counted_until)] += counted_until["total"]
            counted_until = next(counts, None)
        observed_s = 0.0
        while watched_until is not None and watched_until["minute"] < end:
            observed_s += watched_until["total"]
            watched_until = next(observed, None)
        for name in names:
            yield {
                "start": datetime.fromtimestamp(begin * 60, UTC),
                "end": datetime.fromtimestamp(end * 60, UTC),
                "camera": camera.pk,
                "line": name.line,
                "class": name.object_class,
                "size": name.size,
                "direction": name.direction,
                "count": in_bin[name] if observed_s > 0 or in_bin[name] else None,
                "observed_s": round(observed_s, 3),
            }


def _grains(rows: QuerySet[Any], first: int, grain: int, measure: str) -> Iterator[dict[str, Any]]:
    """Sums per ``grain`` minutes counted from ``first``, in time order; ``minute`` begins each."""
    by = ("line_id", "object_class", "size", "direction") if measure == "count" else ()
    sums = (
        rows.annotate(grain=(F("minute") - first) / grain)
        .values("grain", *by)
        .annotate(total=Sum(measure))
        .order_by("grain")
    )
    for row in sums.iterator(chunk_size=2000):
        yield row | {"minute": first + row["grain"] * grain}


def _series(
    camera: Camera, crossed: QuerySet[CountInterval], wanted: dict[str, str]
) -> list[Series]:
    seen = {
        _series_of(row)
        for row in crossed.values("line_id", "object_class", "size", "direction")
        .distinct()
        .order_by()
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
