"""Crops of vehicles of six kinds as a classifier's inputs, in two halves that share no moment."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.provenance import SHARED

CLASSES = ("bike", "car", "juggernaut", "minibus", "pickup", "truck")
SIDE_PX = 32
HELD_OUT_FROM = 640  # of 800: the last fifth, so that neighbours in time do not straddle the split
MEAN, STD = 114.0, 58.0


def pictures(*, held_out: bool) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(N, 3, 32, 32) normalised BGR and (N,) classes of one side of the split."""
    planes, classes = [], []
    for index, name in enumerate(CLASSES):
        for path in sorted((SHARED / "vehicle_types" / name).glob("*.jpg")):
            if (int(path.stem) >= HELD_OUT_FROM) == held_out:
                picture = cv2.imread(str(path))
                assert picture is not None, path
                small = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
                planes.append(small.transpose(2, 0, 1))
                classes.append(index)
    return (np.stack(planes).astype(np.float32) - MEAN) / STD, np.array(classes, np.int64)
