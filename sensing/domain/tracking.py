"""The tracker: detections of one frame in, the confirmed objects of that moment out.

After ByteTrack (Zhang et al., 2022): confident boxes are matched first, doubtful boxes only to
tracks that are left over, so that a half-hidden car keeps its identity. All tracks live in one
struct of arrays; no loop over objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections, FloatArray, IntArray
from sensing.domain import association, kalman
from sensing.domain.association import Candidates, Gates, Pairs, Side
from sensing.domain.classes import CYCLE, PERSON, group_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

_CONFIDENT = Gates(min_iou=0.2, max_deviation=3.5)
_DOUBTFUL = Gates(min_iou=0.3, max_deviation=2.0)
_FAR_PX = 1e6  # no picture is this large: such a box, and an infinite one, is no box
_CONFIDENCE_MEMORY = 0.8  # share of the old value in the smoothed confidence of a track


@dataclass(frozen=True)
class TrackerParameters:
    """Confidences in 0–1, times in seconds of the frames' own clock. Raises ``ValueError`` for
    nonsense."""

    high_confidence: float = 0.4
    low_confidence: float = 0.1
    birth_confidence: float = 0.5  # half-seen parts of an object must not begin a life of their own
    confirm_hits: int = 3
    confirm_s: float = 0.3  # at very low frame rates two looks this far apart are enough
    lost_s: float = 1.0
    reset_gap_s: float = 3.0  # a hole this long in the stream says nothing about who is who

    def __post_init__(self) -> None:
        if not 0.0 <= self.low_confidence <= self.high_confidence <= 1.0:
            raise ValueError(
                "expected 0 <= low_confidence <= high_confidence <= 1,"
                f" got {self.low_confidence} and {self.high_confidence}"
            )
        if not self.high_confidence <= self.birth_confidence <= 1.0:
            raise ValueError(
                "expected high_confidence <= birth_confidence <= 1,"
                f" got {self.high_confidence} and {self.birth_confidence}"
            )
        if self.confirm_hits < 1:
            raise ValueError(f"expected confirm_hits of at least 1, got {self.confirm_hits}")
        for name in ("confirm_s", "lost_s", "reset_gap_s"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"expected {name} of at least 0 s, got {getattr(self, name)}")


@dataclass(frozen=True)
class Tracks:
    """The confirmed tracks on one frame, as a struct of arrays of N rows.

    ``xyxy`` (N, 4) float32 px, ``confidence`` (N,) smoothed, ``class_id`` (N,) voted over the
    whole track and indexing ``labels``, ``observed`` False while a track coasts on its
    prediction, ``first_seen_s`` (N,) with the box of that moment in ``origin_xyxy`` (N, 4): a
    track is confirmed some frames after its first look, and may have passed a line by then.
    ``ended``: ids that never come back. ``xyxy`` is smoothed; ``measured_xyxy`` (N, 4) is the
    newest box as detected. ``shaded``: boxes take in the shadow beneath a vehicle, as those of
    motion do.
    """

    track_id: NDArray[np.int64]
    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    labels: tuple[str, ...]
    observed: Bools
    first_seen_s: Floats
    ended: tuple[int, ...] = ()
    origin_xyxy: FloatArray | None = None
    measured_xyxy: FloatArray | None = None
    shaded: bool = False

    def __len__(self) -> int:
        return len(self.track_id)


class _State:
    """One column per track, confirmed or not, in a single matrix, so that births and ends are one
    operation each. The attributes are views of its rows."""

    _ROWS = kalman.ROWS + 18

    def __init__(self, data: Floats) -> None:
        self._hold(data)

    @classmethod
    def empty(cls, vocabulary: int, tracks: int = 0) -> _State:
        return cls(np.zeros((cls._ROWS + vocabulary, tracks)))

    def _hold(self, data: Floats) -> None:
        self.data = data
        self.motion = data[: kalman.ROWS]
        self.box = data[0:4]  # cx, cy, w, h
        self.area = data[kalman.AREA]  # when last seen
        (
            self.size,
            self.confidence,
            self.class_id,
            self.group,
            self.hits,
            self.missed,  # frames since the last hit
            self.seen_s,  # last hit, on the tracker's own clock
            self.born_s,  # first hit, on the tracker's own clock
            self.first_seen_s,  # first hit, on the caller's clock
            self.track_id,  # 0 until confirmed; exact up to 2**53
        ) = data[kalman.ROWS : kalman.ROWS + 10]
        self.origin = data[kalman.ROWS + 10 : kalman.ROWS + 14]  # corners of the first hit
        self.measured = data[kalman.ROWS + 14 : self._ROWS]  # corners of the newest hit
        self.votes = data[self._ROWS :]  # summed confidence per class of the vocabulary

    def __len__(self) -> int:
        return len(self.track_id)

    def keep(self, mask: Bools) -> None:
        self._hold(self.data.compress(mask, axis=1))

    def extend(self, other: _State) -> None:
        self._hold(np.concatenate([self.data, other.data], axis=1))

    def widen(self, words: int) -> None:
        """Room for votes on more classes."""
        self._hold(np.pad(self.data, ((0, words), (0, 0))))


@dataclass(frozen=True)
class _Looks:
    """The usable detections of one frame, in the tracker's own vocabulary."""

    corners: Floats  # (4, M)
    confidence: Floats
    class_id: Ints
    group: Ints

    def __len__(self) -> int:
        return len(self.confidence)

    def side(self) -> Side:
        return Side(self.corners, self.group, self.class_id)


class Tracker:
    """Follows objects from frame to frame.

    Time is the frames' own, in seconds. A clock that stands still, runs backward or is not a number
    makes a step of zero seconds: nothing moves, nothing grows old, and counting goes on from there.
    """

    def __init__(self, parameters: TrackerParameters | None = None) -> None:
        self._parameters = parameters or TrackerParameters()
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget all tracks (new stream, new resolution). Ids go on: none is ever used twice."""
        self._vocabulary: tuple[str, ...] = ()
        self._groups = np.zeros(0, np.int64)
        self._translations: dict[tuple[str, ...], Ints] = {}
        self._state = _State.empty(0)
        self._clock_s = 0.0
        self._last_time_s: float | None = None

    def update(self, detections: Detections, time_s: float) -> Tracks:
        """Advance to ``time_s`` with what was detected there; boxes that are no boxes are
        ignored."""
        ended = self._advance(time_s)
        looks = self._looks(detections)
        predicted, reach = _corners(self._state.box), self._reach()
        pairs, among = association.close_pairs(predicted, looks.corners, reach)
        repeats = association.twins(looks.side(), among, looks.confidence)
        free = np.ones(len(looks), np.bool_)  # looks that say something new, and have no track yet
        free[list(repeats)] = False
        strength = association.strengths(looks.confidence, repeats)
        sure = strength >= self._parameters.high_confidence
        judged = self._judge(pairs, looks, predicted, reach)
        found = judged.match(free, sure, _CONFIDENT, _DOUBTFUL)
        self._absorb(*found, looks, repeats)
        free[found[1]] = False
        free &= strength >= self._parameters.birth_confidence
        self._give_birth(looks, free.nonzero()[0], repeats, time_s)
        self._confirm()
        return self._tracks(ended + self._bury())

    # 1. Time

    def _advance(self, time_s: float) -> tuple[int, ...]:
        dt_s = 0.0
        if math.isfinite(time_s):
            dt_s = max(0.0, time_s - self._last_time_s) if self._last_time_s is not None else 0.0
            self._last_time_s = time_s
        self._clock_s += dt_s
        state = self._state
        if dt_s > self._parameters.reset_gap_s:
            self._state = _State.empty(len(self._vocabulary))
            return _ids(state.track_id)
        kalman.predict(state.motion, dt_s)
        return ()

    # 2. Detections

    def _looks(self, detections: Detections) -> _Looks:
        # A row per coordinate: what is added and compared then lies side by side in memory.
        corners = detections.xyxy.T.astype(np.float64, order="C")
        confidence = detections.confidence.astype(np.float64)
        class_id = self._translate(detections.labels)[detections.class_id]
        least = self._parameters.low_confidence
        with np.errstate(invalid="ignore"):  # of infinite corners; they are refused just here
            width, height = corners[2:] - corners[:2]
        # Comparisons with what is not a number are False, which is what is wanted of them here.
        usable = (width > 0.0) & (height > 0.0) & (width + height < _FAR_PX)
        usable &= confidence >= least
        if np.count_nonzero(usable) < len(usable):
            corners, confidence = corners[:, usable], confidence[usable]
            class_id = class_id[usable]
        return _Looks(corners, np.minimum(confidence, 1.0), class_id, self._groups[class_id])

    def _translate(self, labels: tuple[str, ...]) -> Ints:
        """The vocabulary's index of each label; a model changed in mid-run brings new words."""
        known = self._translations.get(labels)
        if known is None:
            new = tuple(dict.fromkeys(word for word in labels if word not in self._vocabulary))
            self._vocabulary += new
            self._state.widen(len(new))
            self._groups = np.array([group_of(word) for word in self._vocabulary], np.int64)
            known = np.array([self._vocabulary.index(word) for word in labels], np.int64)
            self._translations[labels] = known
        return known

    def _reach(self) -> Floats:
        """How far, in px, each track can be off its prediction, (N,)."""
        state = self._state
        reach: Floats = self._clock_s - state.seen_s
        reach *= 8.0
        np.minimum(reach, 2.5, out=reach)
        reach += 0.5
        reach *= state.size
        return reach

    # 3. Association

    def _judge(self, pairs: Pairs, looks: _Looks, predicted: Floats, reach: Floats) -> Candidates:
        state = self._state
        return association.candidates(
            pairs,
            Side(predicted, state.group, state.class_id),
            looks.side(),
            variance=kalman.centre_variance(state.motion),
            reach=reach,
            handicap=0.2 * (state.track_id == 0.0),
            fresh=state.missed == 0.0,
        )

    def _absorb(self, rows: Rows, columns: Rows, looks: _Looks, repeats: dict[int, int]) -> None:
        """Update the tracks that were found by what was seen of them."""
        state = self._state
        missed = state.missed
        missed += 1.0
        if not len(rows):
            return
        seen = np.zeros(len(state), np.bool_)
        seen[rows] = True
        box = state.box
        measured = box.copy()
        corners = looks.corners.take(columns, axis=1)
        measured[:, rows] = _centred(corners)
        state.measured[:, rows] = corners
        kalman.update(state.motion, measured, seen)
        np.multiply(box[2], box[3], out=state.area, where=seen)
        np.sqrt(state.area, out=state.size, where=seen)
        confidence, class_id = looks.confidence[columns], looks.class_id[columns]
        state.votes[class_id, rows] += confidence
        # A vote for the class that leads already changes nothing.
        if repeats or np.count_nonzero(class_id != state.class_id[rows]):
            self._vote_again(state, rows, columns, looks, repeats)
            state.class_id[:] = elected = state.votes.argmax(axis=0)
            state.group[:] = self._groups[elected]
        known = state.confidence[rows]
        state.confidence[rows] = known + (1.0 - _CONFIDENCE_MEMORY) * (confidence - known)
        hits = state.hits
        hits += seen
        missed[rows] = 0.0
        state.seen_s[rows] = self._clock_s

    def _vote_again(
        self,
        state: _State,
        rows: Rows,
        columns: Rows,
        looks: _Looks,
        repeats: dict[int, int],
    ) -> None:
        """Count the class of a detection that repeats another for the same object."""
        for twin, original in repeats.items():
            # Who rides a motorcycle is a person, and must not outvote it.
            if (looks.group[twin], looks.group[original]) != (PERSON, CYCLE):
                at = rows[columns == original]
                state.votes[looks.class_id[twin], at] += looks.confidence[twin]

    # 4. Birth, confirmation, end

    def _give_birth(self, looks: _Looks, new: Rows, repeats: dict[int, int], time_s: float) -> None:
        if not len(new):
            return
        born = _State.empty(len(self._vocabulary), len(new))
        born.origin[:] = born.measured[:] = looks.corners[:, new]
        born.motion[:] = kalman.start(_centred(born.origin))
        born.size[:] = np.sqrt(born.area)
        born.confidence[:] = looks.confidence[new]
        rows = np.arange(len(new))
        born.votes[looks.class_id[new], rows] = looks.confidence[new]
        self._vote_again(born, rows, new, looks, repeats)
        born.class_id[:] = elected = born.votes.argmax(axis=0)
        born.group[:] = self._groups[elected]
        born.hits[:] = 1.0
        born.seen_s[:] = born.born_s[:] = self._clock_s
        born.first_seen_s[:] = time_s
        self._state.extend(born)

    def _confirm(self) -> None:
        state, parameters = self._state, self._parameters
        if np.count_nonzero(state.track_id) == len(state):
            return
        waiting = (state.track_id == 0.0) & (state.missed == 0.0)
        enough = (state.hits >= 2) & (state.seen_s - state.born_s >= parameters.confirm_s)
        new = (waiting & (enough | (state.hits >= parameters.confirm_hits))).nonzero()[0]
        state.track_id[new] = np.arange(self._next_id, self._next_id + len(new))
        self._next_id += len(new)

    def _bury(self) -> tuple[int, ...]:
        """End the tracks out of sight for too long: in time, but never after one missed frame."""
        state = self._state
        over = state.missed >= 2.0
        if not np.count_nonzero(over):
            return ()
        over &= (state.track_id == 0.0) | (self._clock_s - state.seen_s > self._parameters.lost_s)
        if not np.count_nonzero(over):
            return ()
        ended = _ids(state.track_id[over])
        state.keep(~over)
        return ended

    def _tracks(self, ended: tuple[int, ...]) -> Tracks:
        data = self._state
        if np.count_nonzero(data.track_id) < len(data):
            data = _State(data.data.compress(data.track_id > 0.0, axis=1))
        return Tracks(
            track_id=data.track_id.astype(np.int64),
            xyxy=_corners(data.box).T.astype(np.float32),
            confidence=data.confidence.astype(np.float32),
            class_id=data.class_id.astype(np.int32),
            labels=self._vocabulary,
            observed=data.missed == 0.0,
            first_seen_s=data.first_seen_s.copy(),
            ended=ended,
            origin_xyxy=data.origin.T.astype(np.float32),
            measured_xyxy=data.measured.T.astype(np.float32),
        )


# Centres and sizes → corners, and back: one product where slices would take five operations.
_TO_CORNERS = np.array([[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]])
_TO_CENTRES = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]])


def _corners(box: Floats) -> Floats:
    """Centres and sizes (4, N) → corners (4, N)."""
    corners: Floats = _TO_CORNERS @ box
    return corners


def _centred(corners: Floats) -> Floats:
    """Corners (4, N) → centres and sizes (4, N)."""
    box: Floats = _TO_CENTRES @ corners
    return box


def _ids(track_id: Floats) -> tuple[int, ...]:
    return tuple(int(i) for i in track_id[track_id > 0.0])
