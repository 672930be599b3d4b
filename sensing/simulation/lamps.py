"""Lights that are seen themselves: headlights with their beams, tail lights, street lamps."""

from __future__ import annotations

import math

import cv2
import numpy as np

from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.paths import Floats, Path
from sensing.simulation.sprites import SHIFT, Picture, bounds_of
from sensing.simulation.traffic import BY_BODY

_WHITE = np.array([0.86, 0.96, 1.0])
_RED = np.array([0.16, 0.12, 0.95])
_WARM = np.array([0.55, 0.80, 1.0])
_BEAM = ((0.0, 0.5), (3.0, 1.5), (8.0, 2.3), (14.0, 2.2), (18.0, 1.2))
"""Metres ahead of the lamps and half width of the lit ground there."""


class Lamps:
    """Adds light to a frame in place. ``ground`` is what the scenery looks like when fully lit."""

    def __init__(
        self, camera: PerspectiveCamera, ground: Picture, strength: float, wet: bool
    ) -> None:
        self.camera, self.ground, self.wet = camera, ground, wet
        self.strength = strength
        """1 in the dark, less at dusk."""
        distance = np.hypot(*np.meshgrid(np.linspace(-1, 1, 65), np.linspace(-1, 1, 65)))
        halo = np.clip(1 - distance, 0, 1) ** 2.4 * 0.75 + np.exp(-((distance / 0.13) ** 2))
        self.halo = np.clip(halo * 255, 0, 255).astype(np.uint8)

    def beam(self, frame: Picture, path: Path, index: int) -> None:
        """The ground in front of a vehicle."""
        model = BY_BODY[path.body]
        start = model.length_m / 2 + 0.4
        side = [(start + far, half) for far, half in _BEAM]
        ring = np.array([*side, *[(x, -half) for x, half in reversed(side)]])
        world = _ahead(path, index, ring)
        world[:, 1] = np.maximum(world[:, 1], 4.0)  # what lies below the picture's edge is not seen
        pixels, depth = self.camera.project(world)
        blur = max(1.0, 0.3 * self.camera.focal_px / max(2.0, float(depth.mean())))
        bounds = bounds_of(pixels, self.camera.width, self.camera.height, 3 * math.ceil(blur))
        if bounds is None or depth.min() < 2.0 or path.positions[index, 1] > 110:
            return
        left, top, right, bottom = bounds
        mask: Picture = np.zeros((bottom - top, right - left), np.uint8)
        for grey, inset in ((80.0, 1.0), (140.0, 0.72), (200.0, 0.45)):
            middle = pixels[[0, -1]].mean(axis=0)
            at = np.rint((middle + (pixels - middle) * inset - (left, top)) * (1 << SHIFT))
            cv2.fillConvexPoly(mask, cv2.convexHull(at.astype(np.int32)), grey, cv2.LINE_AA, SHIFT)
        cv2.GaussianBlur(mask, (0, 0), blur, dst=mask)
        lit = cv2.multiply(
            self.ground[top:bottom, left:right],
            cv2.merge([mask] * 3),
            scale=0.8 * self.strength / 255,
        )
        part = frame[top:bottom, left:right]
        cv2.add(part, lit, dst=part)

    def glare(self, frame: Picture, path: Path, index: int) -> None:
        """The lamps themselves, as far as they shine towards the camera."""
        model = BY_BODY[path.body]
        to_camera = self.camera.position[:2] - path.positions[index]
        to_camera /= np.linalg.norm(to_camera)
        heading = float(path.heading[index])
        facing = float(to_camera @ (math.cos(heading), math.sin(heading)))
        front = facing > 0
        half = model.width_m / 2 - 0.28 if model.width_m > 1 else 0.0
        x = (1 if front else -1) * model.length_m / 2
        spots = np.array([(x, half), (x, -half)] if half else [(x, 0.0)])
        pixels, depth = self.camera.project(_ahead(path, index, spots, 0.68 if front else 0.8))
        braking = self._brakes(path, index)
        colour = _WHITE if front else _RED
        for at, away in zip(pixels, depth.tolist(), strict=True):
            if away < 4 or path.positions[index, 1] > 150:
                continue
            unit = self.camera.focal_px / away
            reach = (0.95 * facing**2 if front else (0.55 if braking else 0.3)) * unit
            power = self.strength * (1.0 if front or braking else 0.75)
            self.spot(frame, at, min(max(reach, 2.5), 70.0), colour * power)
            if self.wet:
                streak = np.add(at, (0.0, 1.1 * unit))
                self.spot(frame, streak, 0.3 * unit + 1.5, colour * power * 0.4, 3.6)

    @staticmethod
    def _brakes(path: Path, index: int) -> bool:
        before = max(0, index - 6)
        lost = float(path.speed_mps[before] - path.speed_mps[index])
        return lost > 0.3 or bool(path.speed_mps[index] < 0.3)

    def street_lamps(self, frame: Picture, lamps: tuple[tuple[float, float, float], ...]) -> None:
        pixels, depth = self.camera.project(np.array(lamps))
        for at, away in zip(pixels, depth.tolist(), strict=True):
            self.spot(frame, at, 0.75 * self.camera.focal_px / away, _WARM * self.strength)

    def spot(
        self, frame: Picture, at: Floats, radius_px: float, colour: Floats, tall: float = 1.0
    ) -> None:
        """A round halo, or one drawn out upwards and downwards as on a wet road."""
        width, height = 2 * math.ceil(radius_px) + 1, 2 * math.ceil(radius_px * tall) + 1
        left, top = round(float(at[0])) - width // 2, round(float(at[1])) - height // 2
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(frame.shape[1], left + width), min(frame.shape[0], top + height)
        if x1 <= x0 or y1 <= y0:
            return
        halo = cv2.resize(self.halo, (width, height), interpolation=cv2.INTER_AREA)
        halo = halo[y0 - top : y1 - top, x0 - left : x1 - left]
        tinted = cv2.merge([cv2.convertScaleAbs(halo, alpha=float(c)) for c in colour])
        part = frame[y0:y1, x0:x1]
        cv2.add(part, tinted, dst=part)


def _ahead(path: Path, index: int, points: Floats, z: float = 0.0) -> Floats:
    """(N, 2) forward and left of the vehicle's middle → (N, 3) world."""
    c, s = math.cos(path.heading[index]), math.sin(path.heading[index])
    x, y = path.positions[index]
    forward, left = points[:, 0], points[:, 1]
    return np.column_stack(
        [x + forward * c - left * s, y + forward * s + left * c, np.full(len(points), z)]
    )
