"""What the detector last found everywhere, still true where nothing changed since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections, FloatArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
SAME_IOU = 0.3
REPEATED_IOU = 0.5
MOVED_SHARE, MOVED_PX = 0.08, 2.0  # of its size, and at least: a standing object's box trembles
NEVER_S = -np.inf


@dataclass
class _Rows:
    """``anchor`` (N, 2): the centre when it last moved; ``alert_s`` (N,): until then it is worth
    a look on every frame; ``gone`` (N,): the last look did not find it any more."""

    found: Detections
    anchor: FloatArray
    alert_s: Floats
    gone: Bools

    def select(self, keep: Bools) -> _Rows:
        return _Rows(
            self.found.select(keep), self.anchor[keep], self.alert_s[keep], self.gone[keep]
        )

    def and_(self, other: _Rows) -> _Rows:
        mine, more = self.found, other.found
        return _Rows(
            Detections(
                np.concatenate([mine.xyxy, more.xyxy]),
                np.concatenate([mine.confidence, more.confidence]),
                np.concatenate([mine.class_id, more.class_id]),
                mine.labels,
            ),
            np.concatenate([self.anchor, other.anchor]),
            np.concatenate([self.alert_s, other.alert_s]),
            np.concatenate([self.gone, other.gone]),
        )


class Held:
    """The newest boxes of each part of the picture. ``sure``: a weaker box calls for no look."""

    def __init__(self, labels: tuple[str, ...], sure: float) -> None:
        self._sure = sure
        self._rows = _fresh(Detections.empty(labels), NEVER_S)

    def found(self) -> Detections:
        """All that is still there, strongest first."""
        there = self._rows.found.select(~self._rows.gone)
        return there.select(np.argsort(-there.confidence, kind="stable"))

    def objects(self) -> FloatArray:
        """(N, 4) boxes of what surely is there, or was a moment ago."""
        return self._rows.found.xyxy[self._rows.found.confidence >= self._sure]

    def restless(self, time_s: float) -> FloatArray:
        """(N, 4) boxes of what moves, is new or has just vanished."""
        return self._rows.found.xyxy[self._rows.alert_s >= time_s]

    def take(self, found: Detections, looked: Bools | None, time_s: float, alert_s: float) -> None:
        """Enter a look. ``looked`` (N of ``centres``): whose place it covered, None for all;
        ``alert_s``: seconds for which what is restless is followed frame by frame."""
        rows = self._rows
        if looked is None:
            looked = np.ones(len(rows.found), np.bool_)
        before, elsewhere = rows.select(looked), rows.select(~looked)
        new, matched = _followed(before, found, time_s + alert_s, self._sure)
        lost = ~matched & (before.found.confidence >= self._sure)
        lost &= ~before.gone | (before.alert_s >= time_s)
        vanished = before.select(lost)
        # One that comes and goes does not keep the detector awake for ever.
        awake = vanished.alert_s >= time_s
        vanished.alert_s = np.where(awake, vanished.alert_s, time_s + alert_s)
        vanished.gone = np.ones(len(vanished.gone), np.bool_)
        common = overlaps(elsewhere.found.xyxy, found.xyxy)
        told_anew = np.asarray((common > REPEATED_IOU).any(axis=1), np.bool_)
        elsewhere = elsewhere.select(~told_anew)
        self._rows = elsewhere.and_(new).and_(vanished)

    def centres(self) -> FloatArray:
        """(N, 2) of every box held, in the order that ``take`` means."""
        return centres_of(self._rows.found.xyxy)


def overlaps(first: FloatArray, second: FloatArray) -> FloatArray:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    areas = [(x[:, 2:] - x[:, :2]).prod(axis=1) for x in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    result: FloatArray = shared / np.maximum(union, 1e-9)
    return result


def _fresh(found: Detections, alert_s: float) -> _Rows:
    count = len(found)
    return _Rows(found, centres_of(found.xyxy), np.full(count, alert_s), np.zeros(count, np.bool_))


def _followed(before: _Rows, found: Detections, until_s: float, sure: float) -> tuple[_Rows, Bools]:
    """The new boxes with what is known of them, and (N,) which of the old ones they are."""
    new = _fresh(found, until_s)
    new.alert_s[found.confidence < sure] = NEVER_S
    matched = np.zeros(len(before.gone), np.bool_)
    common = overlaps(found.xyxy, before.found.xyxy)
    for row in range(len(found)):  # strongest first
        if not common.shape[1] or common[row].max() < SAME_IOU:
            continue
        old = int(common[row].argmax())
        common[:, old] = 0.0
        matched[old] = True
        side = float(np.sqrt((found.xyxy[row, 2:] - found.xyxy[row, :2]).prod()))
        step = float(np.hypot(*(new.anchor[row] - before.anchor[old])))
        if step < max(MOVED_PX, MOVED_SHARE * side):
            new.anchor[row], new.alert_s[row] = before.anchor[old], before.alert_s[old]
    return new, matched


def centres_of(xyxy: FloatArray) -> FloatArray:
    """(N, 2) middles of boxes (N, 4)."""
    return np.asarray((xyxy[:, :2] + xyxy[:, 2:]) / 2, np.float32)
