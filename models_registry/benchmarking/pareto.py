"""Which versions are worth a look: nothing else is at once smaller or faster and as accurate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COSTS = ("latency_ms", "size_bytes")
KEPT = 0.95
_UNITS = {"latency_ms": ("latency", 1.0, "ms"), "size_bytes": ("size", 1e6, "MB")}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version with what was measured of it; None where it was not. ``accuracy``: 0–1."""

    name: str
    accuracy: float | None
    latency_ms: float | None = None
    size_bytes: float | None = None

    def has(self, costs: Sequence[str]) -> bool:
        """Whether it can be compared by these."""
        values = [self.accuracy, *(getattr(self, cost) for cost in costs)]
        return all(value is not None and math.isfinite(value) for value in values)


@dataclass(frozen=True, slots=True)
class TradeOff:
    """``front``: names from cheapest to most accurate; ``not_compared``: lack a figure."""

    best: str
    words: str
    front: tuple[str, ...]
    not_compared: tuple[str, ...]


def pareto_front(
    candidates: Sequence[Candidate], costs: Sequence[str] = ("latency_ms",)
) -> list[Candidate]:
    """Those that none beats: as good in every figure and better in one. Cheapest first.

    ``costs`` are among ``COSTS``. Equal ones all stay. Those without a figure are not considered.
    """
    known = [x for x in candidates if x.has(costs)]
    front = [x for x in known if not any(_beats(y, x, costs) for y in known)]
    return sorted(front, key=lambda x: (*(getattr(x, cost) for cost in costs), -_accuracy(x)))


def best_trade_off(
    candidates: Sequence[Candidate], costs: Sequence[str] = ("latency_ms",)
) -> TradeOff | None:
    """The cheapest on the front that keeps ``KEPT`` of the best accuracy: cheap by the product of
    the costs, so that halving one is worth the same as halving the other.

    A rule that a person can check, and that never gives a third of what is seen away for speed.
    Of two equally cheap the more accurate one. ``None`` if no candidate has all figures.
    """
    front = pareto_front(candidates, costs)
    if not front:
        return None
    least = KEPT * max(_accuracy(x) for x in front)
    good = [x for x in front if _accuracy(x) >= least]
    best = min(good, key=lambda x: (math.prod(getattr(x, cost) for cost in costs), -_accuracy(x)))
    return TradeOff(
        best=best.name,
        words=_words(best, front, costs),
        front=tuple(x.name for x in front),
        not_compared=tuple(x.name for x in candidates if not x.has(costs)),
    )


def _beats(one: Candidate, other: Candidate, costs: Sequence[str]) -> bool:
    gains = [_accuracy(one) - _accuracy(other)]
    gains += [getattr(other, cost) - getattr(one, cost) for cost in costs]
    return min(gains) >= 0 and max(gains) > 0


def _words(best: Candidate, front: list[Candidate], costs: Sequence[str]) -> str:
    top = max(front, key=_accuracy)
    if len(front) == 1:
        return f"{best.name} is the best in every figure compared."
    if best is top:
        return (
            f"{best.name} is the most accurate ({_accuracy(best):.3f}), and nothing cheaper keeps"
            f" {KEPT:.0%} of that."
        )
    kept = f"{_accuracy(best):.3f} instead of {_accuracy(top):.3f}"
    saved = " and ".join(_saving(best, top, cost) for cost in costs)
    return f"{best.name} gives {kept} of accuracy of {top.name}, {saved}."


def _saving(best: Candidate, top: Candidate, cost: str) -> str:
    word, unit_size, unit = _UNITS[cost]
    one, other = getattr(best, cost), getattr(top, cost)
    share = f"{one / other:.0%} of the {word}" if other > 0 else f"a {word}"
    return f"at {share} ({one / unit_size:.3g} instead of {other / unit_size:.3g} {unit})"


def _accuracy(candidate: Candidate) -> float:
    assert candidate.accuracy is not None
    return candidate.accuracy
