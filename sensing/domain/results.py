"""The facts that sensing produces. Times are float seconds on the frame's own clock:
Unix time for a live camera, seconds since the first frame for a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["forward", "backward"]
Size = Literal["small", "large", ""]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track passing a counting line, once. ``nth`` counts the track's passes of this line from 0,
    so (run, line_id, track_id, nth) names the fact for ever."""

    line_id: str
    track_id: int
    nth: int
    direction: Direction
    object_class: str
    size: Size
    confidence: float
    time_s: float
    frame_index: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A track's stay in a zone; emitted once, when it has ended."""

    zone_id: str
    track_id: int
    nth: int
    object_class: str
    enter_s: float
    leave_s: float

    @property
    def dwell_s(self) -> float:
        return self.leave_s - self.enter_s


@dataclass(frozen=True, slots=True)
class SensedFacts:
    """What a camera's modules found on one frame; ``occupancy`` maps zone id → objects in it."""

    crossings: tuple[Crossing, ...] = ()
    visits: tuple[Visit, ...] = ()
    occupancy: dict[str, int] = field(default_factory=dict)
