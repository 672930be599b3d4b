"""What each line carried over a period: flow, speeds, density, line occupancy."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypedDict

from django.db.models import Sum

from sensing.domain.speed_traffic import line_occupancy_percent
from sensing.domain.statistics.bins import flow_per_h
from sensing.domain.statistics.flow import density_per_km
from sensing.domain.statistics.mix import car_units
from sensing.domain.statistics.speeds import LEAST_COUNT, Soundness, soundness
from sensing.models import QuarterCount, QuarterObserved, QuarterSpeed, Site
from sensing.selectors.quarters import Selection, quarters_of
from sensing.selectors.rollups import sums_over

ByClass = dict[str, int]


class LineFlow(TypedDict):
    """What one direction of one line carried. The rows on speeds rest on ``speeds`` of ``count``
    vehicles; the mean and the density are None below 30 of them."""

    camera: int
    line: str
    direction: str
    count: int
    observed_s: float
    flow_per_h: float | None
    car_units: float
    wrong_way: int
    speeds: int
    soundness: Soundness
    space_mean_mps: float | None
    density_per_km: float | None
    occupancy_percent: float | None


def line_flows(chosen: Selection, site: Site) -> list[LineFlow]:
    """What each line carried in the whole quarters that cover the period, by direction."""
    period = quarters_of(chosen.start, chosen.end)
    watched = sums_over(
        QuarterObserved, chosen.watched, period, ("camera_id",), seconds=Sum("observed_s")
    )
    observed = {camera: row["seconds"] for (camera,), row in watched.items()}
    by = ("camera_id", "line_id", "direction")
    speeds = sums_over(
        QuarterSpeed,
        chosen.counted,
        period,
        by,
        n=Sum("count"),
        inverse=Sum("sum_s_per_m"),
        on_line=Sum("on_line_s"),
    )
    carried: dict[tuple[Any, ...], ByClass] = defaultdict(dict)
    wrong: dict[tuple[Any, ...], int] = defaultdict(int)
    for (*line, name), row in sums_over(
        QuarterCount,
        chosen.counted,
        period,
        (*by, "object_class"),
        total=Sum("count"),
        wrong=Sum("wrong_way"),
    ).items():
        carried[tuple(line)][name] = row["total"]
        wrong[tuple(line)] += row["wrong"]
    return [
        _line(key, carried[key], wrong[key], observed.get(key[0], 0.0), speeds.get(key), site)
        for key in sorted(carried, key=lambda key: (key[0], key[1], key[2] != "forward"))
    ]


def _line(  # noqa: PLR0917  the columns of one row
    key: tuple[Any, ...],
    classes: ByClass,
    wrong_way: int,
    observed_s: float,
    speeds: dict[str, Any] | None,
    site: Site,
) -> LineFlow:
    count = sum(classes.values())
    flow = flow_per_h(count, observed_s)
    measured = speeds["n"] if speeds else 0
    inverse = speeds["inverse"] if speeds else 0.0
    mean = measured / inverse if measured >= LEAST_COUNT and inverse > 0.0 else None
    on_line_s = speeds["on_line"] if speeds else 0.0
    density = density_per_km(flow, mean) if mean is not None and flow is not None else None
    return {
        "camera": key[0],
        "line": key[1],
        "direction": key[2],
        "count": count,
        "observed_s": round(observed_s, 3),
        "flow_per_h": _rounded(flow),
        "car_units": round(car_units(classes, site.car_units).value, 3),
        "wrong_way": wrong_way,
        "speeds": measured,
        "soundness": soundness(measured),
        "space_mean_mps": _rounded(mean),
        "density_per_km": _rounded(density),
        # Without a single measured vehicle nothing is known, which is not 0 %.
        "occupancy_percent": _rounded(line_occupancy_percent(on_line_s, observed_s))
        if on_line_s > 0.0
        else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
