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
from sensing.domain.kinematics import Kinematics
from sensing.domain.memory import Column, Looks, Rows, Table, TrackMemory
from sensing.domain.results import Crossing
from sensing.domain.scene import Anchor, CountingLine
from sensing.domain.tracking import Tracks

_SURE_BANDS = 3.0  # this many bands beyond the line one look is enough, else two in a row
_CLEAR = 2.5  # standard deviations of jitter off the line that jitter alone does not explain
_SAME_OBJECT_S = 1.0  # two tracks of one object pass the line within this time
_SAME_OBJECT_IOU = 0.65
HEIR_S = 1.5


@dataclass(frozen=True)
class CountingParameters:
    """Raises ``ValueError`` for nonsense."""

    band_share: float = 0.1  # of the object's size
    band_noise: float = 5.0  # standard deviations of the track's jitter
    band_least_px: float = 3.0
    heir_s: float = HEIR_S  # a track that begins within this time may continue a lost one

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
    box: list[float]
    group: int


class LineCounter:
    """Counts tracks over lines. All tracks are followed, so that a class that changes its mind
    moves no object to the other side; only those ``counted`` at the moment of crossing are
    reported.

    Counters of one camera may share a ``memory``, made with their anchor and ``heir_s``; then each
    must be given every frame. With ``turn_back_s``, who comes back within that time is marked.
    """

    def __init__(
        self,
        lines: Sequence[CountingLine],
        frame_width: int,
        frame_height: int,
        anchor: Anchor = "center",
        parameters: CountingParameters | None = None,
        *,
        memory: TrackMemory | None = None,
        turn_back_s: float = 0.0,
    ) -> None:
        self._turn_back_s = turn_back_s
        self._ids = [line.id for line in lines]
        self._lines = LineSet.from_scene(lines, frame_width, frame_height)
        self._parameters = parameters or CountingParameters()
        # Not `memory or`: an empty one is false.
        self._memory = TrackMemory(anchor, self._parameters.heir_s) if memory is None else memory
        per_line = (len(lines),)
        self._layout = self._memory.attach(
            {
                "counted": Column(),
                "side": Column(per_line),  # the side last truly reached, -1 or +1
                "distance": Column(per_line),  # signed, of the newest look
                "streak": Column(per_line),  # looks in a row beyond the band
                # The newest change of sign: when, where in px from p1, on which frame.
                "passed": Column((3, len(lines)), np.nan),
                # The first one since the object was clear of the line, and where it stood since.
                "first": Column((3, len(lines)), np.nan),
                "stood": Column(per_line),
                "nth": Column(per_line),
                # The newest crossing that nothing has undone: when, which way.
                "told": Column((2, len(lines) if turn_back_s > 0.0 else 0), np.nan),
            },
        )
        self._followed = 0
        self._recent: list[_Passed] = []

    def update(
        self, tracks: Tracks, time_s: float, frame_index: int, counted: Bools | None = None
    ) -> list[Crossing]:
        """Crossings completed on this frame. ``counted`` (N,): the tracks that may be reported."""
        memory = self._memory
        if not self._ids or not memory.has_news(tracks, self._followed):
            return []
        step = memory.follow(tracks, time_s, self._followed)
        self._followed = step.number
        self._mine()["counted"][:] = 1.0 if counted is None else counted
        self._place(step.fresh, step.begin)
        crossings: list[Crossing] = []
        if step.heirs is not None:
            self._accept(step.heirs)
            crossings += self._advance(step.heirs, frame_index)
        crossings += self._advance(step.looks, frame_index)
        if len(step.leaving):
            crossings += self._settle(memory.lost, step.leaving)
        if self._recent:
            self._recent = [p for p in self._recent if abs(time_s - p.time_s) <= _SAME_OBJECT_S]
        return crossings

    def finish(self) -> list[Crossing]:
        """Crossings of tracks that were past the line, but not yet out of the band, at the end."""
        tables = (self._memory.living, self._memory.lost)
        crossings = [x for table in tables for x in self._settle(table, table.everyone())]
        self._memory.forget()
        return crossings

    def _mine(self) -> dict[str, Floats]:
        return self._memory.living.of(self._layout)

    def _place(self, fresh: Rows, begin: Kinematics) -> None:
        """A new track is on the side where it was first seen, even inside the band."""
        if len(fresh):
            mine = self._mine()
            distance = self._lines.signed_distance(begin.point[:, fresh])
            mine["distance"][:, fresh] = distance
            mine["side"][:, fresh] = _sides(distance)

    def _accept(self, heirs: Looks) -> None:
        """An heir keeps its parent's side. Not so where the parent was clear of the line and not
        heading for it, and the heir begins beyond it: that is another object, and has crossed
        nothing.
        """
        mine, parents = self._mine(), heirs.before
        mine["nth"][:, heirs.seen] = 0.0
        distance = self._lines.signed_distance(heirs.after.point)
        side = _sides(distance)
        band = self._bands(parents)
        stray = (side != mine["side"]) & heirs.seen
        stray &= (np.abs(distance) > band) & (np.abs(mine["distance"]) > band)
        stray &= self._lines.across(parents.velocity) * side <= 0.1 * parents.size
        np.copyto(mine["side"], side, where=stray)

    def _advance(self, looks: Looks, frame_index: int) -> list[Crossing]:
        """One look per track: note changes of sign, and report those that have become crossings."""
        mine, seen = self._mine(), looks.seen
        distance = self._lines.signed_distance(looks.after.point)
        before, streak = mine["distance"], mine["streak"]
        right = distance >= 0.0
        changed = right != (before >= 0.0)
        changed &= seen  # who was not seen may still be off by a rounding error
        if np.count_nonzero(changed):
            self._note_passing(looks, distance, changed, frame_index)
        np.copyto(before, distance, where=seen)
        depth = np.abs(distance)
        near = depth < _CLEAR * looks.after.noise_px()
        near &= seen
        other = right != (mine["side"] > 0.0)
        other &= seen
        if np.count_nonzero(near):
            mine["stood"] += np.where(near, distance, 0.0)
        np.copyto(mine["first"][0], np.nan, where=seen & ~(near | other))
        if not np.count_nonzero(other):
            np.copyto(streak, 0.0, where=seen)
            return []
        band = self._bands(looks.after)
        beyond = other & (depth > band)
        np.copyto(streak, (streak + 1.0) * beyond, where=seen)
        done = beyond & ((streak >= 2.0) | (depth > _SURE_BANDS * band))
        if not np.count_nonzero(done):
            return []
        return self._report(self._memory.living, done, looks.after.time_s)

    def _note_passing(
        self, looks: Looks, distance: Floats, changed: Bools, frame_index: int
    ) -> None:
        """Where and when the straight path from the look before to this one meets the line."""
        mine, lines = self._mine(), self._lines
        before, after = looks.before, looks.after
        for line, track in np.argwhere(changed).tolist():
            share = float(mine["distance"][line, track])
            share /= share - float(distance[line, track])
            (x, y), (to_x, to_y) = before.point[:, track].tolist(), after.point[:, track].tolist()
            begin_s, end_s = float(before.time_s[track]), float(after.time_s[track])
            (start_x, start_y), (along_x, along_y) = lines.start[line], lines.along[line]
            x += share * (to_x - x) - start_x
            y += share * (to_y - y) - start_y
            passed = begin_s + share * (end_s - begin_s), x * along_x + y * along_y, frame_index
            mine["passed"][:, line, track] = passed
            if np.isnan(mine["first"][0, line, track]):
                mine["first"][:, line, track] = passed
                mine["stood"][line, track] = 0.0

    def _settle(self, table: Table, ending: Rows) -> list[Crossing]:
        """The end of tracks: one last seen past the line, and still moving on, has crossed it even
        when the picture's edge or a truck hid it before it left the band."""
        motion, mine = table.motion, table.of(self._layout)
        distance = mine["distance"]
        side = _sides(distance)
        other = np.zeros(side.shape, np.bool_)
        other[:, ending] = (side != mine["side"])[:, ending]
        if not np.count_nonzero(other):
            return []
        depth = np.abs(distance)
        band = self._bands(motion)
        onward = self._lines.across(motion.velocity) * side > 0.2 * motion.size
        onward &= depth > np.maximum(0.3 * band, 2.0 * motion.noise_px())
        done = other & ((depth > band) | onward)
        return self._report(table, done, motion.time_s) if np.count_nonzero(done) else []

    def _report(self, table: Table, done: Bools, time_s: Floats) -> list[Crossing]:
        mine = table.of(self._layout)
        crossings: list[Crossing] = []
        for line, track in np.argwhere(done).tolist():
            direction = 1.0 if mine["distance"][line, track] >= 0.0 else -1.0
            mine["side"][line, track] = direction
            mine["streak"][line, track] = 0.0
            if 0.0 <= mine["passed"][1, line, track] <= self._lines.length[line]:
                passed = _Passed(
                    line,
                    direction,
                    int(table.ids[track]),
                    float(time_s[track]),
                    table.box[:, track].tolist(),
                    self._memory.group(table, track),
                )
                if mine["counted"][track] and not self._seen_already(passed):
                    crossings.append(self._crossing(table, track, passed))
                # Whoever counts it: two modules must not give two passes one number.
                mine["nth"][line, track] += 1.0
            mine["first"][0, line, track] = np.nan
        return crossings

    def _crossing(self, table: Table, track: int, passed: _Passed) -> Crossing:
        mine, line = table.of(self._layout), passed.line
        # Jitter takes an object that stands on the line back and forth over it: if it stood past
        # the line on the whole it had crossed when it came, else it crosses when it leaves.
        came = mine["stood"][line, track] * passed.direction > 0.0
        time_s, _, frame = mine["first" if came else "passed"][:, line, track]
        object_class = counted_class(self._memory.labels[int(table.label[track])])
        return Crossing(
            line_id=self._ids[line],
            track_id=passed.track_id,
            nth=int(mine["nth"][line, track]),
            direction="forward" if passed.direction > 0 else "backward",
            object_class=object_class,
            size=size_of(object_class),
            confidence=float(table.confidence[track]),
            time_s=float(time_s),
            frame_index=int(frame),
            turn_back=self._turn_back_s > 0.0
            and self._undoes(mine["told"][:, line, track], float(time_s), passed.direction),
        )

    def _undoes(self, told: Floats, time_s: float, direction: float) -> bool:
        """Whether a crossing takes back the one before it, which then is not there to be taken back
        again: in, out and in is once in."""
        before_s, before = told.tolist()
        back = before == -direction and abs(time_s - before_s) <= self._turn_back_s
        told[:] = (np.nan, np.nan) if back else (time_s, direction)
        return bool(back)

    def _seen_already(self, passed: _Passed) -> bool:
        """Whether another track of the same object has just been counted here; else take note."""
        what = (passed.line, passed.direction, passed.group)
        for other in self._recent:
            if (other.line, other.direction, other.group) != what:
                continue
            if other.track_id == passed.track_id:
                continue
            if abs(passed.time_s - other.time_s) > _SAME_OBJECT_S:
                continue
            now = self._memory.newest_box(other.track_id)
            if box_overlap(passed.box, other.box if now is None else now) >= _SAME_OBJECT_IOU:
                return True
        self._recent.append(passed)
        return False

    def _bands(self, motion: Kinematics) -> Floats:
        p = self._parameters
        return hysteresis_band(
            motion.size, motion.noise_px(), p.band_share, p.band_noise, p.band_least_px
        )


def _sides(distance: Floats) -> Floats:
    side: Floats = np.where(distance >= 0.0, 1.0, -1.0)
    return side
