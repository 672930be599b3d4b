"""YOLOv8 / YOLO11: one output (1, 4 + C, N), decoded boxes, no objectness, classes along rows."""

from __future__ import annotations

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.grid import centre_reading, match_grid
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

USUAL = {"colour_order": "rgb", "scale": 1 / 255, "fit": "centre", "pad_value": 114}


def _shape(probe: Probe) -> tuple[int, ...] | None:
    output = probe.only()
    if output is None or output.ndim != 3 or output.dtype.kind != "f" or output.shape[0] != 1:
        return None
    return output.shape if output.shape[1] >= 5 else None


def recognise(probe: Probe) -> Claim | None:
    """As many columns as the grid has cells, their centres near their cells, scores in 0–1."""
    shape = _shape(probe)
    grid = match_grid(shape[2], probe.width, probe.height) if shape else None
    if shape is None or grid is None or grid[1] != 1:
        return None
    output = probe.outputs[0][0]
    reading = centre_reading(output[:2].T, probe.width, probe.height, grid)
    scores = bool(output[4:].min() >= 0 and output[4:].max() <= 1)
    unit = "xyxy_normalised" if reading == "normalised" else "xyxy_pixels"
    reason = f"one column per cell of strides {grid[0]}, centres decoded"
    certainty = 0.95 if reading in ("pixels", "normalised") and scores else 0.1
    return Claim(certainty, shape[1] - 4, reason, {**USUAL, "box_format": unit})


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Score = best class; ``box_format`` says pixels or normalised (boxes are x, y, w, h)."""
    classes = len(contract.labels)
    shape = _shape(probe)
    expect(
        shape is not None and shape[1] == 4 + classes,
        f"one output (1, {4 + classes}, N)",
        probe.shapes,
    )
    normalised = contract.box_format.endswith("normalised")
    unit = np.array([probe.width, probe.height] * 2 if normalised else [1] * 4, np.float32)
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        columns = outputs[0][0]
        # The maximum runs over contiguous rows; which class it was is asked of the few that pass.
        picked = np.flatnonzero(columns[4:].max(axis=0) >= threshold)
        chosen = columns[:, picked].astype(np.float32, copy=False)
        class_id = chosen[4:].argmax(axis=0)
        confidence = chosen[4:][class_id, np.arange(len(picked))]
        x, y, w, h = chosen[:4] * unit[:, None]
        return Boxes(corners(x, y, w, h), confidence, class_id.astype(np.int32))

    return decode


LAYOUT = OutputLayout("yolov8", "YOLOv8/11 transposed", True, recognise, build)
