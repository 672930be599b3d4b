"""Where tracks go: from the first line that each passes to the last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sensing.domain.memory import Column, TrackMemory
from sensing.domain.results import Crossing, Direction, Movement
from sensing.domain.tracking import Tracks

LONGEST_S = 600.0
"""Who passes no line for so long begins another trip."""

Gate = tuple[str, Direction]


@dataclass
class _Trip:
    origin: Gate
    last: Crossing
    gates: int = 1

    def movement(self) -> Movement | None:
        last = self.last
        if self.gates < 2:
            return None
        destination = last.line_id, last.direction
        return Movement(last.track_id, self.origin, destination, last.object_class, last.time_s)


class Trips:
    """Follows all of a camera's crossings, whichever module counted them: a track makes one trip,
    even if its class changes on the way, and an heir goes on with its parent's.

    Shares a camera's ``memory``; must be given every frame, after those who count.
    """

    def __init__(self, memory: TrackMemory, longest_s: float = LONGEST_S) -> None:
        self._memory, self._longest_s = memory, longest_s
        self._layout = memory.attach({"trip": Column()})
        self._followed = 0
        self._open: dict[int, _Trip] = {}
        self._begun = 0

    def update(
        self, tracks: Tracks, time_s: float, crossings: Iterable[Crossing]
    ) -> list[Movement]:
        """The movements of tracks that are over with this frame."""
        if not self._memory.has_news(tracks, self._followed):
            return []
        step = self._memory.follow(tracks, time_s, self._followed)
        self._followed = step.number
        movements = self._pass_all(crossings)
        if self._open and len(step.leaving):
            over = self._memory.lost.of(self._layout)["trip"][step.leaving]
            ended = (self._open.pop(int(number), None) for number in over[over > 0.0])
            movements += _told(ended)
        return movements

    def finish(self, crossings: Iterable[Crossing]) -> list[Movement]:
        """All trips end with the run, after its last ``crossings``."""
        movements = self._pass_all(crossings) + _told(self._open.values())
        self._open = {}
        return movements

    def _pass_all(self, crossings: Iterable[Crossing]) -> list[Movement]:
        broken_off: list[_Trip] = []
        for crossing in sorted(crossings, key=lambda c: c.time_s):
            number = self._number(crossing.track_id)
            trip = self._open.get(int(number[0])) if number is not None else None
            if trip is not None and crossing.time_s - trip.last.time_s <= self._longest_s:
                trip.last, trip.gates = crossing, trip.gates + 1
            elif number is not None:
                if trip is not None:
                    broken_off.append(self._open.pop(int(number[0])))
                self._begun += 1
                number[0] = self._begun
                self._open[self._begun] = _Trip((crossing.line_id, crossing.direction), crossing)
        return _told(broken_off)

    def _number(self, track_id: int) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        """Where a track's trip is written, (1,)."""
        for table in (self._memory.living, self._memory.lost):
            column = table.column_of(track_id)
            if column is not None:
                return table.of(self._layout)["trip"][column : column + 1]
        return None


def _told(trips: Iterable[_Trip | None]) -> list[Movement]:
    found = (trip.movement() for trip in trips if trip is not None)
    return [movement for movement in found if movement is not None]
