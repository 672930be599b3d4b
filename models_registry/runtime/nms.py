"""Non-maximum suppression: of boxes that cover each other the strongest stays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray, IntArray

Indices = NDArray[np.intp]


def strongest(confidence: FloatArray, limit: int) -> Indices:
    """Indices of at most ``limit`` highest confidences, strongest first, ties by index."""
    if len(confidence) > limit:
        chosen = np.argpartition(-confidence, limit - 1)[:limit]
        chosen.sort()
        return chosen[np.argsort(-confidence[chosen], kind="stable")]
    return np.argsort(-confidence, kind="stable")


def suppress(
    xyxy: FloatArray,
    confidence: FloatArray,
    class_id: IntArray,
    *,
    iou: float,
    class_agnostic: bool = False,
    max_candidates: int = 1000,
    max_detections: int = 300,
) -> Indices:
    """Indices of the boxes that stay, strongest first.

    Greedy suppression as of Felzenszwalb et al. (2010): a box goes when its IoU with a stronger
    one that stays is above ``iou``. Boxes of different classes do not compete unless
    ``class_agnostic``. ``xyxy`` is (N, 4) with an area above 0, ``confidence`` (N,) above 0,
    ``class_id`` (N,).
    """
    order = strongest(confidence, max_candidates)
    if len(order) < 2:
        return order
    boxes = xyxy[order]
    boxes[:, 2:] -= boxes[:, :2]
    # OpenCV's loop over plain lists takes a tenth of the time of numpy over a matrix of overlaps.
    arguments = boxes.tolist(), confidence[order].tolist()
    if class_agnostic:
        kept = cv2.dnn.NMSBoxes(*arguments, 0.0, iou)
    else:
        kept = cv2.dnn.NMSBoxesBatched(*arguments, class_id[order].tolist(), 0.0, iou)
    return order[np.asarray(kept, np.intp)[:max_detections]]
