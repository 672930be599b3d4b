"""Bins of one camera for exports, read in time order and never held: what is measured in a bin is
asked for bin by bin, while the rows stream by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby, pairwise
from typing import Any, Generic, TypeVar

from django.db.models import Sum

from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.packing import SPEED_BINS, add_packed
from sensing.models import Camera, Quarter, QuarterObserved, QuarterSpeed
from sensing.selectors.bins import bin_edges, count_bins
from sensing.selectors.export_tables import Asked
from sensing.selectors.quarters import Watch, at_minute, passed_s
from sensing.selectors.rollups import QUARTER_MINUTES, rows_of_bins, sums_by_bin
from sensing.selectors.speed_rows import SpeedSums

T = TypeVar("T")


class InStep(Generic[T]):
    """Values with the index of their bin, in order; ``at`` hands out those of one bin after the
    other, and what was passed over is gone."""

    def __init__(self, placed: Iterable[tuple[int, T]]) -> None:
        self._placed = iter(placed)
        self._next = next(self._placed, None)

    def at(self, place: int) -> list[T]:
        found: list[T] = []
        while self._next is not None and self._next[0] <= place:
            if self._next[0] == place:
                found.append(self._next[1])
            self._next = next(self._placed, None)
        return found


@dataclass(frozen=True, slots=True)
class Span:
    """One bin of one camera and how well it was watched."""

    place: int
    start: datetime
    end: datetime
    observed_s: float
    coverage: Coverage

    @property
    def known(self) -> bool:
        return self.observed_s > 0.0


def past(asked: Asked) -> datetime:
    """Bins that have not begun say nothing: a period ends now at the latest."""
    return min(asked.order.end, asked.now)


def edges_of(asked: Asked, bin_minutes: int) -> list[int]:
    """The edges (Unix minutes) of the bins that cover the period up to now; none if it has not
    begun."""
    start, until = asked.order.start, past(asked)
    return bin_edges(start, until, bin_minutes, asked.zone) if start < until else []


def spans(asked: Asked, camera: Camera, edges: list[int]) -> Iterator[Span]:
    """The bins with these edges."""
    return _spans(camera, edges, asked.now) if edges else iter(())


def _spans(camera: Camera, edges: list[int], now: datetime) -> Iterator[Span]:
    seconds: dict[str, Any] = {"observed": Sum("observed_s"), "down": Sum("down_s")}
    sums = InStep(sums_by_bin(QuarterObserved, {"camera": camera}, edges, **seconds))
    for place, (begin, end) in enumerate(pairwise(edges)):
        row = next(iter(sums.at(place)), {"observed": 0.0, "down": 0.0})
        watch = Watch(passed_s(begin, end, now), row["observed"], row["down"], 1)
        observed_s = round(watch.observed_s, 3)
        yield Span(place, at_minute(begin), at_minute(end), observed_s, watch.coverage)


@dataclass(frozen=True, slots=True)
class LineCounts:
    """One direction of one line in one bin: crossings by class and by size; None in a gap."""

    start: datetime
    end: datetime
    line: str
    direction: str
    observed_s: float
    coverage: Coverage
    classes: dict[str, int] | None
    sizes: dict[str, int]


def line_counts(asked: Asked, camera: Camera, bin_minutes: int) -> Iterator[LineCounts]:
    """Every direction of every line in every bin up to now."""
    start, until = asked.order.start, past(asked)
    if start >= until:
        return
    bins = count_bins([camera], start, until, bin_minutes)
    for (begin, line, direction), series in groupby(
        bins, key=lambda row: (row["start"], row["line"], row["direction"])
    ):
        rows = list(series)
        classes: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for row in rows:
            name, size, count = row["class"], row["size"], row["count"]
            if name is not None and count:
                classes[name] = classes.get(name, 0) + count
                sizes[size or ""] = sizes.get(size or "", 0) + count
        known = any(row["count"] is not None for row in rows)
        first = rows[0]
        yield LineCounts(
            begin,
            first["end"],
            line,
            direction,
            first["observed_s"],
            first["coverage"],
            classes if known else None,
            sizes,
        )


def by_start(rows: Iterable[LineCounts]) -> Iterator[list[LineCounts]]:
    """The rows of each bin together."""
    for _start, inside in groupby(rows, key=lambda row: row.start):
        yield list(inside)


def placed(
    kind: type[Quarter], camera: Camera, edges: list[int], columns: Sequence[str]
) -> InStep[Sequence[Any]]:
    """Rows (``columns``) of one camera by bin; bins are of whole quarters."""
    rows = (
        rows.values_list(rollup.column, *columns).iterator(chunk_size=2000)
        for rollup, rows in rows_of_bins(kind, {"camera": camera}, edges)
    )
    return InStep(_placed(chain.from_iterable(rows), edges))


def _placed(rows: Iterable[Sequence[Any]], edges: list[int]) -> Iterator[tuple[int, Sequence[Any]]]:
    place = 0
    for quarter, *row in rows:
        while quarter * QUARTER_MINUTES >= edges[place + 1]:
            place += 1
        yield place, row


class LineSpeeds:
    """Speeds of one camera by bin, line and direction, and by class where that is asked for."""

    def __init__(self, camera: Camera, edges: list[int], *, by_class: bool = False) -> None:
        self.by_class = by_class
        columns = ("line_id", "direction", "object_class", "count", "doubtful")
        measures = ("sum_mps", "sum_s_per_m", "histogram")
        self._rows = placed(QuarterSpeed, camera, edges, columns + measures)

    def at(self, place: int) -> dict[tuple[str, ...], SpeedSums]:
        """(line, direction[, class]) → sums."""
        parts: dict[tuple[str, ...], list[Sequence[Any]]] = defaultdict(list)
        for row in self._rows.at(place):
            parts[tuple(row[: 3 if self.by_class else 2])].append(row)
        return {key: _sums(rows) for key, rows in parts.items()}


def _sums(rows: list[Sequence[Any]]) -> SpeedSums:
    return SpeedSums(
        sum(row[3] for row in rows),
        sum(row[4] for row in rows),
        sum(row[5] for row in rows),
        sum(row[6] for row in rows),
        add_packed((bytes(row[7]) for row in rows), SPEED_BINS),
    )
