"""Places pictures on the canvas of the network: scale, crop, flip, four pictures in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from models_registry.runtime.detections import FloatArray
from models_registry.training.labelled import Bools, Objects, joined, make_objects
from models_registry.training.pictures import Picture
from models_registry.training.recipe import AugmentationRecipe

PAD_VALUE = 114  # what the runtime fills a canvas with


@dataclass(frozen=True, slots=True)
class Drawn:
    """A BGR picture, its objects, and (C,) the classes of which every object is among them."""

    picture: Picture
    objects: Objects
    labelled: Bools


Draw = Callable[[], Drawn]


def one_picture(
    drawn: Drawn, width: int, height: int, recipe: AugmentationRecipe, rng: np.random.Generator
) -> Drawn:
    """A picture scaled, moved and perhaps mirrored on a ``width`` × ``height`` canvas.

    ``drawn`` has objects in 0–1 of the picture; returned are pixels of the canvas.
    """
    matrix = _placement(drawn.picture, width, height, recipe, rng)
    return _placed(drawn, matrix, width, height, recipe)


def four_pictures(
    draw: Draw, width: int, height: int, recipe: AugmentationRecipe, rng: np.random.Generator
) -> Drawn:
    """Four draws, each in a corner of the canvas, meeting at a point near its middle.

    A class that only some of them label counts neither way in the corners of the others.
    """
    x, y = int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7))
    canvas = np.empty((height, width, 3), np.uint8)
    corners = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
    drawn = [
        one_picture(draw(), right - left, bottom - top, recipe, rng)
        for left, top, right, bottom in corners
    ]
    labelled: Bools = np.logical_or.reduce([part.labelled for part in drawn])
    parts = []
    for (left, top, right, bottom), part in zip(corners, drawn, strict=True):
        canvas[top:bottom, left:right] = part.picture
        moved = part.objects.xyxy + np.array([left, top] * 2, np.float32)
        unknown = np.flatnonzero(labelled & ~part.labelled)
        region = (float(left), float(top), float(right), float(bottom))
        parts += [
            replace(part.objects, xyxy=moved),
            make_objects((region, int(kind), 1.0, True) for kind in unknown),
        ]
    return Drawn(canvas, joined(parts), labelled)


def _placement(
    picture: Picture, width: int, height: int, recipe: AugmentationRecipe, rng: np.random.Generator
) -> np.ndarray:
    """(2, 3) picture pixels → canvas pixels."""
    rows, columns = picture.shape[:2]
    low, high = np.log(recipe.scale)
    fit = min(width / columns, height / rows)
    scale = fit * float(np.exp(rng.uniform(low, high)))
    stretch = float(np.exp(rng.uniform(-recipe.aspect, recipe.aspect) / 2))
    scale_x, scale_y = scale * stretch, scale / stretch
    # What is larger than the canvas shows any part of itself; what is smaller lies anywhere in it.
    left = rng.uniform(*sorted((0.0, width - columns * scale_x)))
    top = rng.uniform(*sorted((0.0, height - rows * scale_y)))
    if rng.random() < recipe.flip:
        return np.array([[-scale_x, 0, left + columns * scale_x], [0, scale_y, top]])
    return np.array([[scale_x, 0, left], [0, scale_y, top]])


def _placed(
    drawn: Drawn, matrix: np.ndarray, width: int, height: int, recipe: AugmentationRecipe
) -> Drawn:
    picture, objects = drawn.picture, drawn.objects
    # OpenCV places pixel centres; ours are places on the picture, so half a pixel lies between.
    centred = matrix.copy()
    centred[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    source, smaller = _reduced(picture, centred)
    canvas = cv2.warpAffine(
        source,
        smaller,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PAD_VALUE, PAD_VALUE, PAD_VALUE),
    )
    size = np.array([picture.shape[1], picture.shape[0]] * 2, np.float32)
    moved = _move(objects.xyxy * size, matrix)
    kept = kept_on(replace(objects, xyxy=moved), width, height, recipe)
    return Drawn(np.asarray(canvas, np.uint8), kept, drawn.labelled)


def _reduced(picture: Picture, matrix: np.ndarray) -> tuple[Picture, np.ndarray]:
    """Halved first where it will be much smaller, or fine detail would turn into noise."""
    while min(abs(matrix[0, 0]), abs(matrix[1, 1])) < 0.4 and min(picture.shape[:2]) > 8:
        rows, columns = picture.shape[:2]
        half = (columns // 2, rows // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix.copy()
        for axis, gain in enumerate((columns / half[0], rows / half[1])):
            matrix[:, 2] += matrix[:, axis] * (gain - 1) / 2
            matrix[:, axis] *= gain
    return picture, matrix


def _move(xyxy: FloatArray, matrix: np.ndarray) -> FloatArray:
    x = xyxy[:, 0::2] * matrix[0, 0] + matrix[0, 2]
    y = xyxy[:, 1::2] * matrix[1, 1] + matrix[1, 2]
    # Mirrored, the left side becomes the right one.
    moved = np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)
    return moved.astype(np.float32)


def kept_on(objects: Objects, width: int, height: int, recipe: AugmentationRecipe) -> Objects:
    """Cut at the canvas's edges. One of which too little is left counts neither way from now on."""
    edge = np.array([width, height] * 2, np.float32)
    cut = np.clip(objects.xyxy, 0, edge)
    sides, before = cut[:, 2:] - cut[:, :2], objects.xyxy[:, 2:] - objects.xyxy[:, :2]
    share = sides.prod(axis=1) / np.maximum(before.prod(axis=1), 1e-9)
    small = sides.max(axis=1) < recipe.least_side_px
    ignored = objects.ignored | (share < recipe.keep_share) | small
    inside = sides.min(axis=1) > 0
    return replace(objects, xyxy=cut.astype(np.float32), ignored=ignored).select(inside)
