"""Trees and hedges as clouds of leaves, as many as the picture can show."""

from __future__ import annotations

import math

import numpy as np

from sensing.simulation.lighting import Lighting
from sensing.simulation.paths import Floats
from sensing.simulation.scenery import Scenery


def detail(scenery: Scenery, distance_m: float) -> float:
    """Share of the leaves worth drawing: fewer and larger ones far away and in small pictures."""
    pixels_per_metre = scenery.camera.focal_px / max(distance_m, 5.0)
    return min(1.2, max(0.12, pixels_per_metre / 26.0))


def tree(
    scenery: Scenery,
    light: Lighting,
    foot: tuple[float, float],
    rng: np.random.Generator,
    *,
    small: bool = False,
) -> None:
    x, y = foot
    crown, middle = float(rng.uniform(1.7, 2.4)), float(rng.uniform(4.6, 5.6))
    if small:
        crown, middle = 0.5 * crown, 0.62 * middle
    share = detail(scenery, y)
    count = round(2600 * share)
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    lumps = 1 + 0.28 * np.sin(direction @ rng.normal(0, 4, (3, 3))).sum(axis=1) / 1.7
    reach = crown * rng.uniform(0.55, 1.0, count) * lumps
    centres = np.array([x, y, middle]) + direction * reach[:, None] * (1.0, 1.0, 0.85)
    radii = rng.uniform(0.05, 0.15, count) * (0.6 if small else 1.0) / math.sqrt(share)
    blobs = np.column_stack([centres, radii])
    scenery.cast(centres[::6, None] + corners(0.18), light, 0.85)
    trunk = np.array([[x - 0.12, y, 0], [x + 0.12, y, 0], [x, y, middle]])
    scenery.cast(trunk[None], light)
    scenery.bar(
        np.array([[x, y, 0.6 if small else 0.0], [x, y, middle]]),
        0.16 if small else 0.26,
        (0.10, 0.13, 0.16),
    )
    scenery.leaves(blobs, greens(rng, count, 1.0))


def hedge(
    scenery: Scenery,
    light: Lighting,
    x: float,
    y: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """A hedge of a man's waist height along y."""
    share = detail(scenery, 28.0)
    count = round(9000 * share)
    blobs = np.column_stack(
        [
            rng.normal(x, 0.22, count),
            rng.uniform(*y, count),
            rng.uniform(0.1, 0.95, count),
            rng.uniform(0.03, 0.085, count) / math.sqrt(share),
        ]
    )
    scenery.cast(blobs[::30, None, :3] + corners(0.3), light)
    scenery.leaves(blobs, greens(rng, count, 0.9))


def corners(half_m: float) -> Floats:
    """(4, 3) a flat square round the origin."""
    return half_m * np.array(
        [[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]]
    )


def greens(rng: np.random.Generator, count: int, tone: float) -> Floats:
    """(count, 3) albedo of leaves, each a little different."""
    base = np.array([0.085, 0.20, 0.135]) * tone
    shades: Floats = base * rng.uniform(0.65, 1.4, (count, 1)) * rng.uniform(0.92, 1.08, (count, 3))
    return shades
