"""From where to where: movements between lines, and the turns at a junction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Gate = tuple[str, str]
"""(line id, direction)."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A track passing a line; what ``Crossing`` says, without the rest."""

    track_id: int
    line_id: str
    direction: str
    time_s: float
    object_class: str = ""


@dataclass(frozen=True, slots=True)
class Movements:
    """``counts`` by (origin, destination, class); ``single``: passages by gate of tracks that
    passed no other line, which belong to no movement."""

    counts: Mapping[tuple[Gate, Gate, str], int] = field(default_factory=dict)
    single: Mapping[Gate, int] = field(default_factory=dict)

    @property
    def gates(self) -> tuple[list[Gate], list[Gate]]:
        """(origins, destinations) in order."""
        return sorted({o for o, _, _ in self.counts}), sorted({d for _, d, _ in self.counts})

    def matrix(self, object_class: str | None = None) -> list[list[int]]:
        """Rows of origins, columns of destinations, as in ``gates``; one class, or all."""
        origins, destinations = self.gates
        sums: Counter[tuple[Gate, Gate]] = Counter()
        for (origin, destination, kind), count in self.counts.items():
            if object_class is None or kind == object_class:
                sums[origin, destination] += count
        return [[sums[o, d] for d in destinations] for o in origins]


def movements(
    passages: Iterable[Passage],
    *,
    longest_s: float = 600.0,
    pairs: Literal["ends", "steps"] = "ends",
) -> Movements:
    """Origin–destination counts from the lines that each track passes.

    ``ends``: one movement a trip, from its first line to its last; ``steps``: one for each line and
    the next. A track that passes no line for ``longest_s`` begins another trip. A trip that passes
    the same line to and fro is a movement from one direction of it to the other: a U-turn.
    """
    if not longest_s > 0.0:
        raise ValueError(f"expected longest_s above 0, got {longest_s}")
    tracks: dict[int, list[Passage]] = {}
    for passage in passages:
        tracks.setdefault(passage.track_id, []).append(passage)
    counts: Counter[tuple[Gate, Gate, str]] = Counter()
    single: Counter[Gate] = Counter()
    for track in tracks.values():
        for trip in _trips(sorted(track, key=lambda p: p.time_s), longest_s):
            gates = [(p.line_id, p.direction) for p in trip]
            kind = trip[-1].object_class
            if len(gates) == 1:
                single[gates[0]] += 1
            elif pairs == "ends":
                counts[gates[0], gates[-1], kind] += 1
            else:
                counts.update((a, b, kind) for a, b in pairwise(gates))
    return Movements(dict(counts), dict(single))


def _trips(track: list[Passage], longest_s: float) -> list[list[Passage]]:
    trips = [[track[0]]]
    for passage in track[1:]:
        if passage.time_s - trips[-1][-1].time_s > longest_s:
            trips.append([])
        trips[-1].append(passage)
    return trips
