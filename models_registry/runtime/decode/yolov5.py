"""YOLOv5 style: one output (1, N, 5 + C), x, y, w, h already decoded in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode import yolox
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
from models_registry.runtime.decode.rows import candidate_rows, rows_shape

USUAL: dict[str, Any] = {"colour_order": "rgb", "scale": 1 / 255, "fit": "centre", "pad_value": 114}


def recognise(probe: Probe) -> Claim | None:
    """Rows of one or three per cell whose centres lie near their cells."""
    shape = rows_shape(probe, 6)
    if shape is None or (grid := match_grid(shape[1], probe.width, probe.height)) is None:
        return None
    reading = centre_reading(probe.outputs[0][0, :, :2], probe.width, probe.height, grid)
    certainty = {"raw": 0.1, "": 0.5}.get(reading, 0.95)
    unit = "xyxy_normalised" if reading == "normalised" else "xyxy_pixels"
    reason = f"{shape[1]} predictions, {grid[1]} per cell of strides {grid[0]}, centres decoded"
    # One prediction per cell for pixels in 0–255 is YOLOX, exported with its decoding.
    single = grid[1] == 1
    usual = yolox.USUAL if single and probe.pixel_range == 255 else USUAL
    unsure = ("colour_order", "fit") if single else ()
    return Claim(certainty, shape[2] - 5, reason, {**usual, "box_format": unit}, unsure)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Score = objectness * class; ``box_format`` says pixels or normalised (of x, y, w, h)."""
    classes = len(contract.labels)
    shape = rows_shape(probe, 6)
    expect(
        shape is not None and shape[2] == 5 + classes,
        f"one output (1, N, {5 + classes})",
        probe.shapes,
    )
    normalised = contract.box_format.endswith("normalised")
    unit = np.array([probe.width, probe.height] if normalised else [1, 1], np.float32)
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        _, rows, confidence, class_id = candidate_rows(outputs[0][0], threshold)
        centre, size = rows[:, :2] * unit, rows[:, 2:4] * unit
        xyxy = corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return Boxes(xyxy, confidence, class_id)

    return decode


LAYOUT = OutputLayout("yolov5", "YOLOv5 style, decoded rows", True, recognise, build)
