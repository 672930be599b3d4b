"""The cells that anchor-free and anchor-based detectors predict from, in their usual order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray

# Correlation of centres with cells: real models show below 0 raw, 0.99 decoded.
RAW_BELOW, DECODED_ABOVE = 0.5, 0.8
STRIDE_SETS = ((8, 16, 32), (8, 16, 32, 64), (16, 32), (4, 8, 16, 32))


def grid_cells(
    width: int, height: int, strides: tuple[int, ...], anchors: int = 1
) -> tuple[FloatArray, FloatArray]:
    """(N, 2) cell indices x, y and (N,) strides: level by level, per anchor row by row."""
    cells, pixels = [], []
    for stride in strides:
        columns, rows = -(-width // stride), -(-height // stride)
        y, x = np.divmod(np.arange(columns * rows), columns)
        cells.append(np.tile(np.stack([x, y], 1), (anchors, 1)))
        pixels.append(np.full(columns * rows * anchors, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(pixels).astype(np.float32)


def match_grid(count: int, width: int, height: int) -> tuple[tuple[int, ...], int] | None:
    """The strides and anchors per cell that give ``count`` predictions, or ``None``."""
    for anchors in (1, 3):
        for strides in STRIDE_SETS:
            cells = sum((-(-width // s)) * (-(-height // s)) for s in strides)
            if cells * anchors == count:
                return strides, anchors
    return None


def centre_reading(
    xy: NDArray[np.generic], width: int, height: int, grid: tuple[tuple[int, ...], int]
) -> str:
    """Meaning of (N, 2) predicted centres: ``raw``, ``pixels``, ``normalised``, "" if unclear.

    A cell predicts what is near it, so decoded centres follow the cells over the whole picture
    (correlation near 1, slope 1 or 1 / side), while offsets within the cell know nothing of them.
    """
    cells, strides = grid_cells(width, height, *grid)
    size = np.array([width, height], np.float64)
    places = (cells + 0.5) * strides[:, None] / size
    limit = 4 * size.max()  # a broken net may give huge numbers
    shown = np.clip(np.asarray(xy, np.float64), -limit, limit)
    places, shown = places - places.mean(axis=0), shown - shown.mean(axis=0)
    shared = (places * shown).mean(axis=0)
    spread = places.std(axis=0) * shown.std(axis=0)
    follows = float((shared / np.maximum(spread, 1e-12)).min())
    if follows < RAW_BELOW:
        return "raw"
    if follows < DECODED_ABOVE:
        return ""
    slope = float((shared / places.var(axis=0) / size).mean())  # 1 in pixels, 1 / side in shares
    return "pixels" if slope > 0.1 else "normalised"
