"""Classes that are vehicles; an object can only be one of them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections, IntArray
from models_registry.runtime.motion_kinds import VEHICLES
from models_registry.runtime.nms import suppress

SAME_VEHICLE_IOU = 0.5


@cache
def vehicle_classes(labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """(C,) which classes are vehicles."""
    return np.array([x in VEHICLES for x in labels])


def one_per_vehicle(found: Detections) -> Detections:
    """A van that is half a car and half a lorry to a model has two boxes: the stronger stays."""
    if len(found) < 2:
        return found
    kept = suppress(
        found.xyxy,
        found.confidence,
        _groups(found.labels)[found.class_id],
        iou=SAME_VEHICLE_IOU,
        class_agnostic=False,
        max_candidates=len(found),
        max_detections=len(found),
    )
    return found if len(kept) == len(found) else found.select(kept)


@cache
def _groups(labels: tuple[str, ...]) -> IntArray:
    """(C,) equal for classes of which an object can only be one."""
    names = np.where(vehicle_classes(labels), "vehicle", labels).tolist()
    return np.array([names.index(x) for x in names], np.int32)
