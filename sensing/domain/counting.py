"""Counting lines: each object once per true change of side.

Around a line lies a band, as wide as the object's box may breathe and its track jitter. An object
has changed sides only when it has left the band on the other side; when it does, the moment its
anchor passed the line is the time of the crossing. So a car standing on the line counts when it
drives off, and never twice.

::

        left  (before)            p1 ────────────▶ p2     forward: from the left of the arrow
     ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ band                       to its right, as seen on screen
     ═══════════════════════════ line
     ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ band
        right (after)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensing.domain.classes import counted_class, size_of
from sensing.domain.geometry import Bools, Floats, LineSet, box_overlap, hysteresis_band
from sensing.domain.memory import Column, Looks, Rows, TrackMemory
from sensing.domain.results import Crossing
from sensing.domain.scene import Anchor, CountingLine
from sensing.domain.tracking import Tracks

_SURE_BANDS = 3.0  # this many bands beyond the line one look is enough, else two in a row
_CLEAR = 2.5  # standard deviations of jitter off the line that jitter alone does not explain
_SAME_OBJECT_S = 1.0  # two tracks of one object pass the line within this time
_SAME_OBJECT_IOU = 0.65


@dataclass(frozen=True)
class CountingParameters:
    """Raises ``ValueError`` for nonsense."""

    band_share: float = 0.1  # of the object's size
    band_noise: float = 5.0  # standard deviations of the track's jitter
    band_least_px: float = 3.0
    heir_s: float = 1.5  # a track that begins within this time may continue a lost one

    def __post_init__(self) -> None:
        for name in ("band_share", "band_noise", "band_least_px", "heir_s"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"expected {name} of at least 0, got {value}")


@dataclass(frozen=True, slots=True)
class _Passed:
    """A counted crossing, kept for a moment to recognise a second track of the same object."""

    line: int
    direction: float
    track_id: int
    time_s: float
    box: Floats
    group: int


class LineCounter:
    """Counts tracks over lines. All tracks are followed, so that a class that changes its mind
    moves no object to the other side; only those ``counted`` at the moment of crossing are
    reported."""

    def __init__(
        self,
        lines: Sequence[CountingLine],
        frame_width: int,
        frame_height: int,
        anchor: Anchor = "center",
        parameters: CountingParameters | None = None,
    ) -> None:
        self._ids = [line.id for line in lines]
        self._lines = LineSet.from_scene(lines, frame_width, frame_height)
        self._parameters = parameters or CountingParameters()
        per_line = (len(lines),)
        self._memory = TrackMemory(
            anchor,
            self._parameters.heir_s,
            {
                "side": Column(per_line),  # the side last truly reached, -1 or +1
                "distance": Column(per_line),  # signed, of the newest look
                "streak": Column(per_line),  # looks in a row beyond the band
                # The newest change of sign: when, where in px from p1, on which frame.
                "passed": Column((3, len(lines)), np.nan),
                # The first one since the object was clear of the line, and where it stood since.
                "first": Column((3, len(lines)), np.nan),
                "stood": Column(per_line),
                "nth": Column(per_line),
            },
        )
        self._recent: list[_Passed] = []

    def update(
        self, tracks: Tracks, time_s: float, frame_index: int, counted: Bools | None = None
    ) -> list[Crossing]:
        """Crossings completed on this frame. ``counted`` (N,): the tracks that may be reported."""
        memory = self._memory
        if not self._ids or not (len(tracks) or len(memory)):
            return []
        fresh, heirs, looks = memory.begin(tracks, time_s, counted)
        self._place(fresh)
        crossings: list[Crossing] = []
        if heirs is not None:
            self._accept(heirs)
            crossings += self._advance(heirs, frame_index)
        crossings += self._advance(looks, frame_index)
        leaving = memory.leaving(time_s)
        if len(leaving):
            crossings += self._settle(leaving)
            memory.drop(leaving)
        if self._recent:
            self._recent = [p for p in self._recent if abs(time_s - p.time_s) <= _SAME_OBJECT_S]
        return crossings

    def finish(self) -> list[Crossing]:
        """Crossings of tracks that were past the line, but not yet out of the band, at the end."""
        everyone = np.arange(len(self._memory))
        crossings = self._settle(everyone)
        self._memory.drop(everyone)
        return crossings

    def _place(self, fresh: Rows) -> None:
        """A new track is on the side where it was first seen, even inside the band."""
        if len(fresh):
            memory = self._memory
            distance = self._lines.signed_distance(memory["point"][:, fresh])
            memory["distance"][:, fresh] = distance
            memory["side"][:, fresh] = _sides(distance)

    def _accept(self, heirs: Looks) -> None:
        """An heir keeps its parent's side. Not so where the parent was clear of the line and not
        heading for it, and the heir begins beyond it: that is another object, and has crossed
        nothing.
        """
        memory = self._memory
        memory["nth"][:, heirs.seen] = 0.0
        distance = self._lines.signed_distance(heirs.points)
        side = _sides(distance)
        band = self._bands()
        stray = (side != memory["side"]) & heirs.seen
        stray &= (np.abs(distance) > band) & (np.abs(memory["distance"]) > band)
        stray &= self._lines.across(memory["velocity"]) * side <= 0.1 * memory["size"]
        np.copyto(memory["side"], side, where=stray)

    def _advance(self, looks: Looks, frame_index: int) -> list[Crossing]:
        """One look per track: note changes of sign, and report those that have become crossings."""
        memory = self._memory
        distance = self._lines.signed_distance(looks.points)
        before = memory["distance"]
        right = distance >= 0.0
        changed = right != (before >= 0.0)
        changed &= looks.seen  # who was not seen may still be off by a rounding error
        if changed.any():
            self._note_passing(looks, distance, changed, frame_index)
        np.copyto(before, distance, where=looks.seen)
        memory.move(looks)
        depth = np.abs(distance)
        near = depth < _CLEAR * memory.noise_px()
        other = right != (memory["side"] > 0.0)
        other &= looks.seen
        if near.any():
            stood = memory["stood"]
            stood += np.where(near & looks.seen, distance, 0.0)
        np.copyto(memory["first"][0], np.nan, where=looks.seen & ~(near | other))
        streak = memory["streak"]
        if not other.any():
            np.copyto(streak, 0.0, where=looks.seen)
            return []
        band = self._bands()
        beyond = other & (depth > band)
        np.copyto(streak, np.where(beyond, streak + 1.0, 0.0), where=looks.seen)
        done = beyond & ((streak >= 2.0) | (depth > _SURE_BANDS * band))
        return self._report(done) if done.any() else []

    def _note_passing(
        self, looks: Looks, distance: Floats, changed: Bools, frame_index: int
    ) -> None:
        """Where and when the straight path from the look before to this one meets the line."""
        memory, lines = self._memory, self._lines
        for line, track in np.argwhere(changed).tolist():
            before = float(memory["distance"][line, track])
            share = before / (before - float(distance[line, track]))
            x, y = memory["point"][:, track]
            x += share * (looks.points[0, track] - x) - lines.start[line, 0]
            y += share * (looks.points[1, track] - y) - lines.start[line, 1]
            time_s = memory["time_s"][track]
            passed = memory["passed"][:, line, track]
            passed[0] = time_s + share * (looks.times_s[track] - time_s)
            passed[1] = x * lines.along[line, 0] + y * lines.along[line, 1]
            passed[2] = frame_index
            if np.isnan(memory["first"][0, line, track]):
                memory["first"][:, line, track] = passed
                memory["stood"][line, track] = 0.0

    def _moment(self, track: int, line: int, direction: float) -> tuple[float, int]:
        """Time and frame of a completed crossing. Jitter takes an object that stands on the line
        back and forth over it: if it stood past the line on the whole it had crossed when it
        came, else it crosses when it leaves."""
        memory = self._memory
        came = memory["stood"][line, track] * direction > 0.0
        time_s, _, frame = memory["first" if came else "passed"][:, line, track]
        return float(time_s), int(frame)

    def _settle(self, ending: Rows) -> list[Crossing]:
        """The end of tracks: one last seen past the line, and still moving on, has crossed it even
        when the picture's edge or a truck hid it before it left the band."""
        memory = self._memory
        distance = memory["distance"]
        side = _sides(distance)
        depth = np.abs(distance)
        band = self._bands()
        onward = self._lines.across(memory["velocity"]) * side > 0.2 * memory["size"]
        onward &= depth > np.maximum(0.3 * band, 2.0 * memory.noise_px())
        done = np.zeros(side.shape, np.bool_)
        done[:, ending] = True
        done &= (side != memory["side"]) & ((depth > band) | onward)
        return self._report(done) if done.any() else []

    def _report(self, done: Bools) -> list[Crossing]:
        memory = self._memory
        crossings: list[Crossing] = []
        for line, track in np.argwhere(done).tolist():
            direction = float(_sides(memory["distance"][line, track]))
            memory["side"][line, track] = direction
            memory["streak"][line, track] = 0.0
            on_segment = 0.0 <= memory["passed"][1, line, track] <= self._lines.length[line]
            if (
                on_segment
                and memory["counted"][track]
                and not self._seen_already(track, line, direction)
            ):
                crossings.append(self._crossing(track, line, direction))
            memory["first"][0, line, track] = np.nan
        return crossings

    def _crossing(self, track: int, line: int, direction: float) -> Crossing:
        memory = self._memory
        object_class = counted_class(memory.labels[int(memory["label"][track])])
        time_s, frame_index = self._moment(track, line, direction)
        nth = int(memory["nth"][line, track])
        memory["nth"][line, track] += 1.0
        return Crossing(
            line_id=self._ids[line],
            track_id=int(memory.ids[track]),
            nth=nth,
            direction="forward" if direction > 0 else "backward",
            object_class=object_class,
            size=size_of(object_class),
            confidence=float(memory["confidence"][track]),
            time_s=time_s,
            frame_index=frame_index,
        )

    def _seen_already(self, track: int, line: int, direction: float) -> bool:
        """Whether another track of the same object has just been counted here; else take note."""
        memory = self._memory
        box, group = memory["box"][:, track].copy(), memory.group(track)
        track_id, time_s = int(memory.ids[track]), float(memory["time_s"][track])
        for other in self._recent:
            if (other.line, other.direction, other.group) != (line, direction, group):
                continue
            if other.track_id == track_id or abs(time_s - other.time_s) > _SAME_OBJECT_S:
                continue
            at = int(np.searchsorted(memory.ids, other.track_id))
            alive = at < len(memory) and memory.ids[at] == other.track_id
            there = memory["box"][:, at] if alive else other.box
            if box_overlap(box, there) >= _SAME_OBJECT_IOU:
                return True
        self._recent.append(_Passed(line, direction, track_id, time_s, box, group))
        return False

    def _bands(self) -> Floats:
        p = self._parameters
        memory = self._memory
        return hysteresis_band(
            memory["size"], memory.noise_px(), p.band_share, p.band_noise, p.band_least_px
        )


def _sides(distance: Floats) -> Floats:
    side: Floats = np.where(distance >= 0.0, 1.0, -1.0)
    return side
