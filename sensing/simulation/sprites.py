"""One moving object as a small picture with transparency, drawn large and shrunk (anti-aliased)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation.paths import Floats

Picture = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]
SHIFT = 3


@dataclass(frozen=True)
class Sprite:
    """``bgra`` with colours multiplied by alpha; its top left corner lies at ``left``, ``top``."""

    left: int
    top: int
    bgra: Picture


class Easel:
    """A canvas for one sprite: polygons in picture coordinates, several times enlarged."""

    def __init__(self, bounds: Rectangle) -> None:
        self.left, self.top, right, bottom = bounds
        self.width, self.height = right - self.left, bottom - self.top
        self.scale = 3 if self.width * self.height < 12_000 else 2
        self.canvas: Picture = np.zeros(
            (self.height * self.scale, self.width * self.scale, 4), np.uint8
        )

    def place(self, points: Floats) -> NDArray[np.int32]:
        """Picture pixels → fixed-point canvas coordinates for cv2 with ``SHIFT``."""
        local = (points - (self.left, self.top)) * self.scale - 0.5
        clipped = np.clip(local, -4000, 4000) * (1 << SHIFT)
        placed: NDArray[np.int32] = np.rint(clipped).astype(np.int32)
        return placed

    def polygon(self, placed: NDArray[np.int32], colour: tuple[float, float, float]) -> None:
        cv2.fillConvexPoly(self.canvas, placed, (*colour, 255.0), cv2.LINE_8, SHIFT)

    def stroke(
        self,
        placed: NDArray[np.int32],
        colour: tuple[float, float, float],
        width_px: float,
    ) -> None:
        cv2.polylines(
            self.canvas, [placed], False, (*colour, 255.0), max(1, round(width_px * self.scale)),
            cv2.LINE_8, SHIFT,
        )  # fmt: skip

    def disc(
        self, centre: NDArray[np.int32], colour: tuple[float, float, float], radius_px: float
    ) -> None:
        radius = max(1, round(radius_px * self.scale * (1 << SHIFT)))
        cv2.circle(
            self.canvas, (int(centre[0]), int(centre[1])), radius, (*colour, 255.0), -1, cv2.LINE_8,
            SHIFT,
        )  # fmt: skip

    def sprite(self) -> Sprite:
        small = cv2.resize(self.canvas, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return Sprite(self.left, self.top, np.asarray(small, dtype=np.uint8))


def bounds_of(points: Floats, width: int, height: int, margin: int) -> Rectangle | None:
    """The part of the picture that the points cover, in whole pixels; None when outside."""
    if not len(points):
        return None
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin
    left, top = max(0, int(left)), max(0, int(top))
    right, bottom = min(width, int(right)), min(height, int(bottom))
    if right - left < 1 or bottom - top < 1:
        return None
    return left, top, right, bottom


def lay_over(frame: Picture, sprite: Sprite, opacity: float = 1.0) -> None:
    """Composite in place: frame·(1 − alpha) + sprite."""
    height, width = sprite.bgra.shape[:2]
    part = frame[sprite.top : sprite.top + height, sprite.left : sprite.left + width]
    alpha = cv2.merge([sprite.bgra[..., 3]] * 3)
    over: Picture = sprite.bgra[..., :3]
    if opacity < 1.0:
        alpha = cv2.convertScaleAbs(alpha, alpha=opacity)
        over = np.asarray(cv2.convertScaleAbs(over, alpha=opacity), dtype=np.uint8)
    kept = cv2.multiply(part, cv2.bitwise_not(alpha), scale=1 / 255)
    cv2.add(kept, over, dst=part)


def mirror(frame: Picture, sprite: Sprite, opacity: float) -> None:
    """A blurred reflection on wet ground below the sprite, in place."""
    height = sprite.bgra.shape[0]
    top = sprite.top + round(0.88 * height)
    room = min(height, frame.shape[0] - top)
    if room < 2:
        return
    flipped = cv2.blur(cv2.flip(sprite.bgra, 0), (3, max(3, height // 5)))[:room]
    lay_over(frame, Sprite(sprite.left, top, np.asarray(flipped, dtype=np.uint8)), opacity)


def darken(frame: Picture, bounds: Rectangle, mask: Picture, strength: float) -> None:
    """Lay a soft shadow over the frame in place; ``mask`` 255 = fully in shadow."""
    left, top, right, bottom = bounds
    part = frame[top:bottom, left:right]
    kept = cv2.convertScaleAbs(mask, alpha=-strength, beta=0)
    keep = cv2.merge([cv2.bitwise_not(kept)] * 3)
    cv2.multiply(part, keep, dst=part, scale=1 / 255)
