"""The road camera's scenery: carriageway, parking bays, pavements, shops, trees, lamps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.houses import shop
from sensing.simulation.lighting import Lighting
from sensing.simulation.paths import Path
from sensing.simulation.plants import hedge, tree
from sensing.simulation.scenery import Scenery, Surface
from sensing.simulation.textures import Grid, band, dashes, mix, noise_tile, sample

HALF_ROAD = 3.75
BAY = -6.1
LEFT_KERB, LEFT_WALL = -6.3, -10.4
RIGHT_KERB, RIGHT_WALL = 3.95, 8.2
LAMPS = tuple((x, y, 7.2) for y, x in ((26.0, -5.6), (46.0, 4.2), (68.0, -5.6), (92.0, 4.2)))

ASPHALT = np.array([0.235, 0.232, 0.230], np.float32)
PAINT_WHITE = np.array([0.66, 0.67, 0.67], np.float32)
GRANITE = np.array([0.47, 0.48, 0.49], np.float32)
SLAB = np.array([0.40, 0.42, 0.435], np.float32)
GRASS = np.array([0.105, 0.235, 0.165], np.float32)


def street(camera: PerspectiveCamera, light: Lighting, seed: int) -> Scenery:
    scenery = Scenery(camera)
    scenery.ground(_street_surface(seed))
    x = scenery.position[..., 0]
    # Wheels dry the road and sweep snow off it, most of all in their tracks.
    tracks = np.maximum(_wheel_tracks(x, 1.75), _wheel_tracks(x, -1.75))
    road = np.where((x > -HALF_ROAD) & (x < HALF_ROAD), 0.84 + 0.18 * tracks, 0.4)
    scenery.gloss *= np.where((x > BAY) & (x < -HALF_ROAD), 0.6, road).astype(np.float32)
    rng = np.random.default_rng([seed, 3])
    _houses(scenery, light, rng)
    _right_side(scenery, light, rng)
    for lamp_x, lamp_y, height in LAMPS:
        side = -1.0 if lamp_x < 0 else 1.0
        foot = (lamp_x + 1.5 * side, lamp_y)
        shape = np.array(
            [[foot[0] - 0.07, foot[1], 0], [foot[0] + 0.07, foot[1], 0], [foot[0], foot[1], height]]
        )
        scenery.cast(shape[None], light)
        scenery.post(foot, height, 0.14)
        scenery.bar(
            np.array([[foot[0], foot[1], height], [lamp_x, lamp_y, height + 0.2]]),
            0.1,
            (0.2, 0.2, 0.2),
        )
    for y in (38.0, 57.0, 80.0, 104.0):
        tree(scenery, light, (-7.4, y + float(rng.uniform(-2, 2))), rng)
    return scenery


def parked_cars(seed: int) -> list[Path]:
    """Vehicles that stand in the bays the whole time: part of the scenery, to be counted 0."""
    rng = np.random.default_rng([seed, 4])
    bodies = ("hatchback", "saloon", "suv", "estate", "van", "hatchback")
    parked = []
    for number, y in enumerate((22.5, 29.0, 41.5, 54.0, 60.0, 72.0)):
        if rng.random() < 0.25:
            continue
        parked.append(
            Path(
                track=-1 - number,
                object_class="car",
                size="small",
                body=bodies[int(rng.integers(len(bodies)))],
                look=int(rng.integers(2**31)),
                first_frame=0,
                positions=np.array([[-5.0 + float(rng.normal(0, 0.06)), y]]),
                heading=np.array([-np.pi / 2 + float(rng.normal(0, 0.01))]),
                speed_mps=np.zeros(1),
                travelled_m=np.zeros(1),
            )
        )
    return parked


class _Spot(NamedTuple):
    """Pixels of the ground: position (m), size of a pixel across and along the road, noise."""

    x: Grid
    y: Grid
    across: Grid
    pixel: Grid
    coarse: Grid
    fine: Grid


def _street_surface(seed: int) -> Surface:
    def surface(x: Grid, y: Grid, pixel: Grid) -> Grid:
        coarse = sample(noise_tile(seed % 997), x, y, 23.0, pixel)
        fine = sample(noise_tile(1, 5, 32), x, y, 3.1, pixel)
        spot = _Spot(x, y, np.maximum(pixel * 0.3, 0.02), pixel, coarse, fine)
        ground = ASPHALT * (1 + 0.05 * coarse + 0.075 * fine)[..., None]
        # Wheels polish two tracks per lane; oil drips between them.
        for lane in (-1.75, 1.75):
            ground *= (1 + 0.075 * _wheel_tracks(x, lane))[..., None]
            ground *= (1 - 0.10 * np.exp(-(((x - lane) / 0.30) ** 2)))[..., None]
        ground = _markings(_repairs(ground, spot, seed), spot)
        return _beside_road(ground, spot)

    return surface


def _wheel_tracks(x: Grid, lane: float) -> Grid:
    left, right = ((x - lane - wheel) / 0.36 for wheel in (-0.78, 0.78))
    tracks: Grid = np.exp(-(left**2)) + np.exp(-(right**2))
    return tracks


def _repairs(ground: Grid, spot: _Spot, seed: int) -> Grid:
    x, y, across, pixel, *_ = spot
    rng = np.random.default_rng([seed, 5])
    for _ in range(5):
        cx, cy = float(rng.uniform(-3, 3)), float(rng.uniform(15, 75))
        w, d = float(rng.uniform(0.5, 1.3)), float(rng.uniform(1.2, 4.0))
        patch = band(x, cx - w, cx + w, across) * band(y, cy - d, cy + d, pixel)
        ground *= (1 + float(rng.choice([-0.16, -0.1, 0.09])) * patch)[..., None]
    wander = 0.25 * sample(noise_tile(8), y * 0, y, 30.0) + 0.08 * sample(
        noise_tile(9), y * 0, y, 4.0
    )
    for joint in (0.12, -3.3):
        crack = band(x - joint - wander * (joint > 0), -0.016, 0.016, across)
        ground *= (1 - 0.42 * crack)[..., None]
    for cx, cy in ((1.1, 27.0), (-2.4, 47.0), (0.9, 70.0)):
        radius = np.hypot(x - cx, y - cy)
        ground *= (1 - 0.45 * band(radius, -1.0, 0.33, pixel * 0.6))[..., None]
        ground *= (1 + 0.5 * band(radius, 0.20, 0.25, pixel * 0.6))[..., None]
    return ground


def _markings(ground: Grid, spot: _Spot) -> Grid:
    x, y, across, pixel, _, fine = spot
    worn = np.clip(0.80 + 0.16 * fine + 0.10 * sample(noise_tile(12), x, y, 7.0, pixel), 0.25, 1.0)
    centre = band(x, -0.07, 0.07, across) * dashes(y, 3.0, 7.5, pixel)
    edges = band(np.abs(x), 3.30, 3.42, across)
    bays = band(x, BAY, -HALF_ROAD, across) * dashes(y - 19.2, 0.1, 6.2, pixel) * (y < 76)
    zebra = (
        band(y, 84.0, 88.0, pixel)
        * dashes(x + 3.4, 0.5, 1.0, across)
        * band(np.abs(x), -1, 3.3, across)
    )
    return mix(ground, PAINT_WHITE, np.maximum.reduce([centre, edges, bays, zebra]) * worn)


def _beside_road(ground: Grid, spot: _Spot) -> Grid:
    x, y, across, pixel, coarse, fine = spot
    gutter = band(x, LEFT_KERB + 0.12, LEFT_KERB + 0.5, across) + band(
        x, RIGHT_KERB - 0.42, RIGHT_KERB - 0.06, across
    )
    ground *= (1 - 0.13 * gutter)[..., None]
    joints = dashes(x, 0.02, 0.6, across) + dashes(y, 0.025, 0.6, pixel)
    tone = sample(noise_tile(21, 2, 64), np.floor(x / 0.6), np.floor(y / 0.6), 41.0)
    slabs = (
        SLAB
        * (1 + 0.035 * coarse + 0.04 * fine + 0.04 * tone - 0.22 * np.clip(joints, 0, 1))[..., None]
    )
    paved = band(x, -60.0, LEFT_KERB, across) + band(x, RIGHT_KERB, 60.0, across)
    ground = mix(ground, slabs, paved)
    tufts = sample(noise_tile(22, 5, 16), x, y, 5.0, pixel)
    grass = GRASS * (1 + 0.16 * coarse + 0.24 * tufts)[..., None]
    ground = mix(ground, grass, band(x, RIGHT_WALL - 1.6 + 0.04 * tufts, 80.0, across))
    path = band(x - 0.06 * y, 12.5, 14.8, across)
    ground = mix(ground, slabs * 0.95, path)
    kerbs = band(x, LEFT_KERB - 0.16, LEFT_KERB, across) + band(
        x, RIGHT_KERB, RIGHT_KERB + 0.16, across
    )
    stones = 1 + 0.05 * fine - 0.3 * dashes(y, 0.03, 1.0, pixel)
    ground = mix(ground, GRANITE * stones[..., None], kerbs)
    dark = band(x, LEFT_KERB, LEFT_KERB + 0.07, across) + band(
        x, RIGHT_KERB - 0.05, RIGHT_KERB, across
    )
    return np.asarray(ground * (1 - 0.4 * dark[..., None]), dtype=np.float32)


_FACADES = (
    (0.44, 0.52, 0.58), (0.30, 0.36, 0.50), (0.52, 0.55, 0.56), (0.36, 0.46, 0.52),
    (0.28, 0.32, 0.40),
)  # fmt: skip
_SIGNS = (
    (0.36, 0.16, 0.10),
    (0.12, 0.10, 0.44),
    (0.14, 0.28, 0.12),
    (0.10, 0.10, 0.10),
    (0.10, 0.40, 0.52),
)


def _houses(scenery: Scenery, light: Lighting, rng: np.random.Generator) -> None:
    y = 8.0
    while y < 150:
        width, height = float(rng.uniform(8, 14)), float(rng.uniform(8, 13))
        wall = np.array(_FACADES[int(rng.integers(len(_FACADES)))], np.float32)
        sign = np.array(_SIGNS[int(rng.integers(len(_SIGNS)))], np.float32)
        shape = np.array(
            [
                [LEFT_WALL, y, 0],
                [LEFT_WALL, y + width, 0],
                [LEFT_WALL, y, height],
                [LEFT_WALL, y + width, height],
            ]
        )
        scenery.cast(shape[None], light)
        lit = bool(rng.random() < 0.65)
        surface, glow = shop(wall, sign, lit)
        scenery.wall((LEFT_WALL, y), (LEFT_WALL, y + width), (0.0, height), surface, glow)
        y += width


def _right_side(scenery: Scenery, light: Lighting, rng: np.random.Generator) -> None:
    """A hedge along the pavement and trees of a park behind it."""
    for y in np.arange(112.0, 16.0, -9.5):
        tree(scenery, light, (float(rng.uniform(13, 22)), float(y + rng.uniform(-3, 3))), rng)
    hedge(scenery, light, RIGHT_WALL, (14.0, 118.0), rng)
