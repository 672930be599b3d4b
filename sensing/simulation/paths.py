"""Where every simulated object is on every frame: made by traffic and crowd, read by truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Path:
    """One object's way through the world.

    ``first_frame`` may be negative and ``first_frame + len(positions)`` may exceed the period of
    the world: frame f and frame f + period are the same picture.
    ``heading`` is the angle of the direction of travel in radians from +x towards +y.
    """

    track: int
    object_class: str
    size: str
    body: str
    """Key of the shape that is drawn."""
    look: int
    """Seed of colours and proportions."""
    first_frame: int
    positions: Floats  # (T, 2) m
    heading: Floats  # (T,) rad
    speed_mps: Floats  # (T,)
    travelled_m: Floats  # (T,) along the path: drives legs and wheels


def smooth(samples: Floats, window: int) -> Floats:
    """Hann-weighted moving average along axis 0; the ends continue in a straight line.

    Averaging with one kernel keeps order: if one path stays behind another by d at all times, so do
    the averaged ones. That is why vehicles that never overlap before do not overlap afterwards.
    """
    half = window // 2
    if half < 1:
        return samples
    kernel = np.hanning(2 * half + 3)[1:-1]
    kernel /= kernel.sum()
    ramp = np.arange(1, half + 1).reshape(-1, *[1] * (samples.ndim - 1))
    head = samples[:1] - ramp[::-1] * (samples[1:2] - samples[:1])
    tail = samples[-1:] + ramp * (samples[-1:] - samples[-2:-1])
    padded = np.concatenate([head, samples, tail])
    flat = padded.reshape(len(padded), -1)
    columns = [np.convolve(flat[:, i], kernel, mode="valid") for i in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(samples.shape)
