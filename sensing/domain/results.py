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
    so (run, line_id, track_id, nth) names the fact for ever.

    ``headway_s``: since the one before over this line in this direction, None where that is not
    known. ``turn_back``: it undoes the same person's crossing just before.
    """

    line_id: str
    track_id: int
    nth: int
    direction: Direction
    object_class: str
    size: Size
    confidence: float
    time_s: float
    frame_index: int
    headway_s: float | None = None
    wrong_way: bool = False
    turn_back: bool = False


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """The speed of a crossing's vehicle, told once it is settled: a little after the crossing, as
    the looks behind the line are worth as much as those before it. Named as the crossing is.

    ``length_m`` and what follows from it (``gap_s`` behind the vehicle before, ``on_line_s``) are
    None where the view does not show it.
    """

    line_id: str
    track_id: int
    nth: int
    speed_mps: float
    standard_error_mps: float
    length_m: float | None = None
    gap_s: float | None = None
    on_line_s: float | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """A track's trip from the first line that it passed to the last; told when the track is over.

    Origin and destination are (line id, direction).
    """

    track_id: int
    origin: tuple[str, Direction]
    destination: tuple[str, Direction]
    object_class: str
    time_s: float


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
    speeds: tuple[SpeedReading, ...] = ()
    movements: tuple[Movement, ...] = ()
    occupancy: dict[str, int] = field(default_factory=dict)
