"""What light, lens and weather do to a fixed camera's picture; boxes stay where they are."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray
from models_registry.training.pictures import Picture
from models_registry.training.recipe import AugmentationRecipe

Floats = NDArray[np.float32]
Effect = Callable[[Picture, FloatArray, np.random.Generator], Picture]


def weathered(
    picture: Picture, xyxy: FloatArray, recipe: AugmentationRecipe, rng: np.random.Generator
) -> Picture:
    """Each effect with its probability, in the order in which light meets it.

    ``xyxy`` (N, 4) in pixels: where lamps may shine at night.
    """
    for name, effect in EFFECTS.items():
        if rng.random() < getattr(recipe, name):
            picture = effect(picture, xyxy, rng)
    return picture


def colour(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Exposure, contrast, white balance and saturation."""
    gain = np.exp(rng.uniform(-0.35, 0.35)) * np.exp(rng.uniform(-0.08, 0.08, 3))
    contrast, mean = float(np.exp(rng.uniform(-0.3, 0.3))), float(picture.mean())
    levels = np.arange(256, dtype=np.float32)[:, None]
    table = (levels - mean) * contrast + mean
    table = np.clip(table * gain.astype(np.float32), 0, 255).astype(np.uint8)
    toned = cv2.LUT(picture, np.ascontiguousarray(table[:, None, :]))
    grey = cv2.cvtColor(toned, cv2.COLOR_BGR2GRAY)
    # Some cameras give hardly any colour, at night often none.
    saturation = 0.0 if rng.random() < 0.08 else float(rng.uniform(0.4, 1.4))
    return np.asarray(
        cv2.addWeighted(
            toned, saturation, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), 1 - saturation, 0
        ),
        np.uint8,
    )


def hue(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """All colours turned by one angle: paint and clothes come in every one, brightness stays."""
    angle = float(rng.uniform(-np.pi, np.pi))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    axes = np.array(  # brightness, then two at a right angle to it and to each other
        [[1, 1, 1] / np.sqrt(3), [2, -1, -1] / np.sqrt(6), [0, 1, -1] / np.sqrt(2)]
    )
    matrix = axes.T @ np.block([[np.eye(1), np.zeros((1, 2))], [np.zeros((2, 1)), turned]]) @ axes
    return np.asarray(cv2.transform(picture, matrix.astype(np.float32)), np.uint8)


def fog(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Contrast fades with distance, and a fixed camera's distance grows towards the top."""
    rows = np.linspace(1, 0, len(picture), dtype=np.float32) ** float(rng.uniform(0.6, 1.8))
    near, far = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.45, 0.85))
    veil = (near + (far - near) * rows)[:, None, None]
    grey = np.float32(rng.uniform(140, 215))
    return _bytes(picture * (1 - veil) + grey * veil)


def night(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Little light in a lamp's colour; where vehicles are, lamps may shine."""
    dark = float(rng.uniform(0.15, 0.5))
    gamma = float(rng.uniform(1.1, 1.8))
    levels = (np.arange(256, dtype=np.float32) / 255) ** gamma * 255 * dark
    tint = np.array([rng.uniform(0.6, 1.05), 0.9, rng.uniform(0.9, 1.2)], np.float32)
    table = np.clip(levels[:, None] * tint, 0, 255).astype(np.uint8)
    lit = cv2.LUT(picture, np.ascontiguousarray(table[:, None, :])).astype(np.float32)
    for box in xyxy[rng.random(len(xyxy)) < 0.35][:12]:
        _shine(lit, box, rng)
    return noise(_bytes(lit), xyxy, rng)


def _shine(lit: Floats, box: FloatArray, rng: np.random.Generator) -> None:
    """A pair of lamps in the lower half of ``box``, with its glow."""
    side = float(box[2] - box[0])
    size = int(np.clip(side * rng.uniform(0.15, 0.35), 2, 24))
    colour_bgr = np.array(
        [[0.75, 0.95, 1.0], [0.2, 0.25, 1.0]][int(rng.random() < 0.4)], np.float32
    )
    spread = np.arange(-2 * size, 2 * size + 1, dtype=np.float32)
    fall = np.exp(-((spread / size) ** 2) * 2)
    glow = (
        fall[:, None, None] * fall[None, :, None] * colour_bgr * np.float32(rng.uniform(120, 330))
    )
    y = int(box[1] + (box[3] - box[1]) * rng.uniform(0.55, 0.8))
    for share in (0.2, 0.8):
        x = int(box[0] + side * share)
        top, left = y - 2 * size, x - 2 * size
        rows = slice(max(top, 0), min(top + len(spread), lit.shape[0]))
        columns = slice(max(left, 0), min(left + len(spread), lit.shape[1]))
        if rows.start < rows.stop and columns.start < columns.stop:
            lit[rows, columns] += glow[
                rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
            ]


def rain(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Streaks that the exposure draws, less contrast, sometimes drops on the glass."""
    rows, columns = picture.shape[:2]
    layer = np.zeros((rows, columns), np.uint8)
    slant, length = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.04, 0.14)) * rows
    count = int(rng.uniform(0.0008, 0.004) * rows * columns)
    x, y = rng.uniform(0, columns, count), rng.uniform(-length, rows, count)
    reach = length * rng.uniform(0.5, 1.0, count)
    starts = np.stack([x, y], 1)
    ends = np.stack([x + slant * reach, y + reach], 1)
    lines = np.stack([starts, ends], 1).round().astype(np.int32)
    cv2.polylines(layer, list(lines), False, int(rng.uniform(60, 150)))
    streaks = cv2.GaussianBlur(layer, (3, 3), 0).astype(np.float32)[..., None]
    wet = fog(picture, xyxy, rng) if rng.random() < 0.5 else picture
    return _bytes(wet * np.float32(rng.uniform(0.75, 1.0)) + streaks)


def snow(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Flakes of several sizes; what lies towards the sky turns white."""
    rows, columns = picture.shape[:2]
    layer = np.zeros((rows, columns), np.uint8)
    for radius, density in ((1, 0.003), (2, 0.0012), (3, 0.0003)):
        for _ in range(int(rng.uniform(0.3, 1.0) * density * rows * columns)):
            centre = (int(rng.integers(columns)), int(rng.integers(rows)))
            cv2.circle(layer, centre, radius, int(rng.integers(110, 255)), -1, cv2.LINE_AA)
    flakes = cv2.GaussianBlur(layer, (3, 3), 0).astype(np.float32)[..., None] / 255
    cover = float(rng.uniform(0.0, 0.45))
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    lying = cover * np.clip((grey - 70) / 110, 0, 1)  # bright, flat ground takes the snow
    ground = picture * (1 - lying) + np.float32(235) * lying
    return _bytes(ground * (1 - flakes) + np.float32(245) * flakes)


def blur(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """Out of focus, or a camera that the wind moves."""
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.6))), np.uint8)
    size = int(rng.integers(3, 8))
    kernel = np.zeros((size, size), np.float32)
    angle = float(rng.uniform(0, np.pi))
    reach = (size - 1) / 2
    steps = np.linspace(-reach, reach, 4 * size)
    kernel[
        (reach + steps * np.sin(angle)).round().astype(int),
        (reach + steps * np.cos(angle)).round().astype(int),
    ] = 1
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def noise(picture: Picture, xyxy: FloatArray, rng: np.random.Generator) -> Picture:
    """A sensor's grain, or the blocks of a thrifty encoder."""
    if rng.random() < 0.4:
        _, coded = cv2.imencode(
            ".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))]
        )
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    # Many pictures share a field of grain; each takes it from another place.
    top, left = (int(x) for x in rng.integers(0, 64, 2))
    rows, columns = picture.shape[:2]
    field = _grain(rows + 64, columns + 64)[top : top + rows, left : left + columns]
    return _bytes(picture + field * np.float32(rng.uniform(2, 14)))


_fields: dict[tuple[int, int], Floats] = {}


def _grain(rows: int, columns: int) -> Floats:
    if (rows, columns) not in _fields:
        _fields.clear()
        rng = np.random.default_rng(0)
        _fields[rows, columns] = rng.standard_normal((rows, columns, 3), np.float32)
    return _fields[rows, columns]


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0)), np.uint8)


EFFECTS: dict[str, Effect] = {
    "colour": colour,
    "hue": hue,
    "fog": fog,
    "rain": rain,
    "snow": snow,
    "night": night,
    "blur": blur,
    "noise": noise,
}
