"""Draws vehicles: shape, paint, shadow."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation import bodies
from sensing.simulation.bodies import Mesh, vehicle_mesh
from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.lighting import Lighting
from sensing.simulation.paths import Floats, Path
from sensing.simulation.sprites import SHIFT, Easel, Picture, bounds_of, darken, lay_over, mirror

# BGR albedo; white, silver, greys and black are most of the cars on any road
_CAR_PAINTS = (
    (0.80, 0.80, 0.80), (0.78, 0.79, 0.80), (0.55, 0.55, 0.54), (0.42, 0.41, 0.40),
    (0.20, 0.20, 0.20), (0.07, 0.07, 0.07), (0.09, 0.08, 0.08), (0.36, 0.17, 0.10),
    (0.46, 0.30, 0.14), (0.10, 0.09, 0.46), (0.08, 0.07, 0.36), (0.16, 0.26, 0.14),
    (0.36, 0.48, 0.56), (0.30, 0.36, 0.42),
)  # fmt: skip
_VAN_PAINTS = (
    (0.82, 0.82, 0.82),
    (0.80, 0.80, 0.79),
    (0.52, 0.51, 0.50),
    (0.42, 0.20, 0.09),
    (0.10, 0.09, 0.42),
)
_BUS_PAINTS = (
    (0.12, 0.10, 0.56),
    (0.46, 0.30, 0.12),
    (0.26, 0.46, 0.18),
    (0.14, 0.56, 0.74),
    (0.78, 0.78, 0.78),
)
_CARGO_PAINTS = (
    (0.84, 0.84, 0.83),
    (0.78, 0.79, 0.80),
    (0.62, 0.60, 0.58),
    (0.44, 0.24, 0.12),
    (0.20, 0.42, 0.60),
)
_FIXED = {
    bodies.BLACK: (0.06, 0.06, 0.06),
    bodies.TYRE: (0.05, 0.05, 0.05),
    bodies.METAL: (0.48, 0.48, 0.48),
    bodies.GLASS: (0.06, 0.055, 0.05),
    bodies.HEADLIGHT: (0.80, 0.80, 0.78),
    bodies.TAILLIGHT: (0.08, 0.06, 0.50),
    bodies.PLATE: (0.75, 0.78, 0.78),
}
FADE_IN_M = (150.0, 185.0)
"""Objects appear out of the distance between these, instead of jumping into the picture."""


def _palette(path: Path) -> Floats:
    """(materials, 3) albedo of one vehicle."""
    rng = np.random.default_rng(path.look)
    paints = {"van": _VAN_PAINTS, "bus": _BUS_PAINTS}.get(path.body, _CAR_PAINTS)
    table = np.zeros((11, 3))
    for material, albedo in _FIXED.items():
        table[material] = albedo
    table[bodies.PAINT] = paints[int(rng.integers(len(paints)))]
    table[bodies.CARGO] = _CARGO_PAINTS[int(rng.integers(len(_CARGO_PAINTS)))]
    if path.body == "bus":
        table[bodies.CARGO] = 0.5 * table[bodies.PAINT] + 0.36
    table[bodies.CLOTH] = rng.choice([0.05, 0.12, 0.22]) * rng.uniform(0.7, 1.3, 3)
    table[bodies.SKIN] = _CAR_PAINTS[int(rng.integers(len(_CAR_PAINTS)))]  # the rider's helmet
    return table


def _look_of(
    mesh: Mesh,
    palette: Floats,
    *,
    facing: Floats,
    centres: Floats,
    to_camera: Floats,
    light: Lighting,
    shining: bool,
) -> Floats:
    """(F, 3) colours of the faces: matt paint, a little gloss, and the sky in the windows."""
    materials = np.array(mesh.materials)
    colours = light.shade(palette[materials], facing, centres)
    mirrored = 2 * np.sum(facing * to_camera, axis=1, keepdims=True) * facing - to_camera
    sees_sky = np.clip(mirrored[:, 2:3] + 0.15, 0.0, 1.0)
    grazing = (1 - np.clip(np.sum(facing * to_camera, axis=1, keepdims=True), 0, 1)) ** 3
    reflected = sees_sky * (0.5 * light.zenith + 0.5 * light.horizon)
    gloss = np.zeros((len(materials), 1))
    gloss[materials == bodies.PAINT] = 0.05
    gloss[materials == bodies.GLASS] = 0.20
    colours += reflected * (gloss + 2.2 * gloss * grazing)
    if shining:
        colours[materials == bodies.HEADLIGHT] = (225, 245, 250)
        colours[materials == bodies.TAILLIGHT] = (40, 34, 190)
    glint = np.maximum(mirrored @ light.to_sun, 0.0)[:, None] ** 24
    colours += glint * gloss * 900.0 * light.sun
    return colours


class VehicleArtist:
    """Draws the vehicles of one camera."""

    def __init__(self, camera: PerspectiveCamera, light: Lighting) -> None:
        self.camera, self.light = camera, light
        self._palettes: dict[int, Floats] = {}

    def shadow(self, frame: Picture, path: Path, index: int) -> None:
        world = placed(vehicle_mesh(path.body).hull, path, index)
        reach = world[:, 2:] * (self.light.to_sun[:2] / self.light.to_sun[2])
        cast = np.column_stack([world[:, :2] - reach, np.zeros(len(world))])
        self._soft(frame, cast, self.light.shadow, self.light.blur_px)
        # Under the car it is dark in any weather.
        middle = path.positions[index]
        feet = np.column_stack([middle + 0.95 * (world[:, :2] - middle), np.zeros(len(world))])
        nearness = self.camera.focal_px / max(
            4.0, float(np.hypot(*(middle - self.camera.position[:2])))
        )
        self._soft(frame, feet, 0.5, max(0.7, 0.06 * nearness))

    def _soft(self, frame: Picture, points: Floats, strength: float, blur_px: float) -> None:
        pixels, depth = self.camera.project(points)
        margin = 2 + math.ceil(2 * blur_px)
        bounds = bounds_of(pixels, self.camera.width, self.camera.height, margin)
        if bounds is None or depth.min() < 1.0:
            return
        left, top, right, bottom = bounds
        mask: Picture = np.zeros((bottom - top, right - left), np.uint8)
        hull = cv2.convexHull(np.rint((pixels - (left, top) - 0.5) * (1 << SHIFT)).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 255.0, cv2.LINE_AA, SHIFT)
        cv2.GaussianBlur(mask, (0, 0), blur_px, dst=mask)
        darken(frame, bounds, mask, strength * self.fade(float(points[:, 1].mean())))

    def body(self, frame: Picture, path: Path, index: int) -> None:
        mesh = vehicle_mesh(path.body)
        world = placed(mesh.vertices, path, index)
        pixels, _ = self.camera.project(world)
        bounds = bounds_of(pixels, self.camera.width, self.camera.height, 1)
        if bounds is None:
            return
        order, colours = self._faces(mesh, path, index)
        easel = Easel(bounds)
        corners = easel.place(pixels)
        for face in order:
            b, g, r = colours[face]
            easel.polygon(corners[list(mesh.faces[face])], (b, g, r))
        sprite, fade = easel.sprite(), self.fade(float(path.positions[index, 1]))
        if self.light.wet:
            mirror(frame, sprite, 0.20 * fade)
        lay_over(frame, sprite, fade)

    def _faces(self, mesh: Mesh, path: Path, index: int) -> tuple[list[int], list[list[float]]]:
        """Visible faces from back to front, and the colours of all."""
        turn = _rotation(path.heading[index])
        centres = placed(mesh.centres, path, index)
        facing = mesh.normals @ turn.T
        sight = self.camera.position - centres
        distance = np.linalg.norm(sight, axis=1, keepdims=True)
        sight /= distance
        palette = self._palettes.get(path.track)
        if palette is None:
            palette = self._palettes[path.track] = _palette(path)
        colours = _look_of(
            mesh,
            palette,
            facing=facing,
            centres=centres,
            to_camera=sight,
            light=self.light,
            shining=self.light.lamps and path.track > 0,  # not those that are parked
        )
        colours = np.clip(self.light.through_air(colours, distance), 0, 255)
        visible = np.flatnonzero(np.sum(facing * sight, axis=1) > 0)
        layers = np.array(mesh.layers)[visible]
        # Layers settle what a painter's algorithm cannot; within one, far before near.
        order = visible[np.lexsort((-distance[visible, 0], layers))]
        return order.tolist(), colours.tolist()

    def fade(self, y_m: float) -> float:
        near, far = FADE_IN_M
        return float(np.clip((far - y_m) / (far - near), 0.0, 1.0))


def placed(points: Floats, path: Path, index: int) -> Floats:
    """(N, 3) body coordinates → world coordinates."""
    world: Floats = points @ _rotation(path.heading[index]).T
    world[:, :2] += path.positions[index]
    return world


def _rotation(heading: float) -> NDArray[np.float64]:
    c, s = math.cos(heading), math.sin(heading)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
