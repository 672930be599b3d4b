"""Speeds over a period and over time, from the packed histograms of quarters; free speeds from
single crossings, for a day at most. Metres per second throughout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import TypedDict

import numpy as np
from django.db.models import Sum
from django.utils import timezone

from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.packing import (
    SPEED_WIDTH_MPS,
    Counts,
)
from sensing.domain.statistics.speeds import (
    PACE_WIDTH_MPS,
    Soundness,
    SpeedHistogram,
    over_limit_percent_from_bins,
    pace_from_bins,
    percentile_from_bins,
    soundness,
)
from sensing.models import QuarterCount, Site
from sensing.selectors.bins import bin_edges
from sensing.selectors.quarters import Selection, Watch, at_minute, watches
from sensing.selectors.rollups import QUARTER_MINUTES, cuts_quarters, sums_over
from sensing.selectors.site import site_time_zone
from sensing.selectors.speed_rows import (
    LineKey,
    SpeedSums,
    by_bin_and_line,
    free_rows,
    joined,
    measured_rows,
)

PACE_10_MPH_MPS = 4.4704
MAX_CAMERA_DAYS = 1200
"""Quarters are added up row by row: three years of one camera, a month of forty. Of days that are
summed, bins of days may hold any number."""


class SpeedFigures(TypedDict):
    """Refused below 30 vehicles (all values None), ``few`` below 100."""

    count: int
    doubtful: int
    soundness: Soundness
    time_mean_mps: float | None
    space_mean_mps: float | None
    v15_mps: float | None
    v50_mps: float | None
    v85_mps: float | None


class SpeedBin(SpeedFigures):
    start: datetime
    end: datetime
    coverage: Coverage
    observed_s: float


class SpeedSummary(SpeedFigures):
    """``counted`` vehicles passed, of which ``count`` have a speed that is shown.

    ``over_limit_percent`` is of the ``limited`` vehicles at lines with a limit; ``limit_mps`` is
    None where there is none, or where lines have different ones.
    """

    counted: int
    pace_low_mps: float | None
    pace_width_mps: float
    pace_percent: float | None
    limit_mps: float | None
    limited: int
    over_limit_percent: float | None
    histogram: HistogramDocument


class HistogramDocument(TypedDict):
    """``counts[k]`` vehicles from ``first_mps + k·width_mps`` on."""

    first_mps: float
    width_mps: float
    counts: list[int]


def speed_bins(
    chosen: Selection, bin_minutes: int, site: Site, *, free: bool, now: datetime | None = None
) -> tuple[SpeedSummary, list[SpeedBin]]:
    """What the chosen period says as a whole, and each bin of it. Bins are of quarters at least:
    raises ``ValueError`` for shorter ones, and for ``free`` speeds of more than a day."""
    edges = bin_edges(chosen.start, chosen.end, bin_minutes, site_time_zone(site))
    if cuts_quarters(edges):
        raise ValueError(f"expected bins of at least a quarter of an hour, got {bin_minutes} min")
    if free and not chosen.is_short:
        raise ValueError("expected a period of a day at most for free speeds")
    rows = free_rows(chosen, edges) if free else measured_rows(chosen, edges)
    seen = watches(chosen, edges, now or timezone.now())
    by_line: dict[LineKey, list[SpeedSums]] = defaultdict(list)
    in_bin: dict[int, list[SpeedSums]] = defaultdict(list)
    for place, line, sums in by_bin_and_line(rows, edges):
        by_line[line].append(sums)
        in_bin[place].append(sums)
    bins = [
        _bin(begin, end, seen[place], joined(in_bin.get(place, [])))
        for place, (begin, end) in enumerate(pairwise(edges))
    ]
    lines = {line: joined(parts) for line, parts in by_line.items()}
    return _summary(lines, _counted(chosen, edges), _limits(chosen), site), bins


def figures(sums: SpeedSums) -> SpeedFigures:
    verdict = soundness(sums.count)
    refused = verdict == "refused"
    histogram = _histogram(sums)

    def v(percent: float) -> float | None:
        return _rounded(percentile_from_bins(histogram, percent).value_mps)

    return {
        "count": sums.count,
        "doubtful": sums.doubtful,
        "soundness": verdict,
        "time_mean_mps": None if refused else _rounded(sums.sum_mps / sums.count),
        "space_mean_mps": None if refused else _rounded(sums.count / sums.sum_s_per_m),
        "v15_mps": v(15),
        "v50_mps": v(50),
        "v85_mps": v(85),
    }


def _histogram(sums: SpeedSums) -> SpeedHistogram:
    return SpeedHistogram(0.0, SPEED_WIDTH_MPS, tuple(sums.histogram.tolist()))


def _bin(begin: int, end: int, watch: Watch, sums: SpeedSums) -> SpeedBin:
    return {
        "start": at_minute(begin),
        "end": at_minute(end),
        "coverage": watch.coverage,
        "observed_s": round(watch.observed_s, 3),
        **figures(sums),
    }


def _summary(
    lines: Mapping[LineKey, SpeedSums],
    counted: int,
    limits: Mapping[LineKey, float],
    site: Site,
) -> SpeedSummary:
    whole = joined(list(lines.values()))
    found = figures(whole)
    width = PACE_10_MPH_MPS if site.speed_unit == "mph" else PACE_WIDTH_MPS
    pace = None if found["soundness"] == "refused" else pace_from_bins(_histogram(whole), width)
    over, limited = 0.0, 0
    for key, sums in lines.items():
        share = (
            over_limit_percent_from_bins(_histogram(sums), limits[key]) if key in limits else None
        )
        if share is not None:
            over += share * sums.count
            limited += sums.count
    different = {limits[key] for key in lines if key in limits}
    return {
        **found,
        "counted": counted,
        "pace_low_mps": _rounded(pace.low_mps) if pace else None,
        "pace_width_mps": round(width, 4),
        "pace_percent": _rounded(pace.share_percent) if pace else None,
        "limit_mps": different.pop() if len(different) == 1 else None,
        "limited": limited,
        "over_limit_percent": None if soundness(limited) == "refused" else _rounded(over / limited),
        "histogram": _document(whole.histogram),
    }


def _document(histogram: Counts) -> HistogramDocument:
    filled = np.flatnonzero(histogram)
    first, last = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
    return {
        "first_mps": first * SPEED_WIDTH_MPS,
        "width_mps": SPEED_WIDTH_MPS,
        "counts": histogram[first:last].tolist(),
    }


def _counted(chosen: Selection, edges: list[int]) -> int:
    period = (edges[0] // QUARTER_MINUTES, edges[-1] // QUARTER_MINUTES)
    sums = sums_over(QuarterCount, chosen.counted, period, ("camera_id",), total=Sum("count"))
    return sum(row["total"] for row in sums.values())


def _limits(chosen: Selection) -> dict[LineKey, float]:
    return {
        (camera.pk, line["id"]): line["speed_limit_mps"]
        for camera in chosen.cameras
        for line in camera.scene.lines
        if line.get("speed_limit_mps") is not None
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
