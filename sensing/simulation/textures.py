"""Tiling noise, and how it is looked up along the ground without shimmering in the distance."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.floating[Any]]
SIDE = 256


@cache
def noise_tile(seed: int, octaves: int = 4, coarsest: int = 4) -> Grid:
    """(SIDE, SIDE) noise that tiles, mean 0 and standard deviation 1."""
    rng = np.random.default_rng([seed, 99])
    tile = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(octaves):
        cells = min(coarsest << octave, SIDE)
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        scale = SIDE // cells
        large = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        tile += large[2 * scale : 2 * scale + SIDE, 2 * scale : 2 * scale + SIDE] * 0.6**octave
    centred: Grid = (tile - tile.mean()) / tile.std()
    return centred


def sample(tile: Grid, u: Grid, v: Grid, metres: float, footprint: Grid | float = 0.0) -> Grid:
    """The tile laid out over ``metres`` × ``metres``, looked up at (u, v) metres.

    ``footprint`` is the size of a pixel on the surface: where it exceeds the finest detail, noise
    fades to its mean, as it does in a lens.
    """
    scale = SIDE / metres
    shape, count = u.shape, u.size
    # cv2.remap takes no picture with a side of 32768 or more, so rows of 1024 whatever the shape
    rows = (-(-count // 1024), 1024)
    x, y = (np.mod(axis.ravel() * scale, SIDE).astype(np.float32) for axis in (u, v))
    value = cv2.remap(
        np.pad(tile, (0, 1), mode="wrap"), np.resize(x, rows), np.resize(y, rows), cv2.INTER_LINEAR
    )
    value = value.ravel()[:count].reshape(shape)
    faded: Grid = np.asarray(value / (1.0 + (footprint * scale / 6.0) ** 2), dtype=np.float32)
    return faded


def band(value: Grid, low: Grid | float, high: Grid | float, soft: Grid | float) -> Grid:
    """1 where low < value < high, with edges ``soft`` wide; ``soft`` may vary by pixel."""
    soft = np.maximum(soft, 1e-3)
    rising = np.clip((value - low) / soft + 0.5, 0, 1)
    falling = np.clip((high - value) / soft + 0.5, 0, 1)
    inside: Grid = np.asarray(np.minimum(rising, falling), dtype=np.float32)
    return inside


def dashes(value: Grid, length: float, pitch: float, soft: Grid | float) -> Grid:
    """Periodic ``band``: 1 on the first ``length`` of every ``pitch``."""
    phase = np.mod(value, pitch)
    soft = np.minimum(soft, pitch / 2)
    pattern: Grid = np.maximum(
        band(phase, 0.0, length, soft), band(phase - pitch, 0.0, length, soft)
    )
    # Far away whole dashes fall into one pixel and only their average remains.
    blur = np.clip(np.asarray(soft) / pitch * 2 - 0.5, 0, 1)
    return np.asarray(pattern * (1 - blur) + blur * length / pitch, dtype=np.float32)


def mix(base: Grid, over: Grid, share: Grid) -> Grid:
    """(…, 3) base with ``share`` (…) of it covered by ``over``."""
    mixed: Grid = base * (1 - share[..., None]) + over * share[..., None]
    return mixed
