"""What counters remember of each track between frames, and who continues whom.

A tracker loses objects: behind a pole, at a bad frame, right on the line. When a track begins where
a lost one was heading, it is the same object, and takes over everything remembered of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray
from sensing.domain.classes import CYCLE, PERSON, group_of
from sensing.domain.geometry import Bools, Floats, anchor_points, box_sizes
from sensing.domain.scene import Anchor
from sensing.domain.tracking import Tracks

Rows = NDArray[np.intp]

_VELOCITY_MEMORY_S = 0.25
_NOISE_MEMORY = 0.15  # weight of the newest residual in a track's measured jitter
_FIRST_NOISE = 0.02  # jitter believed of a new track, as a share of its size
_HEIR_SIZE_RATIO = 2.0
_HEIR_REACH, _HEIR_REACH_PER_S = 0.6, 0.6  # in sizes of the lost object
_HEIR_ASIDE_PER_S = 0.3
_VELOCITY_NOISE_PER_S = 8.0  # px/s of a smoothed velocity per px of jitter, about
_HEIR_MOVING = 0.7  # sizes per second from which a direction is known in spite of jitter
_HEIR_SPEED_DOUBT = 0.4  # share of the way it has gone by its last known speed
_HEIR_MISSED = 3  # frames a lost track is kept at least: at 3 fps a second is soon over


@dataclass(frozen=True, slots=True)
class Column:
    """Numbers remembered per track: how many (as a shape), and what a new track starts with."""

    shape: tuple[int, ...] = ()
    fill: float = 0.0


_KINEMATICS = {
    "point": Column((2,)),
    "time_s": Column(),
    "velocity": Column((2,)),  # px/s, smoothed
    "last_step": Column((2,)),  # px/s between the two newest looks
    "step_s": Column((), 1.0),
    "looks": Column(),
    "missed": Column(),  # frames since the newest look
    "noise": Column(),  # variance in px² on either axis
    "size": Column(),
    "box": Column((4,)),
    "label": Column(),
    "confidence": Column(),
    "counted": Column(),
    "present": Column(),
}


@dataclass(frozen=True, slots=True)
class Looks:
    """Where all N remembered tracks are at a moment: points (2, N) px, times and sizes (N,). Tracks
    not ``seen`` (N,) stay as they were at their newest look."""

    seen: Bools
    points: Floats
    times_s: Floats
    sizes: Floats


class TrackMemory:
    """A table of living and recently lost tracks, ordered by track id.

    ``linger_s``: how long a lost track is kept for an heir, in seconds after its newest look.
    ``memory["point"]`` is a view (*shape, N) of a column; it holds until tracks are added or
    dropped. All numbers lie in one matrix, so that a track's coming and going is one operation.
    """

    def __init__(self, anchor: Anchor, linger_s: float, columns: Mapping[str, Column]) -> None:
        self._anchor: Anchor = anchor
        self._linger_s = linger_s
        self._places: dict[str, tuple[slice, tuple[int, ...]]] = {}
        fills: list[float] = []
        for name, column in {**_KINEMATICS, **columns}.items():
            count = int(np.prod(column.shape))
            self._places[name] = (slice(len(fills), len(fills) + count), column.shape)
            fills += [column.fill] * count
        self._fill = np.array(fills)[:, None]
        self._hold(np.zeros(0, np.int64), np.zeros((len(fills), 0)))
        self._inherited: set[int] = set()  # lost tracks whose column an heir has taken
        self._last_time_s = -np.inf
        self.labels: tuple[str, ...] = ()
        self._groups = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Floats:
        return self._views[name]

    def begin(
        self, tracks: Tracks, time_s: float, counted: Bools | None
    ) -> tuple[Rows, Looks | None, Looks]:
        """Take in one frame: (new tracks, heirs at their first look, all observed tracks now).

        The caller initialises the first, already standing where they were first seen, and passes
        the others, in this order, through its own step, ending each with ``move``.
        """
        if time_s < self._last_time_s:  # the clock was set back: ages count from here on
            times = self["time_s"]
            times += time_s - self._last_time_s
        self._last_time_s = time_s
        if tracks.labels != self.labels:
            self.labels = tracks.labels
            self._groups = np.array([group_of(label) for label in tracks.labels], np.int64)
        self["present"][...] = 0.0
        missed = self["missed"]
        missed += 1.0
        fresh, heirs = self._meet(tracks, time_s)
        # A track still coasting when an heir took its column has none any more.
        kept = self._known(tracks.track_id) if self._inherited else slice(None)
        at = self.columns_of(tracks.track_id[kept])
        self["present"][at] = 1.0
        self["label"][at] = tracks.class_id[kept]
        self["confidence"][at] = tracks.confidence[kept]
        self["counted"][at] = 1.0 if counted is None else counted[kept]
        observed = tracks.observed[kept]
        return fresh, heirs, self._now(tracks.xyxy[kept][observed], at[observed], time_s)

    def move(self, looks: Looks) -> None:
        """Remember where tracks are now, how fast they go and how much they jitter."""
        dt_s = looks.times_s - self["time_s"]
        moved = dt_s > 1e-6
        lasted = np.where(moved, dt_s, 1.0)
        point, velocity, last_step = self["point"], self["velocity"], self["last_step"]
        step = (looks.points - point) / lasted
        again = moved & (self["looks"] > 0.0)
        self._measure_noise((step - last_step) * lasted, lasted, again)
        share = np.where(again, 1.0 - np.exp(-lasted / _VELOCITY_MEMORY_S), moved)
        velocity += share * (step - velocity)
        np.copyto(last_step, step, where=moved)
        np.copyto(self["step_s"], lasted, where=moved)
        count = self["looks"]
        count += moved
        point[...] = looks.points
        self["time_s"][...] = looks.times_s
        self["size"][...] = looks.sizes

    def noise_px(self) -> Floats:
        """Standard deviation of the jitter of each track, (N,) px."""
        noise: Floats = np.sqrt(self["noise"])
        return noise

    def leaving(self, time_s: float) -> Rows:
        """Tracks that are gone and for which no heir will come any more."""
        gone = self["present"] == 0.0
        if gone.any():
            gone &= ~self._lingers(time_s - self["time_s"], self["missed"])
        leaving: Rows = gone.nonzero()[0]
        return leaving

    def drop(self, columns: Rows) -> None:
        """Forget tracks; all after them move up."""
        keep = np.ones(len(self), np.bool_)
        keep[columns] = False
        self._hold(self.ids[keep], self._data[:, keep])

    def columns_of(self, track_ids: NDArray[np.int64]) -> Rows:
        """The column of each track; all must be known."""
        columns: Rows = np.searchsorted(self.ids, track_ids)
        return columns

    def group(self, column: int) -> int:
        """The class group of a track."""
        return int(self._groups[int(self["label"][column])])

    def _hold(self, ids: NDArray[np.int64], data: Floats) -> None:
        self.ids, self._data = ids, data
        self._views = {
            name: data[rows].reshape((*shape, len(ids)))
            for name, (rows, shape) in self._places.items()
        }

    def _now(self, boxes: FloatArray, at: Rows, time_s: float) -> Looks:
        self["box"][:, at] = boxes.T
        self["missed"][at] = 0.0
        return self._looks(at, anchor_points(boxes, self._anchor), time_s, box_sizes(boxes))

    def _looks(self, at: Rows, points: Floats, times_s: Floats | float, sizes: Floats) -> Looks:
        seen = np.zeros(len(self), np.bool_)
        seen[at] = True
        looks = Looks(seen, self["point"].copy(), self["time_s"].copy(), self["size"].copy())
        looks.points[:, at] = points
        looks.times_s[at] = times_s
        looks.sizes[at] = sizes
        return looks

    def _lingers(self, unseen_s: Floats, missed: Floats) -> Bools:
        """Whether a lost track may still find an heir: in time, or a few frames of a slow
        stream."""
        lingers: Bools = unseen_s <= self._linger_s
        lingers |= (missed <= _HEIR_MISSED) & (unseen_s <= 2.0 * self._linger_s)
        return lingers

    def _measure_noise(self, residual: Floats, lasted_s: Floats, again: Bools) -> None:
        """Jitter from how far each look lies off the straight continuation of the two before it.

        For independent errors of variance σ² that residual has σ²(1 + (1+r)² + r²), r = Δt/Δt
        before.
        """
        ratio = lasted_s / self["step_s"]
        residual *= residual
        seen = (residual[0] + residual[1]) / (4.0 * (1.0 + ratio + ratio * ratio))
        noise = self["noise"]
        noise += (_NOISE_MEMORY * again) * (seen - noise)

    def _meet(self, tracks: Tracks, time_s: float) -> tuple[Rows, Looks | None]:
        """Make columns for tracks not met before: those that begin, those that continue another."""
        ids = tracks.track_id
        if self._inherited:
            self._inherited &= set(ids.tolist())
        new = (~self._known(ids)).nonzero()[0]
        if self._inherited and len(new):
            inherited = np.array([int(i) in self._inherited for i in ids[new]])
            new = new[~inherited | tracks.observed[new]]
        if not len(new):
            return new, None
        boxes, times_s = self._first_looks(tracks, new, time_s)
        points, sizes = anchor_points(boxes, self._anchor), box_sizes(boxes)
        parents = self._parents(tracks, new, points, times_s, sizes)
        self._insert(ids[new], points, times_s, sizes)
        heirs = parents >= 0
        for heir, parent in zip(ids[new[heirs]], parents[heirs], strict=True):
            self._inherit(int(heir), int(parent))
        at = self.columns_of(ids[new])
        if not heirs.any():
            return at, None
        return at[~heirs], self._looks(at[heirs], points[:, heirs], times_s[heirs], sizes[heirs])

    def _known(self, ids: NDArray[np.int64]) -> Bools:
        if not len(self.ids):
            return np.zeros(len(ids), np.bool_)
        known: Bools = self.ids[np.minimum(self.columns_of(ids), len(self.ids) - 1)] == ids
        return known

    def _first_looks(self, tracks: Tracks, new: Rows, time_s: float) -> tuple[Floats, Floats]:
        boxes = tracks.xyxy[new].astype(np.float64)
        times_s = np.full(len(new), time_s)
        if tracks.origin_xyxy is not None:
            # A track whose column an heir took may come back: it begins anew, not at its origin.
            first = tracks.first_seen_s[new] <= time_s
            if self._inherited:
                first &= [int(i) not in self._inherited for i in tracks.track_id[new]]
            boxes[first] = tracks.origin_xyxy[new][first]
            times_s[first] = tracks.first_seen_s[new][first]
        return boxes, times_s

    def _parents(
        self, tracks: Tracks, new: Rows, points: Floats, times_s: Floats, sizes: Floats
    ) -> NDArray[np.int64]:
        """The id of the lost track that each new one continues, or -1; each is continued once."""
        parents = np.full(len(new), -1, np.int64)
        seen = np.ones(len(ids := tracks.track_id), np.bool_)
        seen[new] = False
        free = np.ones(len(self), np.bool_)
        free[self.columns_of(ids[seen & tracks.observed])] = False
        lost = free.nonzero()[0]
        if not len(lost):
            return parents
        now = anchor_points(tracks.xyxy[new], self._anchor)
        gap_s = times_s[:, None] - self["time_s"][lost]
        size = self["size"][lost]
        offset = points[:, :, None] - self["point"][:, None, lost]
        # A lost object is between where it was and where its speed would have taken it: it may
        # brake. It goes on ahead rather than aside.
        path = self["velocity"][:, None, lost] * np.maximum(gap_s, 0.0)
        squared = np.maximum((path * path).sum(axis=0), 1e-9)
        length = np.sqrt(squared)
        aside = np.abs(offset[0] * path[1] - offset[1] * path[0]) / length
        offset -= np.clip((offset * path).sum(axis=0) / squared, 0.0, 1.0) * path
        distance = np.hypot(*offset) / size
        fits = distance <= (
            _HEIR_REACH + _HEIR_REACH_PER_S * gap_s + _HEIR_SPEED_DOUBT * length / size
        )
        moving = length > _HEIR_MOVING * gap_s * size
        noise_px = _VELOCITY_NOISE_PER_S * gap_s * self.noise_px()[lost]
        fits &= ~moving | (aside <= (_HEIR_REACH + _HEIR_ASIDE_PER_S * gap_s) * size + noise_px)
        fits &= ~(moving & self._opposed(now - points, times_s, sizes, lost))
        fits &= (gap_s > 1e-6) & self._lingers(gap_s, self["missed"][lost])
        ratio = sizes[:, None] / size
        fits &= (ratio < _HEIR_SIZE_RATIO) & (ratio > 1.0 / _HEIR_SIZE_RATIO)
        labels = self["label"][lost].astype(np.int64)
        fits &= _related(self._groups[tracks.class_id[new]][:, None], self._groups[labels])
        taken: set[int] = set()
        for i, j in sorted(np.argwhere(fits).tolist(), key=lambda ij: distance[ij[0], ij[1]]):
            if parents[i] < 0 and j not in taken:
                parents[i] = self.ids[lost[j]]
                taken.add(j)
        return parents

    def _opposed(self, moved: Floats, since_s: Floats, sizes: Floats, lost: Rows) -> Bools:
        """Whether a new track, seen to have ``moved`` (2, n) px since its first look, goes against
        the way of a lost one: at the picture's edge one leaves where another comes in."""
        age_s = self._last_time_s - since_s
        fast = (age_s > 0.0) & (np.hypot(*moved) > _HEIR_MOVING * age_s * sizes)
        against: Bools = moved.T @ self["velocity"][:, lost] < 0.0
        against &= fast[:, None]
        return against

    def _insert(
        self, ids: NDArray[np.int64], points: Floats, times_s: Floats, sizes: Floats
    ) -> None:
        count = len(self)
        self._hold(
            np.concatenate([self.ids, ids]),
            np.concatenate([self._data, np.repeat(self._fill, len(ids), axis=1)], axis=1),
        )
        self["point"][:, count:] = points
        self["time_s"][count:] = times_s
        self["size"][count:] = sizes
        self["noise"][count:] = (_FIRST_NOISE * sizes) ** 2
        if (self.ids[1:] < self.ids[:-1]).any():
            order = np.argsort(self.ids)
            self._hold(self.ids[order], self._data[:, order])

    def _inherit(self, heir: int, parent: int) -> None:
        to, source = np.searchsorted(self.ids, (heir, parent))
        self._data[:, to] = self._data[:, source]
        self.drop(np.array([source]))
        self._inherited.add(parent)


def _related(first: NDArray[np.int64], second: NDArray[np.int64]) -> Bools:
    riders = ((first == PERSON) & (second == CYCLE)) | ((first == CYCLE) & (second == PERSON))
    related: Bools = (first == second) | riders
    return related
