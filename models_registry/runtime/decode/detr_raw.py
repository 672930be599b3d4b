"""DETR style, raw heads: logits (1, queries, C) and boxes (1, queries, 4) as cx, cy, w, h in 0–1.

``activation`` softmax: the last class is "no object" (Carion et al. 2020); sigmoid: every class
for itself (Deformable DETR, RT-DETR and after).
"""

from __future__ import annotations

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.layout import (
    Arrays,
    Boxes,
    Claim,
    Decoder,
    OutputLayout,
    Probe,
    corners,
    expect,
)
from models_registry.runtime.detections import FloatArray

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
USUAL = {"colour_order": "rgb", "scale": 1 / 255, "fit": "stretch", **IMAGENET}
MOST_QUERIES = 1000


def _indices(probe: Probe) -> tuple[int, int] | None:
    """Where logits and boxes are: two outputs (1, Q, C) and (1, Q, 4) of as many queries."""
    if len(probe.outputs) != 2 or any(len(s) != 3 or s[0] != 1 for s in probe.shapes):
        return None
    if probe.shapes[0][1] != probe.shapes[1][1] or probe.shapes[0][1] > MOST_QUERIES:
        return None
    boxes = [i for i, name in enumerate(probe.names) if "box" in name.lower()]
    boxes = boxes or [i for i, s in enumerate(probe.shapes) if s[2] == 4]
    if len(boxes) != 1 or probe.shapes[boxes[0]][2] != 4:
        return None
    return 1 - boxes[0], boxes[0]


def recognise(probe: Probe) -> Claim | None:
    """Few queries, boxes in 0–1; 92 or 81 classes leave one over for "no object"."""
    indices = _indices(probe)
    if indices is None:
        return None
    logits, boxes = (probe.outputs[i] for i in indices)
    if boxes.size and (boxes.min() < -0.01 or boxes.max() > 1.01):
        return None
    width = logits.shape[2]
    softmax = width in (81, 92)
    activation = "softmax" if softmax else "sigmoid"
    named = "logits" in probe.names[indices[0]].lower()
    fields = {**USUAL, "activation": activation}
    reason = f"{logits.shape[1]} queries with logits and boxes"
    return Claim(
        0.85 if named else 0.5, width - softmax, reason, fields, ("activation", "mean", "std")
    )


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Score = best class after ``activation``, "no object" left out."""
    indices = _indices(probe)
    width = len(contract.labels) + (contract.activation == "softmax")
    fits = indices is not None and probe.shapes[indices[0]][2] == width
    expect(fits, f"outputs logits (1, Q, {width}) and boxes (1, Q, 4)", probe.shapes)
    assert indices is not None
    logits_at, boxes_at = indices
    threshold = np.float32(contract.score_threshold)

    def scores_of(logits: FloatArray) -> FloatArray:
        if contract.activation == "sigmoid":
            chances: FloatArray = np.float32(1) / (np.float32(1) + np.exp(-logits))
            return chances
        if contract.activation == "none":
            return logits
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
        return shares[:, :-1]

    def decode(outputs: Arrays) -> Boxes:
        scores = scores_of(outputs[logits_at][0].astype(np.float32, copy=False))
        class_id = scores.argmax(axis=1)
        confidence = scores[np.arange(len(scores)), class_id]
        keep = np.flatnonzero(confidence >= threshold)
        x, y, w, h = outputs[boxes_at][0, keep].astype(np.float32, copy=False).T
        xyxy = corners(x * probe.width, y * probe.height, w * probe.width, h * probe.height)
        return Boxes(xyxy, confidence[keep], class_id[keep].astype(np.int32))

    return decode


LAYOUT = OutputLayout("detr_raw", "DETR style, raw logits and boxes", False, recognise, build)
