"""Vehicles by the class of their length, which only single crossings tell: for a day at most."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

from sensing.domain.speed_traffic import LENGTH_CLASSES, length_class
from sensing.domain.statistics.mix import class_shares_percent
from sensing.domain.statistics.speeds import Soundness, soundness
from sensing.selectors.quarters import Selection


class LengthClass(TypedDict):
    """``count`` vehicles from ``from_m`` to below ``below_m`` (None: no bound)."""

    name: str
    from_m: float
    below_m: float | None
    count: int
    percent: float | None


class Lengths(TypedDict):
    """The ``count`` vehicles whose length was measured, by class, the shortest first; shares are
    None below 30 of them."""

    count: int
    soundness: Soundness
    classes: list[LengthClass]


def lengths(chosen: Selection) -> Lengths:
    """Of the vehicles that passed in [start, end). Raises ``ValueError`` for more than a day."""
    rows = chosen.crossings("lengths").values_list("length_m", flat=True).iterator(chunk_size=2000)
    counts = Counter(length_class(length_m) for length_m in rows if length_m is not None)
    verdict = soundness(counts.total())
    shares = {} if verdict == "refused" else class_shares_percent(counts)
    classes: list[LengthClass] = []
    from_m = 0.0
    for name, below_m in LENGTH_CLASSES:
        share = shares.get(name, 0.0 if shares else None)
        classes.append(
            {
                "name": name,
                "from_m": from_m,
                "below_m": None if below_m == float("inf") else below_m,
                "count": counts[name],
                "percent": None if share is None else round(share, 2),
            }
        )
        from_m = below_m
    return {"count": counts.total(), "soundness": verdict, "classes": classes}
