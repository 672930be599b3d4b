"""YOLOv10 end to end: one output (1, N, 6) of x1, y1, x2, y2, score, class; nothing to suppress."""

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
from models_registry.runtime.decode.rows import rows_shape

USUAL = {"colour_order": "rgb", "scale": 1 / 255, "fit": "centre", "pad_value": 114}
MOST_BOXES = 1000  # a list of found objects; dense predictions are longer


def recognise(probe: Probe) -> Claim | None:
    """Six columns: whole class numbers last, a score in 0–1 that falls from row to row."""
    shape = rows_shape(probe, 6)
    if shape is None or shape[2] != 6 or shape[1] > MOST_BOXES:
        return None
    score, class_id = probe.outputs[0][0, :, 4], probe.outputs[0][0, :, 5]
    if not len(score):
        return Claim(0.6, None, "a list of six columns, empty on a grey picture", USUAL)
    whole = np.array_equal(class_id, np.round(class_id)) and class_id.min() >= 0
    falling = score.min() >= 0 and score.max() <= 1 and np.all(np.diff(score) <= 1e-3)
    if not whole or not falling:
        return None
    return Claim(0.95, None, f"{shape[1]} rows, scores falling, whole class numbers", USUAL)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Rows at or above the threshold; class numbers beyond the labels are dropped."""
    shape = rows_shape(probe, 6)
    expect(shape is not None and shape[2] == 6, "one output (1, N, 6)", probe.shapes)
    classes = len(contract.labels)
    normalised = contract.box_format.endswith("normalised")
    unit = np.array([probe.width, probe.height] * 2 if normalised else [1] * 4, np.float32)
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        rows = outputs[0][0]
        keep = (rows[:, 4] >= threshold) & (rows[:, 5] >= 0) & (rows[:, 5] < classes)
        chosen = rows[keep].astype(np.float32, copy=False)
        return Boxes(chosen[:, :4] * unit, chosen[:, 4], chosen[:, 5].astype(np.int32))

    return decode


LAYOUT = OutputLayout("yolov10", "YOLOv10 end to end", False, recognise, build)
