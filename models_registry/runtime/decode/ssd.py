"""SSD style: boxes, scores and classes come suppressed out of the graph (TF object detection)."""

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

USUAL = {"colour_order": "rgb", "fit": "stretch", "box_format": "yxyx_normalised"}
UNSURE = ("labels", "class_offset", "colour_order", "fit")


def _indices(probe: Probe) -> tuple[int, int, int] | None:
    """Where boxes, scores and classes are, by their names as TensorFlow's exporter writes them."""
    found = []
    for role in ("detection_boxes", "detection_scores", "detection_classes"):
        named = [i for i, name in enumerate(probe.names) if role in name.lower()]
        if not named:
            return None
        found.append(named[0])
    boxes, scores, classes = found
    counts = {probe.outputs[scores].size, probe.outputs[classes].size}
    if probe.shapes[boxes][-1:] != (4,) or counts != {probe.outputs[boxes].size // 4}:
        return None
    return boxes, scores, classes


def recognise(probe: Probe) -> Claim | None:
    """The three outputs by name. Whether the first class is called 0 or 1 no output tells."""
    if _indices(probe) is None:
        return None
    return Claim(
        0.9, None, "outputs detection_boxes, detection_scores, detection_classes", USUAL, UNSURE
    )


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Boxes per ``box_format``; ``class_offset`` is what the first label is called."""
    indices = _indices(probe)
    expected = "outputs detection_boxes (n, 4), detection_scores (n), detection_classes (n)"
    expect(indices is not None, expected, dict(zip(probe.names, probe.shapes, strict=True)))
    assert indices is not None
    boxes_at, scores_at, classes_at = indices
    order = [1, 0, 3, 2] if contract.box_format.startswith("yxyx") else [0, 1, 2, 3]
    normalised = contract.box_format.endswith("normalised")
    unit = np.array([probe.width, probe.height] * 2 if normalised else [1] * 4, np.float32)
    labels, offset = len(contract.labels), contract.class_offset
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        boxes = outputs[boxes_at].reshape(-1, 4)
        scores, classes = outputs[scores_at].reshape(-1), outputs[classes_at].reshape(-1) - offset
        keep = np.flatnonzero((scores >= threshold) & (classes >= 0) & (classes < labels))
        xyxy = boxes[keep].astype(np.float32, copy=False)[:, order] * unit
        confidence = np.minimum(scores[keep].astype(np.float32, copy=False), np.float32(1))
        return Boxes(xyxy, confidence, classes[keep].astype(np.int32))

    return decode


LAYOUT = OutputLayout("ssd", "SSD style, suppressed in the graph", False, recognise, build)
