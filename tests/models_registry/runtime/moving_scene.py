"""Drawn scenes of moving boxes on a textured ground, for detectors that live on motion."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Box:
    """Pixels and pixels per second; it waits until ``starts``, and again from ``stops`` on."""

    x: float
    y: float
    width: float
    height: float
    speed: tuple[float, float]
    colour: tuple[int, int, int] = (205, 210, 215)
    born: float = 0.0
    starts: float = 0.0
    stops: float = float("inf")
    shadow: float = 0.0
    window: bool = False

    def at(self, time_s: float) -> tuple[float, float, float, float]:
        moving_s = max(0.0, min(time_s, self.stops) - max(self.born, self.starts))
        x, y = self.x + self.speed[0] * moving_s, self.y + self.speed[1] * moving_s
        return x, y, x + self.width, y + self.height


@dataclass
class MovingScene:
    """``light`` and ``offset`` change every pixel; ``specks`` fall anew; ``shake`` in px."""

    boxes: list[Box]
    width: int = 640
    height: int = 360
    noise: float = 2.0
    light: float = 1.0
    offset: float = 0.0
    specks: int = 0
    shake: int = 0
    _ground: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(5)
        coarse = random.uniform(70, 130, (self.height // 12 + 1, self.width // 12 + 1, 1))
        ground = cv2.resize(np.repeat(coarse, 3, axis=2), (self.width, self.height))
        self._ground = ground.astype(np.float32)

    def frame(self, time_s: float) -> NDArray[np.uint8]:
        random = np.random.default_rng(int(time_s * 1000) + 1)
        picture = self._ground.copy()
        for box in self.boxes:
            if time_s >= box.born:
                self._draw(picture, box, time_s)
        for x, y in random.integers(0, [self.width, self.height], (self.specks, 2)):
            cv2.line(picture, (int(x), int(y)), (int(x), int(y) + 4), (190, 190, 190), 1)
        if self.shake:
            shift = random.integers(-self.shake, self.shake + 1, 2)
            picture = np.roll(picture, tuple(shift.tolist()), axis=(0, 1))
        picture = picture * self.light + self.offset
        picture += random.normal(0.0, self.noise, picture.shape)
        return np.clip(picture, 0, 255).astype(np.uint8)

    def _draw(self, picture: NDArray[np.float32], box: Box, time_s: float) -> None:
        x1, y1, x2, y2 = box.at(time_s)
        if box.shadow:
            self._area(picture, x1, y2, x2, y2 + box.shadow)[...] *= 0.6
        self._area(picture, x1, y1, x2, y2)[...] = box.colour
        if box.window:  # as dark as the ground below it
            third = (x2 - x1) / 3
            area = self._area(picture, x1 + third, y1 + 4, x2 - third, y2 - 4)
            area[...] = self._area(self._ground, x1 + third, y1 + 4, x2 - third, y2 - 4)

    def _area(
        self, picture: NDArray[np.float32], x1: float, y1: float, x2: float, y2: float
    ) -> NDArray[np.float32]:
        columns = slice(*np.clip(np.rint([x1, x2]).astype(int), 0, self.width))
        rows = slice(*np.clip(np.rint([y1, y2]).astype(int), 0, self.height))
        return picture[rows, columns]
