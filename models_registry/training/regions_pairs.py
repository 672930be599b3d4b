"""Examples for a region model: two pictures of one camera, and the cells in which they differ by an
object that counts. Everything else in which they differ (light, shake, noise, rain) is no mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.matching import overlaps
from models_registry.runtime.attention_regions import CELL
from models_registry.training.labelled import Objects
from models_registry.training.regions_cameras import CameraStills, Grey
from models_registry.training.regions_recipe import RegionsRecipe

Floats = NDArray[np.float32]
STOOD_IOU, MOVED_IOU = 0.97, 0.9  # of an object's boxes in the two pictures; between is unsure
MUCH_OF_CELL, MUCH_OF_BOX = 0.35, 0.6
SEEN_GREYS, SEEN_SHARE = 6.0, 0.1  # an object of which less differs by less cannot be noticed


@dataclass(frozen=True, slots=True)
class Pair:
    """``pictures`` (2, H, W) in 0–255, now and reference; ``target`` (h, w) 1 for a mark, 0 for
    none, -1 where either will do; ``boxes`` (N, 4): what must be noticed, in their pixels."""

    pictures: Floats
    target: Floats
    boxes: Floats


class Pairs:
    """Makes examples at random, all from one generator."""

    def __init__(
        self, recipe: RegionsRecipe, cameras: Sequence[CameraStills], cuts: Sequence[Grey]
    ) -> None:
        self._recipe, self._cameras, self._cuts = recipe, list(cameras), list(cuts)
        self._size = (recipe.network.input_width, recipe.network.input_height)

    def make(self, random: np.random.Generator, *, plain: bool = False) -> Pair:
        """``plain``: whole pictures as the cameras gave them, for measuring."""
        wishes = self._recipe.pairs
        camera = self._cameras[random.integers(len(self._cameras))]
        now = int(random.integers(len(camera.pictures)))
        far = int(random.integers(1, wishes.far + 1)) * (1 if random.random() < 0.5 else -1)
        then = min(max(now + far, 0), len(camera.pictures) - 1)
        if not plain and random.random() < wishes.still:
            then = now
        height, width = camera.pictures[now].shape
        moved, unsure = _changes(camera.objects[now], camera.objects[then])
        size = self._size if plain else wishes.part
        if plain:
            matrix = shaken = _fitted((width, height), size)
        else:
            matrix, shaken = self._placing((width, height), moved, random)
        pictures = np.stack(
            [
                _warped(camera.pictures[now], matrix, size),
                _warped(camera.pictures[then], shaken, size),
            ]
        )
        boxes, doubtful = (_placed(x, matrix, (width, height), size) for x in (moved, unsure))
        if not plain and self._cuts and random.random() < wishes.paste:
            boxes = np.concatenate([boxes, self._paste(pictures, random)])
        seen = np.array([_noticeable(pictures, box) for box in boxes], np.bool_)
        doubtful = np.concatenate([doubtful, boxes[~seen]])
        boxes = boxes[seen]
        if not plain:
            pictures = self._weathered(pictures, random)
        return Pair(pictures, _target(boxes, doubtful, size), boxes)

    def _placing(
        self, size: tuple[int, int], moved: Floats, random: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """Where the picture comes to lie, most often with something that moved within the part, and
        its reference a little beside it."""
        wishes = self._recipe.pairs
        scale = min(self._size[0] / size[0], self._size[1] / size[1])
        scale *= float(np.exp(random.uniform(*np.log(wishes.scale))))
        part = np.array(wishes.part)
        at = random.uniform(0, 1, 2)
        if len(moved) and random.random() < 0.7:
            box = moved[random.integers(len(moved))]
            at = (box[:2] + box[2:]) / 2
        mirrored = random.random() < 0.5
        if mirrored:
            at = np.array([1 - at[0], at[1]])
        shown = scale * np.array(size)
        # No more emptiness round the picture than there must be.
        room = part - shown
        start = random.uniform(0.1, 0.9, 2) * part - at * shown
        x, y = np.clip(start, np.minimum(room, 0), np.maximum(room, 0))
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        if mirrored:
            matrix[0] = [-scale, 0, x + shown[0]]
        shaken = matrix.copy()
        shaken[:, 2] += random.normal(0, wishes.shake_px / 2, 2)
        return matrix, shaken

    def _paste(self, pictures: Floats, random: np.random.Generator) -> Floats:
        """Puts an object into one of the two pictures, or into both a little apart."""
        cut = self._cuts[random.integers(len(self._cuts))]
        height, width = pictures.shape[1:]
        side = float(np.exp(random.uniform(np.log(5), np.log(50))))
        factor = side / max(cut.shape)
        size = [max(3, round(x * factor)) for x in cut.shape[::-1]]
        object_ = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        at = random.uniform([0, 0], np.maximum([width - size[0], height - size[1]], 1)).astype(int)
        # An oval with soft edges: the cut's corners show another picture's road.
        y, x = np.ogrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        cover = np.clip((1.15 - np.sqrt(np.abs(x) ** 3 + np.abs(y) ** 3)) * 4, 0, 1)
        boxes = []
        both = random.random() < 0.3
        for which in (0, 1) if both else (int(random.integers(2)),):
            x1, y1 = np.clip(at, 0, [max(0, width - size[0]), max(0, height - size[1])]).tolist()
            place = pictures[which, y1 : y1 + size[1], x1 : x1 + size[0]]
            rows, columns = place.shape
            shown = cover[:rows, :columns].astype(np.float32)
            place += shown * (object_[:rows, :columns] - place)
            boxes.append([x1, y1, x1 + columns, y1 + rows])
            at = at + random.normal(0, 0.5 * side, 2).astype(int)
        return np.array(boxes, np.float32).reshape(-1, 4)

    def _weathered(self, pictures: Floats, random: np.random.Generator) -> Floats:
        """What changes from picture to picture although nothing that counts does."""
        wishes = self._recipe.pairs
        gain, offset = np.exp(random.normal(0, 0.25)), random.normal(0, 12)
        both = np.float32(gain) * pictures + np.float32(offset)
        which = int(random.integers(2))
        both[which] = both[which] * (1 + random.normal(0, wishes.light / 2)) + random.normal(0, 4)
        if random.random() < wishes.cloud:
            both[which] *= _cloud(both.shape[1:], random)
        if random.random() < 0.15:
            both = np.stack([cv2.GaussianBlur(x, (0, 0), random.uniform(0.5, 1.2)) for x in both])
        grain = random.standard_normal(both.shape, np.float32)
        both += grain * np.float32(random.uniform(0, wishes.noise))
        clipped: Floats = np.clip(both, 0, 255).astype(np.float32)
        return clipped


def _fitted(size: tuple[int, int], room: tuple[int, int]) -> Floats:
    scale = min(room[0] / size[0], room[1] / size[1])
    return np.array([[scale, 0, 0], [0, scale, 0]], np.float32)


def _warped(picture: Grey, matrix: Floats, size: tuple[int, int]) -> Floats:
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32)


def _cloud(shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    """(H, W) a shade that begins somewhere and takes a while to become dark."""
    angle, where = random.uniform(0, 2 * np.pi), random.uniform(-0.6, 0.6)
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    along = np.cos(angle) * x + np.sin(angle) * y - where
    softness, depth = random.uniform(0.15, 0.8), random.uniform(-0.3, 0.3)
    shade: Floats = (1 + depth / (1 + np.exp(-along / softness * 4))).astype(np.float32)
    return shade


def _changes(now: Objects, then: Objects) -> tuple[Floats, Floats]:
    """(N, 4) boxes of what came, went or moved, and (M, 4) of what may have; 0–1."""
    moved, unsure = [], [now.xyxy[now.ignored], then.xyxy[then.ignored]]
    for one, other in ((now, then), (then, now)):
        told = one.xyxy[~one.ignored]
        best = np.zeros(len(told))
        if len(told) and len(other):
            common = overlaps(told.astype(np.float64), other.xyxy.astype(np.float64))
            # What the other picture shows doubtfully may be the same thing standing still.
            best = common.max(axis=1)
        moved.append(told[best < MOVED_IOU])
        unsure.append(told[(best >= MOVED_IOU) & (best < STOOD_IOU)])
    return np.concatenate(moved), np.concatenate(unsure)


def _placed(
    boxes: Floats, matrix: Floats, size: tuple[int, int], canvas: tuple[int, int]
) -> Floats:
    """Boxes in 0–1 of a picture of ``size`` → pixels of the canvas where ``matrix`` puts it; those
    of which nothing shows are left out."""
    pixels = boxes * np.array([*size, *size], np.float32)
    x = np.sort(pixels[:, [0, 2]] * matrix[0, 0] + matrix[0, 2], axis=1)
    y = pixels[:, [1, 3]] * matrix[1, 1] + matrix[1, 2]
    placed: Floats = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    shows = (placed[:, 2:] > 0).all(axis=1) & (placed[:, :2] < np.array(canvas)).all(axis=1)
    return placed[shows]


def _noticeable(pictures: Floats, box: Floats) -> bool:
    height, width = pictures.shape[1:]
    x1, y1 = np.maximum(box[:2], 0).astype(int)
    x2, y2 = np.minimum(np.ceil(box[2:]), [width, height]).astype(int)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return False
    part = np.abs(pictures[0, y1:y2, x1:x2] - pictures[1, y1:y2, x1:x2])
    return bool((part > SEEN_GREYS).mean() > SEEN_SHARE)


def _target(boxes: Floats, doubtful: Floats, size: tuple[int, int]) -> Floats:
    columns, rows = size[0] // CELL, size[1] // CELL
    target = np.zeros((rows, columns), np.float32)
    for box in doubtful:
        target[_share(box, rows, columns) > 0] = -1
    shares = [(box, _share(box, rows, columns)) for box in boxes]
    for _, share in shares:
        target[share > 0] = -1
    for box, share in shares:
        area = float((box[2] - box[0]) * (box[3] - box[1])) / CELL**2
        target[(share >= MUCH_OF_CELL) | (share >= MUCH_OF_BOX * max(area, 1e-6))] = 1
    return target


def _share(box: Floats, rows: int, columns: int) -> Floats:
    """(rows, columns) how much of each cell a box covers."""
    x = np.clip(box[[0, 2]] / CELL - np.arange(columns)[:, None], 0, 1)
    y = np.clip(box[[1, 3]] / CELL - np.arange(rows)[:, None], 0, 1)
    share: Floats = ((y[:, 1] - y[:, 0])[:, None] * (x[:, 1] - x[:, 0])).astype(np.float32)
    return share
