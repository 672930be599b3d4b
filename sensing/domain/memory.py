"""What is remembered of each track between frames, for all who draw facts from tracks.

A tracker loses objects: behind a pole, at a bad frame, right on the line. When a track begins where
a lost one was heading, it is the same object, and takes over everything remembered of it.

Counters and monitors that keep lost tracks for the same time follow one memory together, so that
motion is measured once per camera and not once per line or module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensing.domain import heirs, kinematics
from sensing.domain.classes import group_of
from sensing.domain.geometry import Bools, Floats, anchor_points, box_sizes
from sensing.domain.heirs import Missing, Newcomers
from sensing.domain.kinematics import Kinematics
from sensing.domain.scene import Anchor
from sensing.domain.tracking import Tracks

Rows = NDArray[np.intp]

_OWN_ROWS = kinematics.ROWS + 7
_LABEL, _SEEN_AT = kinematics.ROWS + 4, kinematics.ROWS + 6
_NOBODY = -1  # the id of a column whose track goes on under another id
_START = np.array([_NOBODY], np.int64)


@dataclass(frozen=True, slots=True)
class Column:
    """Numbers remembered per track: how many (as a shape), and what a new track starts with."""

    shape: tuple[int, ...] = ()
    fill: float = 0.0


@dataclass(frozen=True, eq=False)
class Layout:
    """Where a follower's own numbers lie in a table."""

    rows: Mapping[str, tuple[slice, tuple[int, ...]]]


class Table:
    """Tracks side by side, a column each, all their numbers in one matrix: a track's coming and
    going is one operation, whoever remembers something of it."""

    def __init__(self, ids: NDArray[np.int64], data: Floats) -> None:
        self.ids, self.data = ids, data
        self.motion = Kinematics(data[: kinematics.ROWS])
        self.box = data[kinematics.ROWS : kinematics.ROWS + 4]  # at the newest look
        # The number of the newest look's step is kept, not an age that would have to grow.
        self.label, self.confidence, self.seen_at = data[kinematics.ROWS + 4 : _OWN_ROWS]
        self._views: dict[Layout, dict[str, Floats]] = {}
        self._columns: dict[int, int] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, layout: Layout) -> dict[str, Floats]:
        """The numbers of one follower by name, each a view (*shape, N)."""
        views = self._views.get(layout)
        if views is None:
            count = len(self.ids)
            views = self._views[layout] = {
                name: self.data[rows].reshape((*shape, count))
                for name, (rows, shape) in layout.rows.items()
            }
        return views

    def column_of(self, track_id: int) -> int | None:
        if self._columns is None:
            self._columns = {found: i for i, found in enumerate(self.ids.tolist())}
        return self._columns.get(track_id)

    def everyone(self) -> Rows:
        """The columns that stand for a track."""
        columns: Rows = (self.ids != _NOBODY).nonzero()[0]
        return columns


@dataclass(frozen=True, slots=True)
class _Past:
    """All that is remembered, in one row: the living, the lost, and last a column to start from."""

    ids: NDArray[np.int64]
    data: Floats
    columns: dict[int, int]  # of each id; of nobody, the last


@dataclass(frozen=True, slots=True)
class Looks:
    """One look at those of N tracks that are ``seen``: how they moved ``before`` it, and now. The
    others have not changed."""

    seen: Bools
    before: Kinematics
    after: Kinematics


@dataclass(frozen=True, slots=True)
class Step:
    """One frame, as those see it who follow a memory. The columns of ``memory.living`` are the
    frame's tracks in their order.

    ``fresh``: columns of tracks without a past, standing where they were first seen. ``heirs``: the
    first look at tracks that continue a lost one. ``looks``: the look at all. ``leaving``: columns
    of ``memory.lost`` for which no heir will come any more. ``parents``: id of each heir → id of
    the track that it continues.
    """

    number: int
    time_s: float
    fresh: Rows
    heirs: Looks | None
    looks: Looks
    leaving: Rows
    parents: Mapping[int, int] = field(default_factory=dict)

    @property
    def begin(self) -> Kinematics:
        """The motion of all tracks before this frame."""
        return (self.heirs or self.looks).before


class TrackMemory:
    """The tables of the ``living`` tracks, which are those of the newest frame in its order, and of
    the recently ``lost``.

    ``linger_s``: how long a lost track is kept for an heir, in seconds after its newest look.
    """

    def __init__(self, anchor: Anchor, linger_s: float) -> None:
        self.anchor: Anchor = anchor
        self.linger_s = linger_s
        self._fill = np.zeros((_OWN_ROWS, 1))  # what a new track starts with
        self._fill[kinematics.STEP_S_ROW] = 1.0
        self._inherited: set[int] = set()  # lost tracks whose column an heir has taken
        self._tracks: Tracks | None = None
        self._step: Step | None = None
        self._over = False
        self.labels: tuple[str, ...] = ()
        self._groups = np.zeros(0, np.int64)
        self._clear()

    def __len__(self) -> int:
        return 0 if self._over else len(self.living) + len(self.lost)

    def attach(self, columns: Mapping[str, Column]) -> Layout:
        """Room for the numbers of one follower, from before the first frame on."""
        if self._step is not None:
            raise ValueError("expected all followers of a memory before its first frame")
        rows: dict[str, tuple[slice, tuple[int, ...]]] = {}
        for name, column in columns.items():
            count = int(np.prod(column.shape))
            rows[name] = (slice(len(self._fill), len(self._fill) + count), column.shape)
            self._fill = np.concatenate([self._fill, np.full((count, 1), column.fill)])
        self._clear()
        return Layout(rows)

    def has_news(self, tracks: Tracks, followed: int) -> bool:
        """Whether a follower that saw ``followed`` steps has to see this frame: it is not empty, or
        something is remembered, or another follower has taken it in already, and may have let go
        of the last track with it."""
        behind = self._step is not None and self._step.number != followed
        return behind or bool(len(tracks) or len(self))

    def follow(self, tracks: Tracks, time_s: float, followed: int) -> Step:
        """Take in one frame. The first of several followers that comes with it does the work.

        ``followed``: the number of the newest step that the follower has seen, 0 before the first.
        Raises ``ValueError`` when others have seen more: it would miss tracks that came meanwhile.
        """
        step = self._step
        number = 0 if step is None else step.number
        same = tracks is self._tracks or (step is not None and time_s == step.time_s)
        if step is not None and same and number == followed + 1:
            return step
        if number != followed:
            raise ValueError(f"expected a follower that saw all {number} frames, got {followed}")
        self._drop_leaving(step)
        if step is not None and time_s < step.time_s:  # the clock was set back: ages go on
            for table in (self.living, self.lost):
                table.motion.time_s += time_s - step.time_s
        self._tracks, self._step = tracks, self._take_in(tracks, time_s, number + 1)
        return self._step

    def forget(self) -> None:
        """Begin afresh with the next frame; until then all is there for those who finish later."""
        self._over = True

    def group(self, table: Table, column: int) -> int:
        """The class group of a track."""
        return int(self._groups[int(table.label[column])])

    def newest_box(self, track_id: int) -> list[float] | None:
        """Where a track was last seen, as xyxy, as long as it is remembered."""
        for table in (self.living, self.lost):
            column = table.column_of(track_id)
            if column is not None:
                box: list[float] = table.box[:, column].tolist()
                return box
        return None

    def _clear(self) -> None:
        nobody = np.zeros(0, np.int64)
        self.living = Table(nobody, self._fill[:, :0].copy())
        self.lost = Table(nobody, self._fill[:, :0].copy())
        self._inherited.clear()
        self._over = False

    def _drop_leaving(self, step: Step | None) -> None:
        if self._over:
            self._clear()
        elif step is not None and len(step.leaving):
            stay = np.ones(len(self.lost), np.bool_)
            stay[step.leaving] = False
            self.lost = Table(self.lost.ids[stay], self.lost.data.compress(stay, axis=1))

    def _take_in(self, tracks: Tracks, time_s: float, number: int) -> Step:
        if tracks.labels is not self.labels:
            self.labels = tracks.labels
            self._groups = np.array([group_of(label) for label in tracks.labels], np.int64)
        points = anchor_points(tracks.xyxy, self.anchor)
        fresh, first = np.zeros(0, np.intp), None
        parents: dict[int, int] = {}
        ids = self.living.ids
        if len(ids) != len(tracks) or np.count_nonzero(ids != tracks.track_id):
            fresh, first, parents = self._meet(tracks, points, time_s, number)
        living, seen = self.living, tracks.observed
        living.label[:] = tracks.class_id
        living.confidence[:] = tracks.confidence
        np.copyto(living.box, tracks.xyxy.T, where=seen)
        np.copyto(living.seen_at, number, where=seen)
        motion = living.motion
        before, heirs_looks = motion.copy(), None
        if first is not None:
            motion.move(*first)
            between = motion.copy()
            heirs_looks, before = Looks(first[0], before, between), between
        motion.move(seen, points, time_s, box_sizes(tracks.xyxy))
        return Step(
            number, time_s, fresh, heirs_looks, Looks(seen, before, motion),
            self._leaving(time_s, number), parents,
        )  # fmt: skip

    def _leaving(self, time_s: float, number: int) -> Rows:
        lost = self.lost
        if not len(lost):
            return np.zeros(0, np.intp)
        unseen_s = time_s - lost.motion.time_s
        return (~heirs.lingers(unseen_s, number - lost.seen_at, self.linger_s)).nonzero()[0]

    def _meet(
        self, tracks: Tracks, points: Floats, time_s: float, number: int
    ) -> tuple[Rows, tuple[Bools, Floats, Floats, Floats] | None, dict[int, int]]:
        """Line the columns up with a frame that has other tracks than the one before it: (columns
        that begin, first look at those that continue another, whom they continue)."""
        past = self._past()
        start = len(past.ids) - 1
        track_ids = tracks.track_id.tolist()
        source = np.array([past.columns.get(i, start) for i in track_ids], np.intp)
        new = source == start
        if self._inherited:
            self._inherited.intersection_update(track_ids)
            # A track still coasting when an heir took its column has none any more.
            taken = np.array([i in self._inherited for i in track_ids], np.bool_)
            new &= tracks.observed | ~taken
        at = new.nonzero()[0]
        if not len(at):
            self._line_up(tracks, past, source, new)
            return at, None, {}
        newcomers = self._newcomers(tracks, at, points, time_s)
        heir = np.zeros(len(at), np.bool_)
        parents = self._inherit(past, source[tracks.observed], newcomers, (time_s, number))
        for newcomer, column in parents.items():
            source[source == column] = start  # a parent that coasts is left with none
            source[at[newcomer]] = column
            heir[newcomer] = True
        self._line_up(tracks, past, source, new)
        fresh = at[~heir]
        if len(fresh):
            begun = newcomers.first[:, ~heir], newcomers.times_s[~heir], newcomers.sizes[~heir]
            self.living.motion.begin(fresh, *begun)
            self.living.seen_at[fresh] = number
        if not parents:
            return fresh, None, {}
        first = _first_look(len(source), at[heir], newcomers, heir)
        continued = {track_ids[at[i]]: int(past.ids[column]) for i, column in parents.items()}
        return fresh, first, continued

    def _past(self) -> _Past:
        ids = np.concatenate([self.living.ids, self.lost.ids, _START])
        data = np.concatenate([self.living.data, self.lost.data, self._fill], axis=1)
        return _Past(ids, data, {track_id: i for i, track_id in enumerate(ids.tolist())})

    def _line_up(self, tracks: Tracks, past: _Past, source: Rows, new: Bools) -> None:
        """Make the living table from the columns ``source`` (N,); who is left over is lost."""
        ids = np.where((source < len(past.ids) - 1) | new, tracks.track_id, _NOBODY)
        self.living = Table(ids, past.data.take(source, axis=1))
        gone = past.ids != _NOBODY
        gone[source] = False
        left = gone.nonzero()[0]
        if len(left) or len(self.lost):
            self.lost = Table(past.ids[left], past.data.take(left, axis=1))

    def _newcomers(self, tracks: Tracks, new: Rows, points: Floats, time_s: float) -> Newcomers:
        boxes, times_s = tracks.xyxy[new], np.full(len(new), time_s)
        if tracks.origin_xyxy is not None:
            first_seen_s = tracks.first_seen_s[new]
            first = first_seen_s <= time_s
            if self._inherited:
                # A track whose column an heir took may come back: it begins anew, not at its
                # origin.
                first &= [i not in self._inherited for i in tracks.track_id[new].tolist()]
            boxes = np.where(first[:, None], tracks.origin_xyxy[new], boxes)
            times_s = np.where(first, first_seen_s, times_s)
        return Newcomers(
            anchor_points(boxes, self.anchor), times_s, box_sizes(boxes), points[:, new],
            self._groups[tracks.class_id[new]],
        )  # fmt: skip

    def _inherit(
        self, past: _Past, seen: Rows, newcomers: Newcomers, step: tuple[float, int]
    ) -> dict[int, int]:
        """Newcomers that continue a lost or coasting track: newcomer → column of the past. ``seen``
        are the columns of tracks that are there themselves."""
        free = past.ids != _NOBODY
        free[seen] = False
        lost = free.nonzero()[0]
        if not len(lost):
            return {}
        time_s, number = step
        data = past.data[:_OWN_ROWS].take(lost, axis=1)
        missing = Missing(
            Kinematics(data[: kinematics.ROWS]),
            number - data[_SEEN_AT],
            self._groups[data[_LABEL].astype(np.intp)],
        )
        found = heirs.parents(newcomers, missing, time_s, self.linger_s)
        parents = {newcomer: int(lost[parent]) for newcomer, parent in found.items()}
        self._inherited.update(int(past.ids[column]) for column in parents.values())
        return parents


class CameraMemories:
    """The memories of one camera, one for each time that lost tracks are kept."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor: Anchor = anchor
        self._memories: dict[float, TrackMemory] = {}

    def keeping(self, linger_s: float) -> TrackMemory:
        """The memory that keeps lost tracks for so long."""
        return self._memories.setdefault(linger_s, TrackMemory(self._anchor, linger_s))


def _first_look(
    count: int, at: Rows, newcomers: Newcomers, chosen: Bools
) -> tuple[Bools, Floats, Floats, Floats]:
    """The first look at some newcomers, spread over all ``count`` columns."""
    seen = np.zeros(count, np.bool_)
    points, times_s, sizes = np.zeros((2, count)), np.zeros(count), np.ones(count)
    seen[at] = True
    points[:, at] = newcomers.first[:, chosen]
    times_s[at] = newcomers.times_s[chosen]
    sizes[at] = newcomers.sizes[chosen]
    return seen, points, times_s, sizes
