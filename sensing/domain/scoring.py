"""How well found events agree with the truth: event precision, recall and F1, and visits.

Totals let errors cancel, so events are matched one to one: same line and direction, within a stated
tolerance in time, the largest number of pairs first and the smallest total time error second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensing.domain.assignment import linear_sum_assignment

MIN_VISIT_OVERLAP = 0.5  # intersection over union in time from which two stays are the same visit


@dataclass(frozen=True, slots=True)
class ScoredEvent:
    """One crossing, found or true; ``time_s`` on the clock that both lists share."""

    line: str
    direction: str
    time_s: float
    object_class: str = ""


@dataclass(frozen=True, slots=True)
class ScoredVisit:
    """One stay in a zone, found or true."""

    zone: str
    enter_s: float
    leave_s: float
    object_class: str = ""


@dataclass(frozen=True, slots=True)
class LineScore:
    """Agreement on one line. ``confusion`` counts (true class, found class) over the matched events
    for which both classes are known; ``time_errors_s`` are found minus true."""

    found: int
    truth: int
    matched: int
    time_errors_s: tuple[float, ...] = ()
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)
    missed: tuple[ScoredEvent, ...] = ()
    surplus: tuple[ScoredEvent, ...] = ()

    @property
    def precision(self) -> float:
        return _ratio(self.matched, self.found, self.truth)

    @property
    def recall(self) -> float:
        return _ratio(self.matched, self.truth, self.found)

    @property
    def f1(self) -> float:
        return _f1(self.matched, self.found, self.truth)


@dataclass(frozen=True, slots=True)
class VisitScore:
    """Agreement on one zone. ``matched`` stays overlap by at least half of their union;
    ``within_tolerance`` of those also enter and leave within the tolerance."""

    found: int
    truth: int
    matched: int
    within_tolerance: int
    missed: tuple[ScoredVisit, ...] = ()
    surplus: tuple[ScoredVisit, ...] = ()

    @property
    def precision(self) -> float:
        return _ratio(self.matched, self.found, self.truth)

    @property
    def recall(self) -> float:
        return _ratio(self.matched, self.truth, self.found)

    @property
    def f1(self) -> float:
        return _f1(self.matched, self.found, self.truth)


def score_crossings(
    found: Sequence[ScoredEvent], truth: Sequence[ScoredEvent], tolerance_s: float
) -> dict[str, LineScore]:
    """Score each line that either list names, in the order of the truth.

    ``tolerance_s`` is the largest time difference of a matched pair. Raises ``ValueError`` when
    it is negative or not finite.
    """
    _check_tolerance(tolerance_s)
    scores: dict[str, LineScore] = {}
    for line in dict.fromkeys(event.line for event in (*truth, *found)):
        pairs: list[tuple[ScoredEvent, ScoredEvent]] = []
        missed: list[ScoredEvent] = []
        surplus: list[ScoredEvent] = []
        here = [e for e in found if e.line == line]
        true_here = [e for e in truth if e.line == line]
        for direction in dict.fromkeys(e.direction for e in (*true_here, *here)):
            mine = [e for e in here if e.direction == direction]
            theirs = [e for e in true_here if e.direction == direction]
            index_pairs = match_times(
                [e.time_s for e in mine], [e.time_s for e in theirs], tolerance_s
            )
            pairs += [(mine[i], theirs[j]) for i, j in index_pairs]
            surplus += [mine[i] for i in _left_over(len(mine), [i for i, _ in index_pairs])]
            missed += [theirs[j] for j in _left_over(len(theirs), [j for _, j in index_pairs])]
        scores[line] = LineScore(
            found=len(here),
            truth=len(true_here),
            matched=len(pairs),
            time_errors_s=tuple(mine.time_s - true.time_s for mine, true in pairs),
            confusion=Counter(
                (true.object_class, mine.object_class)
                for mine, true in pairs
                if true.object_class and mine.object_class
            ),
            missed=tuple(sorted(missed, key=lambda e: e.time_s)),
            surplus=tuple(sorted(surplus, key=lambda e: e.time_s)),
        )
    return scores


def total_score(scores: Mapping[str, LineScore]) -> LineScore:
    """All lines together: the sums of what was found, true and matched."""
    parts = list(scores.values())
    confusion: Counter[tuple[str, str]] = Counter()
    for part in parts:
        confusion.update(part.confusion)
    return LineScore(
        found=sum(part.found for part in parts),
        truth=sum(part.truth for part in parts),
        matched=sum(part.matched for part in parts),
        time_errors_s=tuple(e for part in parts for e in part.time_errors_s),
        confusion=confusion,
        missed=tuple(e for part in parts for e in part.missed),
        surplus=tuple(e for part in parts for e in part.surplus),
    )


def score_visits(
    found: Sequence[ScoredVisit], truth: Sequence[ScoredVisit], tolerance_s: float
) -> dict[str, VisitScore]:
    """Score each zone that either list names, in the order of the truth.

    Visits match one to one by their overlap in time. Raises ``ValueError`` for a bad tolerance.
    """
    _check_tolerance(tolerance_s)
    scores: dict[str, VisitScore] = {}
    for zone in dict.fromkeys(visit.zone for visit in (*truth, *found)):
        mine = [v for v in found if v.zone == zone]
        theirs = [v for v in truth if v.zone == zone]
        pairs = _match_visits(mine, theirs)
        scores[zone] = VisitScore(
            found=len(mine),
            truth=len(theirs),
            matched=len(pairs),
            within_tolerance=sum(
                abs(mine[i].enter_s - theirs[j].enter_s) <= tolerance_s
                and abs(mine[i].leave_s - theirs[j].leave_s) <= tolerance_s
                for i, j in pairs
            ),
            missed=tuple(theirs[j] for j in _left_over(len(theirs), [j for _, j in pairs])),
            surplus=tuple(mine[i] for i in _left_over(len(mine), [i for i, _ in pairs])),
        )
    return scores


def match_times(
    found_s: Sequence[float], truth_s: Sequence[float], tolerance_s: float
) -> list[tuple[int, int]]:
    """Pairs (index in found, index in truth) of the largest one-to-one matching within the
    tolerance.

    Events further apart than the tolerance can share no pair, so the clock is cut there and each
    piece is solved alone: a whole day costs no day-by-day matrix.
    """
    mine = np.asarray(found_s, np.float64)
    theirs = np.asarray(truth_s, np.float64)
    times = np.concatenate([mine, theirs])
    if not len(mine) or not len(theirs):
        return []
    order = np.argsort(times, kind="stable")
    cuts = np.flatnonzero(np.diff(times[order]) > tolerance_s) + 1
    pairs: list[tuple[int, int]] = []
    for piece in np.split(order, cuts):
        rows = piece[piece < len(mine)]
        columns = piece[piece >= len(mine)] - len(mine)
        if not len(rows) or not len(columns):
            continue
        error = np.abs(mine[rows][:, None] - theirs[columns][None, :])
        # Tolerance with room for binary fractions: 12 frames at 25 fps must match at 12 frames.
        allowed = error <= tolerance_s + 1e-9
        pairs += [(int(rows[i]), int(columns[j])) for i, j in _largest_matching(error, allowed)]
    return pairs


def _match_visits(
    found: Sequence[ScoredVisit], truth: Sequence[ScoredVisit]
) -> list[tuple[int, int]]:
    if not found or not truth:
        return []
    mine = np.array([(v.enter_s, v.leave_s) for v in found])
    theirs = np.array([(v.enter_s, v.leave_s) for v in truth])
    shared = np.minimum(mine[:, None, 1], theirs[None, :, 1]) - np.maximum(
        mine[:, None, 0], theirs[None, :, 0]
    )
    union = np.maximum(mine[:, None, 1], theirs[None, :, 1]) - np.minimum(
        mine[:, None, 0], theirs[None, :, 0]
    )
    overlap = np.clip(shared, 0.0, None) / np.maximum(union, 1e-9)
    return _largest_matching(1.0 - overlap, overlap >= MIN_VISIT_OVERLAP)


def _largest_matching(
    cost: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    # One forbidden pair costs more than all allowed ones together, so the number of pairs comes
    # first.
    forbidden = (float(cost[allowed].max(initial=0.0)) + 1.0) * (min(cost.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, forbidden))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def _left_over(count: int, taken: Sequence[int]) -> list[int]:
    return sorted(set(range(count)) - set(taken))


def _ratio(matched: int, of: int, other: int) -> float:
    """Matched ÷ of; with nothing to divide by, 1 when the other side is empty too, else 0."""
    if of:
        return matched / of
    return 0.0 if other else 1.0


def _f1(matched: int, found: int, truth: int) -> float:
    return 2 * matched / (found + truth) if found + truth else 1.0


def _check_tolerance(tolerance_s: float) -> None:
    if not np.isfinite(tolerance_s) or tolerance_s < 0:
        raise ValueError(f"expected a tolerance of at least 0 s, got {tolerance_s!r}")
