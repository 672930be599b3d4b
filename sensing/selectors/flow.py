"""Flow over time: counts by direction and class, flow an hour, car units, peak hours, and what each
line carried. Over several cameras, seconds are camera-seconds and flows are sums of flows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from sensing.domain.statistics.bins import Coverage, flow_per_h
from sensing.domain.statistics.flow import peak_hour
from sensing.domain.statistics.mix import car_units
from sensing.models import QuarterCount, Site
from sensing.selectors.bins import bin_edges
from sensing.selectors.quarters import Selection, Watch, at_minute, watches, whole_quarters
from sensing.selectors.rollups import cuts_quarters, sums_by_bin
from sensing.selectors.site import site_time_zone
from sensing.selectors.wrong_way import wrong_way_by_bin

ByClass = dict[str, int]


class FlowBin(TypedDict):
    """One bin of all chosen lines; counts and what follows from them are None in a gap, and
    ``wrong_way`` also in bins shorter than a quarter over more than a day."""

    start: datetime
    end: datetime
    coverage: Coverage
    possible_s: float
    observed_s: float
    down_s: float
    count: int | None
    forward: ByClass | None
    backward: ByClass | None
    small: int | None
    large: int | None
    wrong_way: int | None
    car_units: float | None
    flow_per_h: float | None


class PeakHour(TypedDict):
    """The four quarters from ``start`` that carried most; ``factor`` is the peak-hour factor."""

    start: datetime
    end: datetime
    volume: float
    busiest_quarter: float
    factor: float | None


class Peaks(TypedDict):
    """``quarters`` were asked for, ``complete`` of them were observed throughout."""

    quarters: int
    complete: int
    peak: PeakHour | None
    days: list[PeakHour]


def flow_bins(
    chosen: Selection, bin_minutes: int, site: Site, now: datetime | None = None
) -> list[FlowBin]:
    """Every bin that covers the chosen period, in time order."""
    edges = bin_edges(chosen.start, chosen.end, bin_minutes, site_time_zone(site))
    with_wrong_way = not cuts_quarters(edges)
    sums: dict[str, Any] = {"total": Sum("count")}
    if with_wrong_way:
        sums["wrong"] = Sum("wrong_way")
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for place, row in sums_by_bin(
        QuarterCount, chosen.counted, edges, ("direction", "object_class", "size"), **sums
    ):
        found[place].append(row)
    wrong: Mapping[int, int] | None = None
    if with_wrong_way:
        wrong = {place: sum(row["wrong"] for row in rows) for place, rows in found.items()}
    elif chosen.is_short:
        wrong = wrong_way_by_bin(chosen, edges)
    seen = watches(chosen, edges, now or timezone.now())
    return [
        _bin(
            begin,
            end,
            seen[place],
            found.get(place, []),
            site.car_units,
            None if wrong is None else wrong.get(place, 0),
        )
        for place, (begin, end) in enumerate(pairwise(edges))
    ]


def _bin(  # noqa: PLR0917  the columns of one row
    begin: int,
    end: int,
    watch: Watch,
    rows: list[dict[str, Any]],
    table: Mapping[str, float],
    wrong_way: int | None,
) -> FlowBin:
    known = watch.observed_s > 0.0 or bool(rows)
    ways: dict[str, ByClass] = {"forward": {}, "backward": {}}
    sizes: ByClass = {"small": 0, "large": 0, "": 0}
    for row in rows:
        way = ways[row["direction"]]
        way[row["object_class"]] = way.get(row["object_class"], 0) + row["total"]
        sizes[row["size"]] += row["total"]
    count = sum(sizes.values())
    units = car_units(ways["forward"], table).value + car_units(ways["backward"], table).value
    return {
        "start": at_minute(begin),
        "end": at_minute(end),
        "coverage": watch.coverage,
        "possible_s": round(watch.width_s, 3),
        "observed_s": round(watch.observed_s, 3),
        "down_s": round(watch.down_s, 3),
        "count": count if known else None,
        "forward": ways["forward"] if known else None,
        "backward": ways["backward"] if known else None,
        "small": sizes["small"] if known else None,
        "large": sizes["large"] if known else None,
        "wrong_way": wrong_way if known else None,
        "car_units": round(units, 3) if known else None,
        "flow_per_h": _flow(count, watch) if known else None,
    }


def _flow(count: int, watch: Watch) -> float | None:
    """Several cameras side by side carry the sum of their flows, not its mean."""
    flow = flow_per_h(count * watch.cameras, watch.observed_s)
    return None if flow is None else round(flow, 3)


def peak_hours(chosen: Selection, site: Site, now: datetime | None = None) -> Peaks:
    """The best sliding hour of the period and of each local day in it, of quarters that were
    observed completely: what is missing in the others would be read as nobody."""
    edges = whole_quarters(chosen.start, chosen.end)
    sums = sums_by_bin(QuarterCount, chosen.counted, edges, total=Sum("count"))
    totals = {place: row["total"] for place, row in sums}
    seen = watches(chosen, edges, now or timezone.now())
    counts = [
        float(totals.get(place, 0)) if watch.coverage == "complete" else None
        for place, watch in enumerate(seen)
    ]
    zone = site_time_zone(site)
    return {
        "quarters": len(counts),
        "complete": sum(count is not None for count in counts),
        "peak": _peak(counts, edges),
        "days": [
            peak
            for first, last in _days(edges, zone)
            if (peak := _peak(counts[first:last], edges[first:])) is not None
        ],
    }


def _days(edges: list[int], zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """(first, after the last) quarter of each local day."""
    first, day = 0, at_minute(edges[0]).astimezone(zone).date()
    for place, edge in enumerate(edges[:-1]):
        today = at_minute(edge).astimezone(zone).date()
        if today != day:
            yield first, place
            first, day = place, today
    yield first, len(edges) - 1


def _peak(counts: list[float | None], edges: list[int]) -> PeakHour | None:
    found = peak_hour(counts)
    if found is None:
        return None
    return {
        "start": at_minute(edges[found.first]),
        "end": at_minute(edges[found.first] + 60),
        "volume": found.volume,
        "busiest_quarter": found.busiest_quarter,
        "factor": None if found.factor is None else round(found.factor, 4),
    }
