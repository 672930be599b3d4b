"""Which rows tell a time: minutes, quarters of an hour or days. This is the one place that chooses.

Callers name what they ask for by its rows per quarter (``QuarterCount``, …) and get the coarsest
rows that tell it exactly: those per day where a bin, or a part of a period, is made of days that
were summed; those per minute only for bins that cut a quarter. Crossings are read by nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from django.db.models import F, Model, Q, QuerySet

from sensing.models import (
    DAYS_OF,
    CountInterval,
    ObservedMinute,
    Quarter,
    QuarterCount,
    QuarterObserved,
    QuarterZone,
    SummedDay,
    ZoneMinute,
)

QUARTER_MINUTES = 15
LEAST_DAY = 80
"""Quarters: no local day is shorter, however clocks are set."""

Kind = type[Quarter]
Chosen = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Rollup:
    """Rows per ``minutes``, numbered in ``column`` from the Unix epoch; those of a day bear the
    number of its first quarter."""

    models: Mapping[Kind, type[Model]]
    column: str
    minutes: int

    def rows(self, kind: Kind, chosen: Chosen, *spans: tuple[int, int]) -> QuerySet[Any]:
        """Rows of Unix minutes [first, last) of the spans, which are whole units."""
        wanted = Q()
        for first, last in spans:
            low, high = first // self.minutes, last // self.minutes
            wanted |= Q(**{f"{self.column}__gte": low, f"{self.column}__lt": high})
        return self.models[kind]._default_manager.filter(wanted, **chosen).order_by()


MINUTES = Rollup(
    {QuarterCount: CountInterval, QuarterObserved: ObservedMinute, QuarterZone: ZoneMinute},
    "minute",
    1,
)
QUARTERS = Rollup({kind: kind for kind in DAYS_OF}, "quarter", QUARTER_MINUTES)
DAYS = Rollup(DAYS_OF, "quarter", QUARTER_MINUTES)


class Stretch(NamedTuple):
    """Bins of ``width``, one after the other from ``first`` to ``last`` (Unix minutes)."""

    rollup: Rollup
    first: int
    last: int
    width: int


def cuts_quarters(edges: list[int]) -> bool:
    """Whether bins with these edges (Unix minutes) are not made of whole quarters."""
    return any(edge % QUARTER_MINUTES for edge in edges)


def stretches(edges: list[int]) -> Iterator[Stretch]:
    """Stretches of equal bins that the same rows tell: one, and more where clocks are set.

    The database can sum equal bins by itself; a day of 23 hours would make it sum hours for all.
    """
    told = _told_by(edges)
    begin = 0
    for k in range(1, len(edges)):
        width = edges[begin + 1] - edges[begin]
        ends = k + 1 == len(edges) or edges[k + 1] - edges[k] != width
        if ends or told[k] is not told[begin]:
            yield Stretch(told[begin], edges[begin], edges[k], width)
            begin = k


def days_by_quarters(edges: list[int]) -> float:
    """Days of bins with these edges for which quarter by quarter has to be read."""
    parts = stretches(edges)
    return sum(part.last - part.first for part in parts if part.rollup is QUARTERS) / 1440.0


def _told_by(edges: list[int]) -> list[Rollup]:
    bins = list(pairwise(edges))
    if cuts_quarters(edges):
        return [MINUTES] * len(bins)
    days: dict[int, int] = {}
    if any(end - begin >= LEAST_DAY * QUARTER_MINUTES for begin, end in bins):
        days = _summed(edges[0] // QUARTER_MINUTES, edges[-1] // QUARTER_MINUTES)

    def made_of_days(begin: int, end: int) -> bool:
        quarter, after = begin // QUARTER_MINUTES, end // QUARTER_MINUTES
        while quarter < after and quarter in days:
            quarter = days[quarter]
        return quarter == after

    return [DAYS if made_of_days(*bin_) else QUARTERS for bin_ in bins]


def _summed(first: int, after: int) -> dict[int, int]:
    """First quarter → the one after the last of the summed days within [first, after), in order."""
    inside = SummedDay.objects.filter(first__gte=first, after__lte=after).order_by("first")
    return dict(inside.values_list("first", "after"))


def sums_by_bin(
    kind: Kind, chosen: Chosen, edges: list[int], by: tuple[str, ...] = (), **sums: Any
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(index of the bin, ``by`` and ``sums``) in time order; bins without rows are left out."""
    index = 0
    for rollup, first, last, width in stretches(edges):
        low, span = first // rollup.minutes, width // rollup.minutes
        grouped = (
            rollup.rows(kind, chosen, (first, last))
            .annotate(place=(F(rollup.column) - low) / span)
            .values("place", *by)
            .annotate(**sums)
            .order_by("place")
        )
        for row in grouped.iterator(chunk_size=2000):
            yield index + row["place"], row
        index += (last - first) // width


def rows_of_bins(
    kind: Kind, chosen: Chosen, edges: list[int]
) -> Iterator[tuple[Rollup, QuerySet[Any]]]:
    """The rows that tell bins, in time order; a day's rows are in the bin in which it begins."""
    for rollup, parts in groupby(stretches(edges), key=lambda part: part.rollup):
        same = list(parts)
        yield (
            rollup,
            rollup.rows(kind, chosen, (same[0].first, same[-1].last)).order_by(rollup.column),
        )


def rows_over(kind: Kind, chosen: Chosen, first: int, after: int) -> list[QuerySet[Any]]:
    """The rows of quarters [first, after), each of which is in exactly one of them: of the summed
    days within, and of the quarters that are left."""
    days: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    begin = first
    for day, end in (_summed(first, after) if after - first >= LEAST_DAY else {}).items():
        if days and days[-1][1] == day:
            days[-1] = (days[-1][0], end)
        else:
            days.append((day, end))
        if begin < day:
            rest.append((begin, day))
        begin = end
    if begin < after:
        rest.append((begin, after))
    return [
        rollup.rows(kind, chosen, *((a * QUARTER_MINUTES, b * QUARTER_MINUTES) for a, b in spans))
        for rollup, spans in ((DAYS, days), (QUARTERS, rest))
        if spans
    ]


def sums_over(
    kind: Kind, chosen: Chosen, period: tuple[int, int], by: tuple[str, ...], **sums: Any
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """``by`` → ``sums`` (that can be added) over quarters [first, after)."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rows in rows_over(kind, chosen, *period):
        for row in rows.values(*by).annotate(**sums).iterator(chunk_size=2000):
            total = found.setdefault(tuple(row[name] for name in by), dict.fromkeys(sums, 0))
            for name in sums:
                total[name] += row[name]
    return found
