"""Counts by quarter of an hour as traffic engineers lay them out: quarters down, classes across
within each direction or turning movement, and below each day its total, peak hour and PHF."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.flow import peak_hour
from sensing.export.table import RowKind, Sheet

QUARTER = timedelta(minutes=15)
Row = tuple[RowKind, list[Any]]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that belong together, such as a direction; ``labels`` above them, one a line."""

    key: Hashable
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quarter:
    """``start`` on the site's clock; ``counts`` by group and column, without those that are 0."""

    start: datetime
    observed_s: float
    coverage: Coverage
    counts: Mapping[Hashable, Mapping[str, int]] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return self.coverage in ("complete", "partial")


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns`` of each group; those in ``summed`` make up its total, the others only repeat
    them in another way, as sizes do."""

    name: str
    notes: Sequence[str]
    groups: Sequence[Group]
    columns: Sequence[str]
    summed: frozenset[str]

    def totals(self, quarter: Quarter) -> list[int]:
        return [
            sum(n for column, n in quarter.counts.get(g.key, {}).items() if column in self.summed)
            for g in self.groups
        ]

    def cells(self, quarter: Quarter) -> list[int]:
        """The counts of each group with its total, then the total of all."""
        cells: list[int] = []
        totals = self.totals(quarter)
        for group, total in zip(self.groups, totals, strict=True):
            counts = quarter.counts.get(group.key, {})
            cells += [*(counts.get(column, 0) for column in self.columns), total]
        return [*cells, sum(totals)]


def sheet(layout: Layout, quarters: Iterable[Quarter]) -> Sheet:
    """The layout filled; quarters come in time order and only one day of them is held."""
    return Sheet(layout.name, _rows(layout, quarters))


def _rows(layout: Layout, quarters: Iterable[Quarter]) -> Iterator[Row]:
    yield "title", [layout.name]
    for note in layout.notes:
        yield "note", [note]
    yield "note", []
    yield from _head(layout)
    for _day, of_day in groupby(quarters, key=lambda quarter: quarter.start.date()):
        held = list(of_day)
        for quarter in held:
            yield "data", _line(layout, quarter)
        yield from _below(layout, held)


def _head(layout: Layout) -> Iterator[Row]:
    width = len(layout.columns)
    lines = max((len(group.labels) for group in layout.groups), default=0)
    for line in range(lines):
        cells: list[Any] = ["", "", ""]
        for group in layout.groups:
            label = group.labels[line] if line < len(group.labels) else ""
            cells += [label, *[""] * width]
        yield "head", [*cells, ""]
    names: list[Any] = ["start", "observed_s", "coverage"]
    for _group in layout.groups:
        names += [*layout.columns, "total"]
    yield "head", [*names, "total of all"]


def _line(layout: Layout, quarter: Quarter) -> list[Any]:
    head: list[Any] = [quarter.start.isoformat(), round(quarter.observed_s, 1), quarter.coverage]
    width = len(layout.groups) * (len(layout.columns) + 1) + 1
    # What was not observed stays empty: a zero would say that nobody came.
    return head + (list(layout.cells(quarter)) if quarter.known else [None] * width)


def _below(layout: Layout, quarters: list[Quarter]) -> Iterator[Row]:
    known = [layout.cells(quarter) for quarter in quarters if quarter.known]
    width = len(layout.groups) * (len(layout.columns) + 1) + 1
    sums: list[Any] = [sum(column) for column in zip(*known, strict=True)] or [None] * width
    observed = round(sum(quarter.observed_s for quarter in quarters), 1)
    date = quarters[0].start.date().isoformat()
    yield "total", [f"Total {date}", observed, "", *sums]
    whole = [q if q.coverage == "complete" else None for q in quarters]
    peak = peak_hour([sum(layout.totals(q)) if q else None for q in whole])
    if peak is None or peak.factor is None:
        yield "total", ["Peak hour", "", "none: no whole hour was observed with traffic"]
        yield "note", []
        return
    hour = [layout.cells(quarter) for quarter in quarters[peak.first : peak.first + 4]]
    start = quarters[peak.first].start
    end = quarters[peak.first + 3].start + QUARTER
    volumes = [sum(column) for column in zip(*hour, strict=True)]
    factors = [
        round(v / (4.0 * max(column)), 4) if max(column) > 0 else None
        for v, column in zip(volumes, zip(*hour, strict=True), strict=True)
    ]
    of_totals = _total_places(layout)
    yield "total", [f"Peak hour {start:%H:%M}–{end:%H:%M}", "", "", *volumes]
    yield (
        "total",
        ["PHF", "", "", *(f if k in of_totals else None for k, f in enumerate(factors))],
    )
    yield "note", []


def _total_places(layout: Layout) -> set[int]:
    width = len(layout.columns) + 1
    ends = {(k + 1) * width - 1 for k in range(len(layout.groups))}
    return ends | {len(layout.groups) * width}
