"""What a person's recount says of the system: who is right where the two differ.

A recount begins with the marks of the system. The person judges each (right, its class perhaps
another, or wrong) and adds what is missing. What is left is the truth, and it is matched to the
marks again by time, line and direction, as any other list of events would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sensing.domain.scoring import LineScore, ScoredEvent, score_crossings
from sensing.domain.statistics.agreement import (
    HOUR_S,
    CountAgreement,
    Share,
    compare_counts,
    f1_share,
    geh_of_counts,
    wilson,
)

DIRECTIONS = ("forward", "backward")
FEW = 30
TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Counts of one line and direction from ``start_s`` on; classes together."""

    start_s: float
    line: str
    direction: str
    automatic: int
    manual: int


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement of one group of events. ``wrong`` were counted by the system alone, ``missed`` by
    the person alone."""

    automatic: int
    manual: int
    matched: int
    wrong: int
    missed: int
    precision: Share
    recall: Share
    f1: Share
    wape_percent: float | None


@dataclass(frozen=True)
class Agreement:
    """The result of a recount. ``by_line`` maps (line, direction) to its score; ``counts`` is over
    ``bins``, ``totals`` over the totals per line and direction, where errors cancel.

    ``geh`` per (line, direction) is empty for less than an observed hour.
    """

    total: Score
    by_line: Mapping[tuple[str, str], Score]
    bins: Sequence[Bin]
    bin_s: float
    counts: CountAgreement
    totals: CountAgreement
    geh: Mapping[tuple[str, str], float] = field(default_factory=dict)
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)
    class_accuracy: Share = field(default_factory=lambda: wilson(0, 0))

    @property
    def few(self) -> bool:
        """Whether so little was counted that the numbers say little."""
        return self.total.manual < FEW


def recount_agreement(
    found: Sequence[ScoredEvent],
    truth: Sequence[ScoredEvent],
    *,
    lines: Sequence[str],
    spans: Sequence[tuple[float, float]],
    tolerance_s: float = TOLERANCE_S,
) -> Agreement:
    """Compare two lists of events over the observed stretches ``spans``; events outside of them are
    in neither list any more. Raises ``ValueError`` for a bad tolerance."""
    found, truth = within(found, spans), within(truth, spans)
    by_line: dict[tuple[str, str], Score] = {}
    confusion: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for direction in DIRECTIONS:
            part = _matched(_of(found, line, direction), _of(truth, line, direction), tolerance_s)
            by_line[line, direction] = _score(part)
            confusion.update(part.confusion)
    bins, bin_s = _bins(found, truth, lines, spans)
    judged = sum(confusion.values())
    right = sum(n for (true, mine), n in confusion.items() if true == mine)
    observed_s = sum(end - start for start, end in spans)
    return Agreement(
        total=_sum(by_line.values()),
        by_line=by_line,
        bins=bins,
        bin_s=bin_s,
        counts=compare_counts([b.automatic for b in bins], [b.manual for b in bins]),
        totals=compare_counts(
            [s.automatic for s in by_line.values()], [s.manual for s in by_line.values()]
        ),
        geh={
            group: geh_of_counts(score.automatic, score.manual, observed_s)
            for group, score in by_line.items()
            if observed_s >= HOUR_S and score.automatic + score.manual > 0
        },
        confusion=dict(confusion),
        class_accuracy=wilson(right, judged),
    )


def within(
    events: Iterable[ScoredEvent], spans: Sequence[tuple[float, float]]
) -> list[ScoredEvent]:
    """The events of the observed time, in order."""
    kept = [e for e in events if any(start <= e.time_s <= end for start, end in spans)]
    return sorted(kept, key=lambda e: e.time_s)


def _of(events: Sequence[ScoredEvent], line: str, direction: str) -> list[ScoredEvent]:
    return [e for e in events if e.line == line and e.direction == direction]


def _matched(found: list[ScoredEvent], truth: list[ScoredEvent], tolerance_s: float) -> LineScore:
    scores = score_crossings(found, truth, tolerance_s)
    return next(iter(scores.values()), LineScore(0, 0, 0))


def _score(part: LineScore) -> Score:
    return _counted(part.found, part.truth, part.matched)


def _counted(found: int, truth: int, matched: int) -> Score:
    return Score(
        automatic=found,
        manual=truth,
        matched=matched,
        wrong=found - matched,
        missed=truth - matched,
        precision=wilson(matched, found),
        recall=wilson(matched, truth),
        f1=f1_share(matched, found, truth),
        wape_percent=compare_counts([found], [truth]).wape_percent,
    )


def _sum(parts: Iterable[Score]) -> Score:
    scores = list(parts)
    return _counted(
        sum(s.automatic for s in scores),
        sum(s.manual for s in scores),
        sum(s.matched for s in scores),
    )


def _bins(
    found: Sequence[ScoredEvent],
    truth: Sequence[ScoredEvent],
    lines: Sequence[str],
    spans: Sequence[tuple[float, float]],
) -> tuple[list[Bin], float]:
    """Counts per line, direction and bin, of those bins of which something was observed."""
    end_s = max((end for _, end in spans), default=0.0)
    bin_s = 300.0 if end_s > 1800.0 else 60.0
    seen = {
        number
        for start, end in spans
        for number in range(int(start // bin_s), int(max(end - 1e-9, start) // bin_s) + 1)
    }

    def count(events: Sequence[ScoredEvent]) -> Counter[tuple[int, str, str]]:
        return Counter((int(e.time_s // bin_s), e.line, e.direction) for e in events)

    automatic, manual = count(found), count(truth)
    bins = [
        Bin(
            number * bin_s,
            line,
            direction,
            automatic[number, line, direction],
            manual[number, line, direction],
        )
        for line in lines
        for direction in DIRECTIONS
        for number in sorted(seen)
    ]
    return bins, bin_s
