"""How far two detectors see the same on the same frames. That is agreement, never accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections, FloatArray

SURE = 0.4  # as the tracker has it: weaker boxes begin no track
SAME_BOX_IOU = 0.5


class Agreement:
    """Counts the sure boxes of either side that the other side has too, however unsure: a score
    a little above and a little below the threshold is no difference worth a word."""

    def __init__(self) -> None:
        self.only_active = self.only_shadow = 0
        self._sure = 0

    @property
    def share(self) -> float | None:
        """0–1; None while neither side was sure of anything."""
        if not self._sure:
            return None
        return 1.0 - (self.only_active + self.only_shadow) / self._sure

    def add(self, active: Detections, shadow: Detections) -> None:
        """Enter what both found on one frame."""
        same_class = np.array(
            [[a == b for b in shadow.class_names()] for a in active.class_names()], np.bool_
        ).reshape(len(active), len(shadow))
        overlap = np.where(same_class, overlaps(active.xyxy, shadow.xyxy), 0.0)
        met_active, met_shadow = pairs(overlap, SAME_BOX_IOU)
        sure_active, sure_shadow = active.confidence >= SURE, shadow.confidence >= SURE
        self.only_active += int((sure_active & ~met_active).sum())
        self.only_shadow += int((sure_shadow & ~met_shadow).sum())
        self._sure += int(sure_active.sum() + sure_shadow.sum())


def overlaps(first: FloatArray, second: FloatArray) -> FloatArray:
    """IoU of (N, 4) with (M, 4) boxes, (N, M)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def pairs(overlap: FloatArray, least: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows and which columns of (N, M) overlaps found a partner of their own: the best pairs
    first, down to ``least``."""
    rows, columns = np.zeros(overlap.shape[0], np.bool_), np.zeros(overlap.shape[1], np.bool_)
    near = np.argwhere(overlap >= least)
    for row, column in near[np.argsort(-overlap[tuple(near.T)], kind="stable")]:
        if not rows[row] and not columns[column]:
            rows[row] = columns[column] = True
    return rows, columns
