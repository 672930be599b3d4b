"""Two witnesses: what a learned detector sees weakly and ``motion`` sees travel, is there.

From straight above, in the dark or far away a learned detector sees vehicles only weakly; motion
sees them well there, but snow and shadows too, which the learned one does not see at all. So the
learned one proposes every box, and motion vouches for weak ones of vehicles. A person is one thing
to motion, but head, coat and legs to a model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from models_registry.runtime.motion import MotionDetector, Moving
from models_registry.runtime.motion_blobs import box_areas, intersections, overlaps
from models_registry.runtime.vehicles import one_per_vehicle, vehicle_classes

if TYPE_CHECKING:  # brings ONNX Runtime with it, which a camera's process does without
    from models_registry.runtime.detector import Detector

Bools = NDArray[np.bool_]
SAME_IOU = 0.3
INSIDE = 0.8  # share of a part that lies in its whole
LESS_SURE = 0.6  # of its whole's confidence; what is seen as surely is a vehicle close behind
LOOK_PERIOD_S = 0.06  # in less nothing travels so far that motion knows more
SURE = 0.6  # what motion must give a thing, and what a box it vouches for is raised to


class Witness:
    """Motion on one camera, asked no more often than it learns something; ``moving`` is its word.

    Between two looks the last one counts: it only says which boxes travel.
    """

    def __init__(self, motion: MotionDetector) -> None:
        self._motion = motion
        self.moving: Sequence[Moving] = ()
        self._looked_s = -math.inf

    def look(self, frame: NDArray[np.uint8], time_s: float) -> None:
        """A BGR frame (H, W, 3) taken at ``time_s`` seconds, which may be passed over."""
        if not 0 <= time_s - self._looked_s < LOOK_PERIOD_S:
            self.moving, self._looked_s = self._motion.watch(frame, time_s), time_s

    def reset(self) -> None:
        """Forget the scene."""
        self._motion.reset()
        self.moving, self._looked_s = (), -math.inf


class VouchedDetector:
    """A learned detector with motion beside it, on one camera."""

    def __init__(self, learned: Detector, witness: Witness) -> None:
        self.name, self.labels = learned.name, learned.labels
        self.stage_ms: dict[str, float] = {}
        self._learned, self._witness = learned, witness

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """What the learned detector sees on a BGR frame (H, W, 3), some of it more surely."""
        started = time.thread_time()
        self._witness.look(frame, time_s)
        motion_ms = (time.thread_time() - started) * 1e3
        found = self._learned.detect(frame, time_s)
        self.stage_ms = {**self._learned.stage_ms, "motion": motion_ms}
        return vouched(found, self._witness.moving)

    def reset(self) -> None:
        """Forget the scene."""
        self._learned.reset()
        self._witness.reset()


def vouched(found: Detections, moving: Sequence[Moving]) -> Detections:
    """``found`` with at least ``SURE`` for the strongest box of each thing that surely travels if
    that is a vehicle's, one box per vehicle, and none for a part of one that travels."""
    found = one_per_vehicle(found)
    sure = [x.box for x in moving if x.confidence >= SURE]
    if not sure or not len(found):
        return found
    same = overlaps(np.stack(sure), found.xyxy) >= SAME_IOU
    vehicle = vehicle_classes(found.labels)[found.class_id]
    part = _parts(found, vehicle, np.asarray(same.any(axis=0), np.bool_))
    if part.any():
        found, vehicle, same = found.select(~part), vehicle[~part], same[:, ~part]
    strongest = np.where(same, found.confidence, -1.0).argmax(axis=1)
    named = strongest[same.any(axis=1)]
    named = named[vehicle[named]]
    confidence = found.confidence.copy()
    confidence[named] = np.maximum(confidence[named], np.float32(SURE))
    return replace(found, confidence=confidence)


def _parts(found: Detections, vehicle: Bools, travels: Bools) -> Bools:
    """(N,) boxes of vehicles that lie in that of another which travels: a roof, a trailer's end.

    A car before a bus lies in that box too, but is seen surely; so does one that looks out from
    behind a van, and is seen less surely than it, but not by much.
    """
    wholes = np.flatnonzero(travels & vehicle)
    part = vehicle & (found.confidence < SURE)
    if not len(wholes) or not part.any():
        return np.zeros(len(found), np.bool_)
    areas = box_areas(found.xyxy)
    inside = intersections(found.xyxy[wholes], found.xyxy) >= INSIDE * areas
    inside &= areas < areas[wholes][:, None]
    inside &= found.confidence < LESS_SURE * found.confidence[wholes][:, None]
    part &= inside.any(axis=0)
    return part
