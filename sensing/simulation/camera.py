"""A pinhole camera over a flat ground.

World: x to the right, y away from the camera along the ground, z up, metres. Picture: pixels,
origin at the top left corner, so the middle of the top left pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sensing.simulation.paths import Floats

NEAREST_M = 0.5


@dataclass(frozen=True)
class PerspectiveCamera:
    """Position in metres, yaw to the right and pitch down in degrees, focal length in pixels."""

    width: int
    height: int
    focal_px: float
    x_m: float
    height_m: float
    yaw_deg: float
    pitch_deg: float

    @cached_property
    def rotation(self) -> Floats:
        """(3, 3): rows are the camera's right, down and forward axes in the world."""
        yaw, pitch = math.radians(self.yaw_deg), math.radians(self.pitch_deg)
        forward = np.array(
            [math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), -math.sin(pitch)]
        )
        right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    @cached_property
    def position(self) -> Floats:
        return np.array([self.x_m, 0.0, self.height_m])

    @cached_property
    def matrix(self) -> Floats:
        """(3, 4) projection matrix P = K·R·[I | -position]."""
        k = np.array(
            [
                [self.focal_px, 0.0, self.width / 2],
                [0.0, self.focal_px, self.height / 2],
                [0.0, 0.0, 1.0],
            ]
        )
        return k @ self.rotation @ np.hstack([np.eye(3), -self.position[:, None]])

    @cached_property
    def image_to_ground(self) -> Floats:
        """(3, 3) homography from pixels to metres on the ground (z = 0)."""
        inverse: Floats = np.linalg.inv(self.matrix[:, [0, 1, 3]])
        scaled: Floats = inverse / inverse[2, 2]
        return scaled

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """(…, 3) metres → (…, 2) pixels and (…,) depth in metres along the optical axis.

        Points nearer than ``NEAREST_M`` or behind the camera are drawn as if at that depth.
        """
        homogeneous = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        depth = homogeneous[..., 2]
        return homogeneous[..., :2] / np.maximum(depth, NEAREST_M)[..., None], depth

    def to_ground(self, pixels: Floats) -> Floats:
        """(…, 2) pixels → (…, 2) metres; only meaningful below the horizon."""
        mapped = pixels @ self.image_to_ground[:, :2].T + self.image_to_ground[:, 2]
        ground: Floats = mapped[..., :2] / mapped[..., 2:]
        return ground

    @property
    def horizon_y(self) -> float:
        return self.height / 2 - self.focal_px * math.tan(math.radians(self.pitch_deg))


def road_camera(width: int, height: int) -> PerspectiveCamera:
    """A traffic camera on a lamp post at the right-hand kerb, eight metres up."""
    # The focal length follows the diagonal that 16:9 would have, so a square picture sees the
    # same road and not a narrower one.
    focal = 1.15 * min(width, height * 16 / 9)
    return PerspectiveCamera(width, height, focal, 4.8, 8.0, -7.5, 17.5)


def plaza_camera(width: int, height: int) -> PerspectiveCamera:
    """A camera under the eaves of a building, looking down on a square."""
    focal = 0.95 * min(width, height * 16 / 9)
    return PerspectiveCamera(width, height, focal, 0.0, 6.5, 0.0, 24.0)
