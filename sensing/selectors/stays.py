"""Persons in zones: occupancy, visits and how long they stayed, in bins and over a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple, TypedDict

from django.utils import timezone

from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.packing import DWELL_BINS, add_packed
from sensing.domain.statistics.people import dwell_of_histogram
from sensing.models import Camera, QuarterZone
from sensing.selectors.quarters import at_minute, quarters_of
from sensing.selectors.rollups import MINUTES, Chosen, cuts_quarters, rows_of_bins, rows_over
from sensing.selectors.site import site_time_zone
from sensing.selectors.watched import Watched, past_edges, watched_bins, watched_over


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
    occupied_s: float
    most: int
    visits: int
    dwell_s: float = 0.0  # minutes hold none
    dwell: bytes = b""


ROW = ("occupied_s", "occupancy_max", "visits")
DWELLS = ("dwell_s", "dwell")


@dataclass(slots=True)
class _Sum:
    occupied_s: float = 0.0
    most: int = 0
    visits: int = 0
    dwell_s: float = 0.0
    dwells: list[bytes] = field(default_factory=list)

    def add(self, row: _Row) -> None:
        self.occupied_s += row.occupied_s
        self.most = max(self.most, row.most)
        self.visits += row.visits
        self.dwell_s += row.dwell_s
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
    for camera in cameras:
        seen = watched_bins(camera.pk, edges, now)
        own = _own(camera, zone)
        used = {
            name
            for _rollup, rows in rows_of_bins(QuarterZone, own, edges)
            for name in rows.order_by().values_list("zone_id", flat=True).distinct()
        }
        for name in [*sorted(used), *sorted(_drawn(camera, zone) - used)]:
            yield from _bins(camera.pk, name, _rows(own | {"zone_id": name}, edges), edges, seen)


def _own(camera: Camera, zone: str | None) -> dict[str, object]:
    return {"camera_id": camera.pk} | ({} if zone is None else {"zone_id": zone})


def _drawn(camera: Camera, zone: str | None) -> set[str]:
    return {z["id"] for z in camera.scene.zones if zone in (None, z["id"])}


def _rows(own: Chosen, edges: list[int]) -> Iterator[tuple[int, _Row]]:
    """(Unix minute, row) of one zone in time order."""
    for rollup, rows in rows_of_bins(QuarterZone, own, edges):
        columns = (rollup.column, *ROW, *(() if rollup is MINUTES else DWELLS))
        for place, *values in rows.values_list(*columns).iterator(chunk_size=2000):
            yield place * rollup.minutes, _Row(*values)


def _bins(
    camera: int,
    zone: str,
    rows: Iterator[tuple[int, _Row]],
    edges: list[int],
    watched: list[Watched],
) -> Iterator[ZoneBin]:
    row, with_stays = next(rows, None), not cuts_quarters(edges)
    for (begin, end), seen in zip(pairwise(edges), watched, strict=True):
        total = _Sum()
        while row is not None and row[0] < end:
            total.add(row[1])
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
            "stays": dwell.count if known and with_stays else None,
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
    totals: list[ZoneTotal] = []
    for camera in cameras:
        seen = watched_over([camera.pk], start, end, now)
        names = [z["id"] for z in camera.scene.zones if zone in (None, z["id"])]
        sums: defaultdict[str, _Sum] = defaultdict(_Sum, {name: _Sum() for name in names})
        for rows in rows_over(QuarterZone, _own(camera, zone), *quarters_of(start, end)):
            values = rows.values_list("zone_id", *ROW, *DWELLS)
            for name, *row in values.order_by("zone_id").iterator(chunk_size=2000):
                sums[name].add(_Row(*row))
        totals += [_total(camera.pk, name, total, seen) for name, total in sums.items()]
    return totals


def _total(camera: int, zone: str, total: _Sum, seen: Watched) -> ZoneTotal:
    histogram = add_packed(total.dwells, DWELL_BINS)
    dwell = dwell_of_histogram(histogram)
    return {
        "camera": camera,
        "zone": zone,
        "visits": total.visits,
        "mean": _mean(total.occupied_s, seen),
        "most": total.most,
        "stays": dwell.count,
        "dwell_mean_s": _tenths(total.dwell_s / dwell.count) if dwell.count else None,
        "dwell_median_s": _tenths(dwell.median_s),
        "dwell_p90_s": _tenths(dwell.p90_s),
        "dwell_histogram": histogram.tolist(),
        "observed_s": seen.observed_s,
        "down_s": seen.down_s,
        "possible_s": seen.possible_s,
        "coverage": seen.coverage,
    }


def _mean(occupied_s: float, seen: Watched) -> float | None:
    return round(occupied_s / seen.observed_s, 3) if seen.observed_s > 0 else None


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
