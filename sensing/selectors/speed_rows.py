"""Speeds as they are stored: packed per quarter and line, or, for a day, per crossing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from sensing.domain.statistics.packing import (
    SPEED_BINS,
    Counts,
    add_packed,
    pack,
    speed_bin,
)
from sensing.models import Crossing, QuarterSpeed
from sensing.selectors.quarters import Selection, at_minute
from sensing.selectors.rollups import rows_of_bins

LineKey = tuple[int, str]  # camera, line

FREE_HEADWAY_S = 4.0
"""Who follows nobody within so many seconds drives as they like."""


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """One row of a quarter or day, or one free vehicle, at a Unix minute; ``packed``: histogram."""

    minute: int
    line: LineKey
    count: int
    doubtful: int
    sum_mps: float
    sum_s_per_m: float
    packed: bytes


@dataclass(frozen=True, slots=True)
class SpeedSums:
    """Speeds of some vehicles: how many, how many of them doubtful, their sums and histogram."""

    count: int
    doubtful: int
    sum_mps: float
    sum_s_per_m: float
    histogram: Counts


def measured_rows(chosen: Selection, edges: list[int]) -> Iterator[SpeedRow]:
    columns = ("camera_id", "line_id", "count", "doubtful", "sum_mps", "sum_s_per_m", "histogram")
    for rollup, rows in rows_of_bins(QuarterSpeed, chosen.counted, edges):
        found = rows.values_list("quarter", *columns).iterator(chunk_size=2000)
        for quarter, camera, line, count, doubtful, total, inverse, packed in found:
            minute = quarter * rollup.minutes
            yield SpeedRow(minute, (camera, line), count, doubtful, total, inverse, bytes(packed))


def free_rows(chosen: Selection, edges: list[int]) -> Iterator[SpeedRow]:
    """Vehicles that follow nobody."""
    rows = Crossing.objects.filter(
        **chosen.counted,
        at__gte=at_minute(edges[0]),
        at__lt=at_minute(edges[-1]),
        speed_mps__gt=0.0,
        headway_s__gte=FREE_HEADWAY_S,
    ).order_by("at")
    columns = ("at", "camera_id", "line_id", "speed_mps", "speed_doubtful")
    for at, camera, line, speed_mps, doubtful in rows.values_list(*columns).iterator(2000):
        minute = int(at.timestamp() // 60)
        histogram = np.zeros(SPEED_BINS, np.int64)
        histogram[speed_bin(speed_mps)] = 1
        yield SpeedRow(
            minute, (camera, line), 1, doubtful, speed_mps, 1.0 / speed_mps, pack(histogram)
        )


def by_bin_and_line(
    rows: Iterable[SpeedRow], edges: list[int]
) -> Iterator[tuple[int, LineKey, SpeedSums]]:
    """Rows in time order → (index of the bin, line, sums)."""
    place = 0

    def bin_of(row: SpeedRow) -> int:
        nonlocal place
        while row.minute >= edges[place + 1]:
            place += 1
        return place

    for index, inside in groupby(rows, bin_of):
        found: dict[LineKey, list[SpeedRow]] = defaultdict(list)
        for row in inside:
            found[row.line].append(row)
        for line, parts in found.items():
            histogram = add_packed((part.packed for part in parts), SPEED_BINS)
            yield index, line, SpeedSums(*_totals(parts), histogram)


def joined(parts: list[SpeedSums]) -> SpeedSums:
    """Sums of sums; of none, nothing."""
    zero = np.zeros(SPEED_BINS, np.int64)
    return SpeedSums(*_totals(parts), np.sum([zero, *(p.histogram for p in parts)], axis=0))


def _totals(parts: Sequence[SpeedRow | SpeedSums]) -> tuple[int, int, float, float]:
    return (
        sum(part.count for part in parts),
        sum(part.doubtful for part in parts),
        sum(part.sum_mps for part in parts),
        sum(part.sum_s_per_m for part in parts),
    )
