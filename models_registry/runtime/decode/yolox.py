"""YOLOX raw grid: one output (1, N, 5 + C), offsets and log sizes per cell (Ge et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.grid import centre_reading, grid_cells, match_grid
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

USUAL: dict[str, Any] = {"colour_order": "bgr", "scale": 1.0, "fit": "top_left", "pad_value": 114}


def recognise(probe: Probe) -> Claim | None:
    """Rows of one per cell whose centres are still offsets within the cell."""
    shape = rows_shape(probe, 6)
    grid = match_grid(shape[1], probe.width, probe.height) if shape else None
    if shape is None or grid is None or grid[1] != 1:
        return None
    reading = centre_reading(probe.outputs[0][0, :, :2], probe.width, probe.height, grid)
    certainty = {"raw": 0.95, "": 0.5}.get(reading, 0.1)
    reason = f"{shape[1]} cells of strides {grid[0]}, centres not yet decoded"
    return Claim(certainty, shape[2] - 5, reason, USUAL)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """xy = (offset + cell) * stride, wh = exp(log size) * stride, score = objectness * class."""
    classes = len(contract.labels)
    grid = (
        match_grid(probe.shapes[0][1], probe.width, probe.height) if rows_shape(probe, 6) else None
    )
    fits = grid is not None and grid[1] == 1 and probe.shapes[0][2] == 5 + classes
    expect(fits, f"one output (1, cells of the grid, {5 + classes})", probe.shapes)
    assert grid is not None
    cells, strides = grid_cells(probe.width, probe.height, *grid)
    threshold = np.float32(contract.score_threshold)

    def decode(outputs: Arrays) -> Boxes:
        picked, rows, confidence, class_id = candidate_rows(outputs[0][0], threshold)
        stride = strides[picked]
        centre = (rows[:, :2] + cells[picked]) * stride[:, None]
        size = (
            np.exp(np.minimum(rows[:, 2:4], 20.0)) * stride[:, None]
        )  # no overflow from a bad net
        xyxy = corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return Boxes(xyxy, confidence, class_id)

    return decode


LAYOUT = OutputLayout("yolox", "YOLOX raw grid", True, recognise, build)
