"""Short recordings of drawn cars, with the scene and truth that go with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.models_registry.runtime.moving_scene import Box, MovingScene

FPS = 12.5
LINE: dict[str, Any] = {"id": "middle", "name": "Middle", "points": [[0.5, 1.0], [0.5, 0.0]]}
SCENE: dict[str, Any] = {"lines": [LINE]}
# The line points upward on the screen, so a car from the left crosses from its left to its right.
TRUTH: dict[str, Any] = {
    "fps": FPS,
    "tolerance_frames": 6,
    "lines": [LINE],
    "crossings": [{"line": "Middle", "frame": 37, "direction": "forward"}],
}


def crossing_car(width: int = 320, height: int = 180) -> MovingScene:
    """A car that enters at the left after 0.5 s and whose centre is in the middle at 2.96 s."""
    speed = (width * 0.5 + width * 0.08) / 2.46
    car = Box(
        x=-width * 0.16,
        y=height * 0.4,
        width=width * 0.16,
        height=height * 0.16,
        speed=(speed, 0.0),
        born=0.5,
    )
    return MovingScene([car], width, height)


def write_video(path: Path, scene: MovingScene, seconds: float = 5.0, fps: float = FPS) -> Path:
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), fourcc, fps, (scene.width, scene.height))
    assert writer.isOpened()
    for i in range(int(seconds * fps)):
        writer.write(np.ascontiguousarray(scene.frame(i / fps)))
    writer.release()
    return path
