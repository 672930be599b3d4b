"""What falls between the scene and the camera, and what the camera adds itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from sensing.simulation.lighting import Lighting
from sensing.simulation.spec import SimulationSpec
from sensing.simulation.sprites import Picture


class Effect(Protocol):
    """Changes a finished frame in place. The same frame number always gets the same change."""

    def apply(self, frame: Picture, number: int) -> None: ...


def effects_of(spec: SimulationSpec, light: Lighting) -> list[Effect]:
    """In the order of the light's way: weather first, the sensor's noise last."""
    effects: list[Effect] = []
    strength = {"day": 1.0, "dusk": 0.6, "night": 0.35}[spec.time]
    if spec.weather == "rain":
        effects.append(Rain(spec, strength))
    if spec.weather == "snow":
        effects.append(Snow(spec, strength))
    effects.append(Lens(spec))
    if spec.noise > 0:
        effects.append(Noise(spec, spec.noise * light.noise_gain))
    return effects


@dataclass(frozen=True)
class _Sheet:
    """A picture that tiles in both directions; any window of the frame's size can be cut."""

    twice: Picture

    @classmethod
    def of(cls, tile: Picture) -> _Sheet:
        return cls(np.tile(tile, (2, 2, 1)))

    def window(self, frame: Picture, down: int, right: int) -> Picture:
        """The sheet moved by ``down`` and ``right`` pixels, as large as the frame."""
        height, width = frame.shape[:2]
        top, left = -down % height, -right % width
        return self.twice[top : top + height, left : left + width]


class Rain:
    """Streaks as long as a drop falls during one exposure, near ones long and few."""

    def __init__(self, spec: SimulationSpec, strength: float) -> None:
        self.spec = spec
        rng = np.random.default_rng([spec.seed, 10])
        size = spec.height / 360
        self.sheets = [
            _Sheet.of(self._streaks(rng, round(320 * size), 9 * size, 38 * strength, 1)),
            _Sheet.of(self._streaks(rng, round(90 * size), 24 * size, 44 * strength, 1)),
            _Sheet.of(self._streaks(rng, round(14 * size), 52 * size, 30 * strength, 2)),
        ]

    def _streaks(
        self, rng: np.random.Generator, count: int, length: float, grey: float, width: int
    ) -> Picture:
        spec = self.spec
        tile: Picture = np.zeros((spec.height, spec.width), np.uint8)
        for _ in range(count):
            x, y = rng.uniform(0, spec.width), rng.uniform(0, spec.height)
            fall = length * rng.uniform(0.6, 1.3)
            slant = 0.12 * fall
            bright = float(grey * rng.uniform(0.5, 1.0))
            for dx in (0, spec.width):  # what leaves on one side comes in on the other
                for dy in (0, spec.height):
                    start = (round(x - dx), round(y - dy))
                    end = (round(x - dx - slant), round(y - dy + fall))
                    cv2.line(tile, start, end, bright, width, cv2.LINE_AA)
        return np.asarray(cv2.merge([cv2.GaussianBlur(tile, (3, 5), 0.6)] * 3), dtype=np.uint8)

    def apply(self, frame: Picture, number: int) -> None:
        rng = np.random.default_rng([self.spec.seed, 11, number])
        for sheet in self.sheets:
            down, right = rng.integers(0, 10_000, 2).tolist()
            cv2.add(frame, sheet.window(frame, down, right), dst=frame)


class Snow:
    """Three depths of flakes that sink and sway; each falls whole pictures per loop."""

    def __init__(self, spec: SimulationSpec, strength: float) -> None:
        self.spec = spec
        rng = np.random.default_rng([spec.seed, 12])
        size = spec.height / 360
        # A near flake is out of focus: the same light spread over more pixels.
        depths = ((420, 0.9, 80, 1.6), (110, 1.6, 95, 3.4), (10, 3.8, 60, 7.5))
        self.sheets = [
            _Sheet.of(self._flakes(rng, count, radius * size, grey * strength))
            for count, radius, grey, _ in depths
        ]
        laps = [speed * size * 12.5 / spec.fps * spec.frames / spec.height for *_, speed in depths]
        self.laps = [max(1, round(lap)) for lap in laps]

    def _flakes(self, rng: np.random.Generator, count: int, radius: float, grey: float) -> Picture:
        spec = self.spec
        tile: Picture = np.zeros((spec.height, spec.width), np.uint8)
        for _ in range(count):
            x, y = rng.uniform(0, spec.width), rng.uniform(0, spec.height)
            r = max(1, round(8 * radius * rng.uniform(0.6, 1.3)))
            bright = float(grey * rng.uniform(0.5, 1.0))
            for dx in (-spec.width, 0, spec.width):
                for dy in (-spec.height, 0, spec.height):
                    at = (round(8 * (x + dx)), round(8 * (y + dy)))
                    cv2.circle(tile, at, r, bright, -1, cv2.LINE_AA, 3)
        soft = cv2.GaussianBlur(tile, (0, 0), max(0.5, 0.45 * radius))
        return np.asarray(cv2.merge([soft] * 3), dtype=np.uint8)

    def apply(self, frame: Picture, number: int) -> None:
        share = number / self.spec.frames
        for depth, (sheet, laps) in enumerate(zip(self.sheets, self.laps, strict=True)):
            down = round(share * laps * self.spec.height)
            sway = 14 * math.sin(2 * math.pi * share * max(1, laps // 2) + depth)
            cv2.add(frame, sheet.window(frame, down, round(sway)), dst=frame)


class Lens:
    """Vignette, and the small waver of automatic exposure."""

    def __init__(self, spec: SimulationSpec) -> None:
        x, y = np.meshgrid(np.linspace(-1, 1, spec.width), np.linspace(-1, 1, spec.height))
        fall = 1.0 - 0.15 * (0.62 * x**2 + 0.38 * y**2) ** 1.2
        self.gain: Picture = np.repeat((250 * fall)[..., None], 3, axis=2).astype(np.uint8)
        self.waves = [max(1, round(spec.duration_s / wave_s)) for wave_s in (17.0, 6.1)]
        self.frames = spec.frames

    def apply(self, frame: Picture, number: int) -> None:
        turn = 2 * math.pi * number / self.frames
        waver = 0.006 * math.sin(turn * self.waves[0]) + 0.003 * math.sin(turn * self.waves[1])
        cv2.multiply(frame, self.gain, dst=frame, scale=(1 + waver) / 255)


class Noise:
    """Sensor noise, mostly in brightness and a little coarse, as after a camera's own filter."""

    def __init__(self, spec: SimulationSpec, deviation: float) -> None:
        self.seed = spec.seed
        rng = np.random.default_rng([spec.seed, 13])
        shape = (spec.height, spec.width)
        grey = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (3, 3), 0.55)
        colour = cv2.GaussianBlur(rng.standard_normal((*shape, 3)).astype(np.float32), (0, 0), 1.1)
        grain = grey[..., None] / grey.std() * 0.94 + colour / colour.std() * 0.34
        grain = np.rint(grain * deviation)
        self.brighter = _Sheet.of(np.clip(grain, 0, 255).astype(np.uint8))
        self.darker = _Sheet.of(np.clip(-grain, 0, 255).astype(np.uint8))

    def apply(self, frame: Picture, number: int) -> None:
        rng = np.random.default_rng([self.seed, 14, number])
        down, right = rng.integers(0, 10_000, 2).tolist()
        cv2.add(frame, self.brighter.window(frame, down, right), dst=frame)
        cv2.subtract(frame, self.darker.window(frame, down, right), dst=frame)
