"""Persons who came, left and were inside an area, from the lines that lead into it.

Quarters are the source; bins of one and five minutes of at most a day are from minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypedDict

from django.db.models import Model, Q, Sum
from django.utils import timezone

from sensing.domain.classes import PERSON_CLASSES
from sensing.domain.statistics.bins import Coverage
from sensing.domain.statistics.people import occupancy_by_bin, without_undone
from sensing.models import Camera, CountInterval, Crossing, QuarterCount
from sensing.selectors.quarters import at_minute
from sensing.selectors.rollups import QUARTER_MINUTES
from sensing.selectors.site import site_time_zone
from sensing.selectors.watched import (
    WatchedGrains,
    incomplete_since,
    past_edges,
    resets_between,
    watched_grains,
)

RESET_HOUR = 3
LONGEST_FINE = timedelta(hours=25)
"""The longest period for bins shorter than a quarter: a day on which clocks go back."""

Entries = dict[int, dict[str, str]]
"""Camera → line → the direction that leads in."""


class PeopleBin(TypedDict):
    """``entries`` and ``exits`` are None where nothing was observed. ``inside``: persons in the
    area, read at the end of each quarter (or minute) of the bin; ``inside_doubtful``: something
    since the last reset was not observed."""

    start: datetime
    end: datetime
    entries: int | None
    exits: int | None
    inside_mean: float | None
    inside_most: int | None
    inside_end: int | None
    inside_doubtful: bool
    observed_s: float
    down_s: float
    possible_s: float
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class People:
    """``drifts``: (time of a reset, how many the count was off by then)."""

    bins: list[PeopleBin]
    drifts: list[tuple[datetime, int]]


def person_lines(cameras: Iterable[Camera]) -> dict[int, list[str]]:
    """The lines of each camera on which persons are counted; needs its scene and modules."""
    counted: dict[int, list[str]] = {}
    for camera in cameras:
        for module in camera.modules.all():
            if module.kind == "person_count" and module.enabled:
                chosen = set(module.parameters.get("lines") or ())
                ids = [line["id"] for line in camera.scene.lines]
                counted[camera.pk] = [x for x in ids if not chosen or x in chosen]
    return counted


def people_bins(
    entries: Mapping[int, Mapping[str, str]],
    start: datetime,
    end: datetime,
    bin_minutes: int,
    *,
    reset_hour: int = RESET_HOUR,
    now: datetime | None = None,
) -> People:
    """Bins that cover [start, end) up to now, over all lines of ``entries`` together.

    Raises ``ValueError`` for bins below a quarter over more than a day, whose turn-backs would have
    to be read from the crossings themselves.
    """
    if bin_minutes < QUARTER_MINUTES and end - start > LONGEST_FINE:
        raise ValueError(f"expected at most {LONGEST_FINE} in bins of {bin_minutes} minutes")
    now, zone = now or timezone.now(), site_time_zone()
    edges = past_edges(start, end, bin_minutes, zone, now)
    if not edges:
        return People([], [])
    minutes = 1 if bin_minutes < QUARTER_MINUTES else QUARTER_MINUTES
    now_s = now.timestamp()
    past = min(edges[-1], int(now_s // 60) + 1)
    resets = resets_between(edges[0], past, reset_hour, zone)
    # Who came before the period, but after the last reset, is still inside.
    first, after = min([*resets, edges[0]]) // minutes, -(-edges[-1] // minutes)
    came, left = _passed(entries, first, after, minutes, edges[0])
    at = {minute // minutes - first for minute in resets}
    inside, drifts = occupancy_by_bin(came, left, at)
    watched = watched_grains(list(entries), first, after, minutes)
    # Where nobody watched since the reset before, the count was not right: it was not there.
    drifts = [(k, off) for k, off in drifts if watched.observed_s[_since(k, at) : k].any()]
    doubtful = incomplete_since(watched.complete(now_s).tolist(), at)
    # What is still to come is no level: the last is the one of now.
    running = min(after, int(now_s // 60) // minutes + 1) - first
    series = _Series(came, left, inside[:running], doubtful, watched, now_s)
    begin = edges[0] // minutes - first
    return People(
        [series.bin(a, b) for a, b in pairwise(edges)],
        [(at_minute((first + k) * minutes), off) for k, off in drifts if k >= begin],
    )


def _since(k: int, resets: Iterable[int]) -> int:
    return max((reset for reset in resets if reset < k), default=0)


@dataclass(frozen=True, slots=True)
class _Series:
    """Per grain: persons in and out, and how many were inside at its end."""

    came: list[int]
    left: list[int]
    inside: list[int]
    doubtful: list[bool]
    watched: WatchedGrains
    now_s: float

    def bin(self, begin: int, end: int) -> PeopleBin:
        grain = self.watched
        span = slice(begin // grain.minutes - grain.first, -(-end // grain.minutes) - grain.first)
        seen = grain.between(begin, end, self.now_s)
        entries, exits = sum(self.came[span]), sum(self.left[span])
        known = seen.observed_s > 0 or entries > 0 or exits > 0
        inside = self.inside[span] if known else []
        return {
            "start": at_minute(begin),
            "end": at_minute(end),
            "entries": entries if known else None,
            "exits": exits if known else None,
            "inside_mean": round(sum(inside) / len(inside), 2) if inside else None,
            "inside_most": max(inside, default=None),
            "inside_end": inside[-1] if inside else None,
            "inside_doubtful": any(self.doubtful[span]),
            "observed_s": seen.observed_s,
            "down_s": seen.down_s,
            "possible_s": seen.possible_s,
            "coverage": seen.coverage,
        }


def _passed(
    entries: Mapping[int, Mapping[str, str]], first: int, after: int, minutes: int, begin: int
) -> tuple[list[int], list[int]]:
    """Persons in and out per grain; who turned back did neither. Before Unix minute ``begin``
    turn-backs may stay: they change no occupancy."""
    came, left = [0] * (after - first), [0] * (after - first)
    undone = [0] * (after - first)
    for inward in ("forward", "backward"):
        lines = _lines(entries, inward)
        if lines is None:
            continue
        for grain, direction, count, backs in _sums(lines, first, after, minutes):
            (came if direction == inward else left)[grain - first] += count
            undone[grain - first] += backs
        if minutes == 1:
            back = Crossing.objects.filter(
                lines,
                object_class__in=PERSON_CLASSES,
                turn_back=True,
                at__gte=at_minute(begin),
                at__lt=at_minute(after),
            )
            for at in back.values_list("at", flat=True):
                undone[int(at.timestamp() // 60) - first] += 1
    return without_undone(came, undone), without_undone(left, undone)


def _lines(entries: Mapping[int, Mapping[str, str]], inward: str) -> Q | None:
    lines: Q | None = None
    for camera, ways in entries.items():
        if ids := [line for line, direction in ways.items() if direction == inward]:
            those = Q(camera_id=camera, line_id__in=ids)
            lines = those if lines is None else lines | those
    return lines


def _sums(lines: Q, first: int, after: int, minutes: int) -> Iterable[tuple[int, str, int, int]]:
    model: type[Model] = CountInterval if minutes == 1 else QuarterCount
    name = "minute" if minutes == 1 else "quarter"
    rows: Any = model._default_manager.filter(
        lines,
        object_class__in=PERSON_CLASSES,
        **{f"{name}__gte": first, f"{name}__lt": after},
    ).values_list(name, "direction")
    if minutes == 1:
        for grain, direction, count in rows.annotate(total=Sum("count")):
            yield grain, direction, count, 0
    else:
        sums = rows.annotate(total=Sum("count"), backs=Sum("turn_backs"))
        yield from sums.iterator(chunk_size=5000)
