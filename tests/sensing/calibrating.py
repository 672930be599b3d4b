"""Marks of the simulated road, whose geometry is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensing.simulation.camera import PerspectiveCamera, road_camera

WIDTH, HEIGHT = 1280, 720
CAMERA = road_camera(WIDTH, HEIGHT)
LOW_CAMERA = PerspectiveCamera(WIDTH, HEIGHT, 1200.0, 0.0, 6.0, 0.0, 8.0)
"""Its horizon lies in the picture, 26 % from the top."""
ROAD_M = ((-3.5, 18.0), (3.5, 18.0), (3.5, 45.0), (-3.5, 45.0), (0.0, 25.0), (0.0, 60.0))


def seen(x_m: float, y_m: float, camera: PerspectiveCamera = CAMERA) -> list[float]:
    """Where a road point is in the picture, 0–1."""
    pixels, _ = camera.project(np.array([(x_m, y_m, 0.0)]))
    return [float(pixels[0, 0] / WIDTH), float(pixels[0, 1] / HEIGHT)]


def point_marks(*road_m: tuple[float, float], camera: PerspectiveCamera = CAMERA) -> dict[str, Any]:
    """The document of exactly marked points."""
    return {
        "version": 1,
        "method": "points",
        "frame": [WIDTH, HEIGHT],
        "points": [{"image": seen(*at, camera), "road_m": list(at)} for at in road_m or ROAD_M],
    }


def direction_marks(length_m: float = 27.0) -> dict[str, Any]:
    """Two lines along, two across, and the length of the left one."""
    a, b, c, d = (seen(*at) for at in ROAD_M[:4])
    return {
        "method": "vanishing",
        "frame": [WIDTH, HEIGHT],
        "along": [[a, d], [b, c]],
        "across": [[a, b], [d, c]],
        "lengths": [{"image": [a, d], "length_m": length_m}],
    }
