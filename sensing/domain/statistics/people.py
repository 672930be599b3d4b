"""People: how many are in, how many came, how long they stayed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.domain.results import Visit
from sensing.domain.statistics.packing import dwell_edges_s

LEAST_STAYS_MEDIAN = 10
LEAST_STAYS_P90 = 30
"""Stays below which there is no median and no 90th percentile: of 30, three are longer than it."""


@dataclass(frozen=True, slots=True)
class Passing:
    """Somebody going in or out; ``track_id`` where it is known who."""

    time_s: float
    inward: bool
    track_id: int | None = None


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How many are in from each of ``times_s`` on; below 0 where more left than came, which is
    shown and not hidden. ``drifts``: (time of reset, how many the count was off by then)."""

    times_s: tuple[float, ...]
    inside: tuple[int, ...]
    drifts: tuple[tuple[float, int], ...]

    @property
    def most(self) -> int:
        return max(self.inside)


def occupancy(
    passings: Iterable[Passing],
    start_s: float,
    *,
    initial: int = 0,
    resets: Sequence[tuple[float, int]] = (),
) -> Occupancy:
    """occ(t) = occ₀ + Σin − Σout, set to a known number at each of ``resets`` (time, number), such
    as 0 every night. A passing at the moment of a reset comes after it."""
    events = [(p.time_s, 1, 1 if p.inward else -1) for p in passings]
    events += [(time_s, 0, number) for time_s, number in resets]
    times, inside, drifts = [start_s], [initial], []
    for time_s, kind, number in sorted(events):
        if time_s < start_s:
            raise ValueError(f"expected events from {start_s} s on, got one at {time_s} s")
        if kind == 0:
            drifts.append((time_s, inside[-1] - number))
            now = number
        else:
            now = inside[-1] + number
        if time_s == times[-1]:
            inside[-1] = now
        else:
            times.append(time_s)
            inside.append(now)
    return Occupancy(tuple(times), tuple(inside), tuple(drifts))


def without_turn_backs(passings: Sequence[Passing], within_s: float) -> list[Passing]:
    """The passings less those who came in and went out again (or the reverse) within the time:
    neither is an entry. Who it was must be known; others stay."""
    if not within_s >= 0.0:
        raise ValueError(f"expected within_s of at least 0, got {within_s}")
    kept: list[Passing] = []
    open_by_track: dict[int, list[int]] = {}
    dropped: set[int] = set()
    ordered = sorted(passings, key=lambda p: p.time_s)
    for k, passing in enumerate(ordered):
        if passing.track_id is None:
            continue
        mine = open_by_track.setdefault(passing.track_id, [])
        before = ordered[mine[-1]] if mine else None
        if (
            before is not None
            and before.inward != passing.inward
            and passing.time_s - before.time_s <= within_s
        ):
            dropped |= {k, mine.pop()}
        else:
            mine.append(k)
    kept += [p for k, p in enumerate(ordered) if k not in dropped]
    return kept


@dataclass(frozen=True, slots=True)
class Stay:
    """One person's stay in a zone; ``dwell_s`` is the time spent inside."""

    zone_id: str
    track_id: int
    enter_s: float
    leave_s: float
    dwell_s: float


@dataclass(frozen=True, slots=True)
class Dwell:
    """Of stays that have ended; None without any."""

    count: int
    median_s: float | None
    p90_s: float | None


def stays(
    visits: Iterable[Visit], *, least_stay_s: float = 3.0, reentry_s: float = 0.0
) -> list[Stay]:
    """Stays that count as visits, in order of entering: footfall is how many.

    Who comes back into the zone within ``reentry_s`` goes on with the same stay; the time outside
    is not dwelt. Stays shorter than ``least_stay_s`` are none: somebody walked over a corner.
    """
    if not (least_stay_s >= 0.0 and reentry_s >= 0.0):
        raise ValueError("expected least_stay_s and reentry_s of at least 0")
    open_stays: dict[tuple[str, int], Stay] = {}
    found: list[Stay] = []
    for visit in sorted(visits, key=lambda v: (v.enter_s, v.track_id)):
        who = (visit.zone_id, visit.track_id)
        before = open_stays.get(who)
        if before is not None and visit.enter_s - before.leave_s <= reentry_s:
            stay = Stay(*who, before.enter_s, visit.leave_s, before.dwell_s + visit.dwell_s)
        else:
            if before is not None:
                found.append(before)
            stay = Stay(*who, visit.enter_s, visit.leave_s, visit.dwell_s)
        open_stays[who] = stay
    found += open_stays.values()
    long = [stay for stay in found if stay.dwell_s >= least_stay_s]
    return sorted(long, key=lambda s: (s.enter_s, s.track_id))


def dwell(found: Sequence[Stay]) -> Dwell:
    """Median and 90th percentile of the stays, interpolated between order statistics."""
    if not found:
        return Dwell(0, None, None)
    times = np.array([stay.dwell_s for stay in found])
    return Dwell(len(times), float(np.median(times)), float(np.percentile(times, 90)))


def dwell_of_histogram(counts: Sequence[int] | NDArray[np.int64]) -> Dwell:
    """Median and 90th percentile from a dwell histogram with the bins of ``packing``.

    In the bin in which the cumulated count reaches p·n: T = L + w·(p·n − F) / f. None below
    ``LEAST_STAYS_MEDIAN`` and ``LEAST_STAYS_P90`` stays. Raises ``ValueError`` for counts that are
    not those of the bins.
    """
    values, edges_s = np.asarray(counts, np.int64), dwell_edges_s()
    if values.shape != (len(edges_s) - 1,) or (values < 0).any():
        raise ValueError(f"expected {len(edges_s) - 1} counts of at least 0, got {counts!r}")
    count = int(values.sum())

    def quantile_s(share: float, least: int) -> float | None:
        if count < least:
            return None
        below = np.concatenate([[0], np.cumsum(values)])
        k = int(np.searchsorted(below[1:], share * count))
        inside = (share * count - below[k]) / values[k]
        return float(edges_s[k] + (edges_s[k + 1] - edges_s[k]) * inside)

    return Dwell(count, quantile_s(0.5, LEAST_STAYS_MEDIAN), quantile_s(0.9, LEAST_STAYS_P90))


def without_undone(passed: Sequence[int], undone: Sequence[int]) -> list[int]:
    """Passings per bin less those that were undone, both by bin in time order.

    Somebody may come in at the end of one bin and turn back at the beginning of the next: what a
    bin cannot give is taken from those before it, so that no bin is below 0 and the sum is right.
    """
    if len(passed) != len(undone):
        raise ValueError(f"expected as many bins, got {len(passed)} and {len(undone)}")
    kept = [0] * len(passed)
    owed = 0
    for k in range(len(passed) - 1, -1, -1):
        rest = passed[k] - undone[k] - owed
        kept[k], owed = max(0, rest), max(0, -rest)
    return kept


def occupancy_by_bin(
    came: Sequence[int], left: Sequence[int], resets: Collection[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """How many are in at the end of each bin, and the drifts (bin, how many the count was off).

    ``resets``: bins at whose beginning nobody is in. The count begins with 0 as well.
    """
    inside: list[int] = []
    drifts: list[tuple[int, int]] = []
    now = 0
    for k, (more, fewer) in enumerate(zip(came, left, strict=True)):
        if k in resets:
            if k:
                drifts.append((k, now))
            now = 0
        now += more - fewer
        inside.append(now)
    return inside, drifts
