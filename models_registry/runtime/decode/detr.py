"""DETR style, post-processed in the graph: labels, boxes, scores, and often a picture size input.

The size input is fed with the canvas, so that boxes come in its pixels whatever the frame. At
batch 1 some exporters squeeze the batch dimension away; both forms are read.
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
    expect,
)

USUAL = {"colour_order": "rgb", "scale": 1 / 255, "fit": "stretch"}


def _indices(probe: Probe) -> tuple[int, int, int] | None:
    """Where labels, boxes and scores are: by name, else by what they are made of."""
    if len(probe.outputs) != 3:
        return None
    boxes = [i for i, s in enumerate(probe.shapes) if s[-1:] == (4,) and len(s) in (2, 3)]
    if len(boxes) != 1:
        return None
    count = probe.outputs[boxes[0]].size // 4
    labels = [i for i, x in enumerate(probe.outputs) if x.dtype.kind in "iu" and x.size == count]
    scores = [
        i
        for i, x in enumerate(probe.outputs)
        if x.dtype.kind == "f" and x.size == count and i not in boxes
    ]
    if len(labels) != 1 or len(scores) != 1:
        return None
    return labels[0], boxes[0], scores[0]


def recognise(probe: Probe) -> Claim | None:
    """Whole-number labels, boxes and scores of one length."""
    indices = _indices(probe)
    if indices is None:
        return None
    named = {"labels", "boxes", "scores"} <= set(probe.names)
    certainty = 0.95 if named or probe.extra_inputs else 0.7
    return Claim(certainty, None, "outputs labels, boxes, scores of one length", USUAL)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Rows at or above the threshold; class numbers beyond the labels are dropped."""
    indices = _indices(probe)
    expect(indices is not None, "outputs labels (n), boxes (n, 4), scores (n)", probe.shapes)
    assert indices is not None
    labels_at, boxes_at, scores_at = indices
    labels, offset = len(contract.labels), contract.class_offset
    normalised = contract.box_format.endswith("normalised")
    unit = np.array([probe.width, probe.height] * 2 if normalised else [1] * 4, np.float32)
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        boxes = outputs[boxes_at].reshape(-1, 4)
        scores, classes = outputs[scores_at].reshape(-1), outputs[labels_at].reshape(-1) - offset
        keep = np.flatnonzero((scores >= threshold) & (classes >= 0) & (classes < labels))
        xyxy = boxes[keep].astype(np.float32, copy=False) * unit
        confidence = scores[keep].astype(np.float32, copy=False)
        return Boxes(xyxy, confidence, classes[keep].astype(np.int32))

    return decode


LAYOUT = OutputLayout("detr", "DETR style, labels, boxes and scores", False, recognise, build)
