"""Persons in zones: occupancy, visits and how long they stayed, in bins and over a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple, TypedDict

from django.db.models import Model, Sum
from django.utils import timezone

from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.packing import DWELL_BINS, add_packed
from sensing.domain.statistics.people import dwell_of_histogram
from sensing.models import Camera, QuarterZone, ZoneMinute
from sensing.selectors.quarters import QUARTER_MINUTES, at_minute, quarters_of
from sensing.selectors.site import site_time_zone
from sensing.selectors.watched import (
    Watched,
    past_edges,
    watched_grains,
    watched_over,
)


class ZoneBin(TypedDict):
    """``mean`` persons at once over the time observed, ``most`` at once; None where nothing was
    observed. ``stays`` ended in the bin: None for bins shorter than a quarter, which hold none."""

    start: datetime
    end: datetime
    camera: int
    zone: str
    visits: int | None
    mean: float | None
    most: int | None
    stays: int | None
    dwell_median_s: float | None
    dwell_p90_s: float | None
    observed_s: float
    down_s: float
    possible_s: float
    coverage: Coverage


class ZoneTotal(TypedDict):
    """The same over a whole period, with the histogram behind the dwell times."""

    camera: int
    zone: str
    visits: int
    mean: float | None
    most: int
    stays: int
    dwell_mean_s: float | None
    dwell_median_s: float | None
    dwell_p90_s: float | None
    dwell_histogram: list[int]
    observed_s: float
    down_s: float
    possible_s: float
    coverage: Coverage


class _Row(NamedTuple):
    zone: str
    grain: int
    occupied_s: float
    most: int
    visits: int
    dwell: bytes = b""  # minutes hold none


@dataclass(slots=True)
class _Sum:
    occupied_s: float = 0.0
    most: int = 0
    visits: int = 0
    dwells: list[bytes] = field(default_factory=list)

    def add(self, row: _Row) -> None:
        self.occupied_s += row.occupied_s
        self.most = max(self.most, row.most)
        self.visits += row.visits
        if row.dwell:
            self.dwells.append(bytes(row.dwell))


def zone_bins(
    cameras: Iterable[Camera],
    start: datetime,
    end: datetime,
    bin_minutes: int,
    *,
    zone: str | None = None,
    now: datetime | None = None,
) -> Iterator[ZoneBin]:
    """Bins of every zone that cover [start, end) up to now, zone by zone, in time order.

    A zone that is no longer drawn has its bins too where somebody was in it.
    """
    now = now or timezone.now()
    edges = past_edges(start, end, bin_minutes, site_time_zone(), now)
    if not edges:
        return
    minutes = 1 if bin_minutes < QUARTER_MINUTES else QUARTER_MINUTES
    first, after = edges[0] // minutes, -(-edges[-1] // minutes)
    for camera in cameras:
        watched = watched_grains([camera.pk], first, after, minutes)
        seen = [watched.between(a, b, now.timestamp()) for a, b in pairwise(edges)]
        left = {z["id"] for z in camera.scene.zones if zone in (None, z["id"])}
        rows = _rows(camera.pk, first, after, minutes, zone)
        for name, of_zone in groupby(rows, attrgetter("zone")):
            left.discard(name)
            yield from _bins(camera.pk, name, of_zone, edges, seen, minutes)
        for name in sorted(left):
            yield from _bins(camera.pk, name, iter(()), edges, seen, minutes)


def _bins(  # noqa: PLR0917  whose, then what, then when
    camera: int,
    zone: str,
    rows: Iterator[_Row],
    edges: list[int],
    watched: list[Watched],
    minutes: int,
) -> Iterator[ZoneBin]:
    row = next(rows, None)
    for (begin, end), seen in zip(pairwise(edges), watched, strict=True):
        total = _Sum()
        while row is not None and row.grain * minutes < end:
            total.add(row)
            row = next(rows, None)
        known = seen.observed_s > 0 or total.visits > 0
        dwell = dwell_of_histogram(add_packed(total.dwells, DWELL_BINS))
        yield {
            "start": at_minute(begin),
            "end": at_minute(end),
            "camera": camera,
            "zone": zone,
            "visits": total.visits if known else None,
            "mean": _mean(total.occupied_s, seen),
            "most": total.most if known else None,
            "stays": dwell.count if known and minutes == QUARTER_MINUTES else None,
            "dwell_median_s": _tenths(dwell.median_s),
            "dwell_p90_s": _tenths(dwell.p90_s),
            "observed_s": seen.observed_s,
            "down_s": seen.down_s,
            "possible_s": seen.possible_s,
            "coverage": seen.coverage,
        }


def zone_totals(
    cameras: Iterable[Camera],
    start: datetime,
    end: datetime,
    *,
    zone: str | None = None,
    now: datetime | None = None,
) -> list[ZoneTotal]:
    """Each zone over the whole quarters that cover [start, end)."""
    first, after = quarters_of(start, end)
    totals: list[ZoneTotal] = []
    for camera in cameras:
        seen = watched_over([camera.pk], start, end, now)
        names = [z["id"] for z in camera.scene.zones if zone in (None, z["id"])]
        sums: defaultdict[str, _Sum] = defaultdict(_Sum, {name: _Sum() for name in names})
        for row in _rows(camera.pk, first, after, QUARTER_MINUTES, zone):
            sums[row.zone].add(row)
        dwelt = dict(
            QuarterZone.objects.filter(camera_id=camera.pk, quarter__gte=first, quarter__lt=after)
            .values_list("zone_id")
            .annotate(Sum("dwell_s"))
        )
        totals += [
            _total(camera.pk, name, total, dwelt.get(name, 0.0), seen)
            for name, total in sums.items()
        ]
    return totals


def _total(camera: int, zone: str, total: _Sum, dwelt_s: float, seen: Watched) -> ZoneTotal:
    histogram = add_packed(total.dwells, DWELL_BINS)
    dwell = dwell_of_histogram(histogram)
    return {
        "camera": camera,
        "zone": zone,
        "visits": total.visits,
        "mean": _mean(total.occupied_s, seen),
        "most": total.most,
        "stays": dwell.count,
        "dwell_mean_s": _tenths(dwelt_s / dwell.count) if dwell.count else None,
        "dwell_median_s": _tenths(dwell.median_s),
        "dwell_p90_s": _tenths(dwell.p90_s),
        "dwell_histogram": histogram.tolist(),
        "observed_s": seen.observed_s,
        "down_s": seen.down_s,
        "possible_s": seen.possible_s,
        "coverage": seen.coverage,
    }


def _rows(camera: int, first: int, after: int, minutes: int, zone: str | None) -> Iterator[_Row]:
    """Rows of one camera, zone by zone, in time order."""
    model: type[Model] = ZoneMinute if minutes == 1 else QuarterZone
    name = "minute" if minutes == 1 else "quarter"
    chosen = {} if zone is None else {"zone_id": zone}
    rows: Any = model._default_manager.filter(
        camera_id=camera, **{f"{name}__gte": first, f"{name}__lt": after}, **chosen
    ).order_by("zone_id", name)
    fields = ["zone_id", name, "occupied_s", "occupancy_max", "visits"]
    if minutes == QUARTER_MINUTES:
        fields.append("dwell")
    for row in rows.values_list(*fields).iterator(chunk_size=2000):
        yield _Row(*row)


def _mean(occupied_s: float, seen: Watched) -> float | None:
    return round(occupied_s / seen.observed_s, 3) if seen.observed_s > 0 else None


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
