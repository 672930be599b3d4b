"""The plaza camera's scenery: paving, planters, a bench, houses round the square, lamps."""

from __future__ import annotations

import numpy as np

from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.crowd import OBSTACLES
from sensing.simulation.houses import shop
from sensing.simulation.lighting import Lighting
from sensing.simulation.plants import corners, greens, tree
from sensing.simulation.scenery import Scenery, Surface
from sensing.simulation.textures import Grid, band, dashes, mix, noise_tile, sample

LAMPS = ((-8.2, 19.0, 4.6), (8.6, 12.0, 4.6), (8.6, 27.0, 4.6), (-3.5, 33.0, 4.6))
PAVING = np.array([0.375, 0.405, 0.425], np.float32)
DARK_PAVING = np.array([0.235, 0.245, 0.26], np.float32)
STONE = np.array([0.44, 0.455, 0.465], np.float32)
WOOD = np.array([0.13, 0.21, 0.31], np.float32)
BACK_WALL = 46.0


def square(camera: PerspectiveCamera, light: Lighting, seed: int) -> Scenery:
    scenery = Scenery(camera)
    scenery.ground(_paving(seed), gloss=0.3)
    rng = np.random.default_rng([seed, 6])
    _fronts(scenery, light, rng)
    for x, y, radius in sorted(OBSTACLES[:3], key=lambda place: -place[1]):
        _planter(scenery, light, (x, y), radius - 0.45, rng)
    _bench(scenery, light, OBSTACLES[3][:2])
    for x, y, height in LAMPS:
        shape = np.array([[x - 0.06, y, 0], [x + 0.06, y, 0], [x, y, height]])
        scenery.cast(shape[None], light)
        scenery.post((x, y), height, 0.11, 0.10)
        scenery.bar(
            np.array([[x, y, height - 0.1], [x, y, height + 0.25]]), 0.34, (0.6, 0.62, 0.62)
        )
    return scenery


def _paving(seed: int) -> Surface:
    def surface(x: Grid, y: Grid, pixel: Grid) -> Grid:
        across = np.maximum(pixel * 0.35, 0.012)
        coarse = sample(noise_tile(seed % 991 + 1), x, y, 19.0, pixel)
        fine = sample(noise_tile(2, 5, 32), x, y, 2.6, pixel)
        # Courses of slabs, every second one shifted by half a slab
        row = np.floor(y / 0.6)
        shifted = x + 0.45 * np.mod(row, 2)
        tone = sample(noise_tile(3, 2, 64), np.floor(shifted / 0.9), row, 57.0, pixel * 3)
        joints = np.clip(dashes(y, 0.018, 0.6, pixel) + dashes(shifted, 0.018, 0.9, across), 0, 1)
        ground = (
            PAVING * (1 + 0.05 * coarse + 0.045 * fine + 0.055 * tone - 0.26 * joints)[..., None]
        )
        stripes = np.maximum(dashes(x + 7.5, 0.6, 5.4, across), dashes(y - 1.2, 0.6, 5.4, pixel))
        dark = DARK_PAVING * (1 + 0.06 * coarse + 0.06 * fine - 0.2 * joints)[..., None]
        ground = mix(ground, dark, stripes * 0.85)
        for cx, cy in ((-1.6, 11.2), (3.4, 18.4)):
            cover = band(np.hypot(x - cx, y - cy), -1.0, 0.32, pixel)
            ground *= (1 - 0.4 * cover)[..., None]
        stains = np.clip(sample(noise_tile(14), x, y, 8.0) - 1.3, 0, 1)
        return np.asarray(ground * (1 - 0.12 * stains)[..., None], dtype=np.float32)

    return surface


def _fronts(scenery: Scenery, light: Lighting, rng: np.random.Generator) -> None:
    """Houses along the far side and, farther off, on the left and right."""
    walls = ((0.46, 0.53, 0.58), (0.34, 0.40, 0.52), (0.52, 0.55, 0.56), (0.38, 0.47, 0.54))
    signs = ((0.30, 0.14, 0.10), (0.10, 0.10, 0.36), (0.12, 0.24, 0.12), (0.09, 0.09, 0.09))
    x = -30.0
    number = 0
    while x < 30:
        width = float(rng.uniform(7, 11))
        surface, glow = shop(
            np.array(walls[number % 4], np.float32),
            np.array(signs[int(rng.integers(4))], np.float32),
            bool(rng.random() < 0.7),
        )
        scenery.wall((x, BACK_WALL), (x + width, BACK_WALL), (0.0, 11.0), surface, glow)
        x += width
        number += 1
    for side in (-1.0, 1.0):
        surface, glow = shop(
            np.array(walls[1 if side > 0 else 3], np.float32),
            np.array(signs[0 if side > 0 else 2], np.float32),
            True,
        )
        wall_x = 15.5 * side
        scenery.wall((wall_x, 20.0), (wall_x, BACK_WALL), (0.0, 11.0), surface, glow)
        shape = np.array(
            [[wall_x, 20.0, 0], [wall_x, 46.0, 0], [wall_x, 20.0, 9.0], [wall_x, 46.0, 9.0]]
        )
        scenery.cast(shape[None], light)


def _planter(
    scenery: Scenery,
    light: Lighting,
    middle: tuple[float, float],
    half: float,
    rng: np.random.Generator,
) -> None:
    (x, y), top = middle, 0.55
    foot = corners(half)
    block = np.concatenate([np.add(foot, (x, y, 0.0)), np.add(foot, (x, y, top))])
    scenery.cast(block[None], light)

    def stone(u: Grid, v: Grid, pixel: Grid) -> Grid:
        rough = sample(noise_tile(51, 5, 16), u, v, 2.0, pixel)
        colour: Grid = STONE * (1 + 0.07 * rough - 0.2 * band(v, -1, 0.06, pixel))[..., None]
        return colour

    def soil(u: Grid, v: Grid, pixel: Grid) -> Grid:
        inside = band(u, 0.14, 2 * half - 0.14, pixel) * band(
            v, y - half + 0.14, y + half - 0.14, pixel
        )
        colour = np.broadcast_to(STONE, (*u.shape, 3))
        return mix(colour, np.array([0.06, 0.09, 0.11], np.float32), inside)

    scenery.box((x - half, x + half), (y - half, y + half), (0.0, top), stone, soil)
    count = 1500
    reach = half - 0.18
    blobs = np.column_stack(
        [
            rng.uniform(x - reach, x + reach, count),
            rng.uniform(y - reach, y + reach, count),
            top + np.abs(rng.normal(0, 0.16, count)),
            rng.uniform(0.025, 0.07, count),
        ]
    )
    scenery.leaves(blobs, greens(rng, count, 1.0))
    tree(scenery, light, (x, y), rng, small=True)


def _bench(scenery: Scenery, light: Lighting, middle: tuple[float, float]) -> None:
    x, y = middle
    long, deep = 0.9, 0.24

    def wood(u: Grid, v: Grid, pixel: Grid) -> Grid:
        grain = sample(noise_tile(52, 4, 16), u, v * 8, 3.0, pixel)
        colour: Grid = WOOD * (1 + 0.1 * grain - 0.35 * dashes(v, 0.015, 0.12, pixel))[..., None]
        return colour

    seat = np.array([[x + a * long, y + b * deep, 0.45] for a in (-1, 1) for b in (-1, 1)])
    scenery.cast(seat[None], light)
    for foot in (-0.75, 0.75):
        scenery.bar(np.array([[x + foot, y, 0.0], [x + foot, y, 0.42]]), 0.08, (0.08, 0.08, 0.08))
    scenery.box((x - long, x + long), (y - deep, y + deep), (0.38, 0.45), wood, wood)
