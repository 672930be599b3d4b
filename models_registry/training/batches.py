"""Batches by number: what batch 17 of a training holds depends on recipe and seed alone.

So a run that was broken off goes on with the pictures that it would have seen, and any number of
processes may prepare them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models_registry.training.errors import TrainingFailed
from models_registry.training.geometry import Drawn, four_pictures, one_picture
from models_registry.training.labelled import LabelledSource, Objects
from models_registry.training.pasting import Stock
from models_registry.training.pictures import PictureStore
from models_registry.training.recipe import Recipe
from models_registry.training.weather import weathered

LARGEST = 1.5  # pictures are kept so much larger than the network's input, for crops


@dataclass(frozen=True, slots=True)
class Batch:
    """``pixels`` (B, 3, H, W) uint8 RGB; ``rows`` (N, 7): picture, class, corners in pixels, score;
    ``ignored`` (M, 6): picture, class or -1 for any, corners; ``labelled`` (B, C); ``clear``:
    ``pixels`` before light and weather, where a teacher is to see them so."""

    pixels: NDArray[np.uint8]
    rows: NDArray[np.float32]
    ignored: NDArray[np.float32]
    labelled: NDArray[np.bool_]
    clear: NDArray[np.uint8] | None = None


class Batches:
    """``batches[step]``. Raises ``TrainingFailed`` where a picture cannot be read."""

    def __init__(self, recipe: Recipe, sources: tuple[LabelledSource, ...]) -> None:
        self._recipe = recipe
        self._pictures = [x for source in sources for x in source.pictures]
        share = np.concatenate([[x.share / len(x.pictures)] * len(x.pictures) for x in sources])
        self._reach = np.cumsum(share / share.sum())
        network = recipe.network
        largest = (int(network.input_width * LARGEST), int(network.input_height * LARGEST))
        paths = [x.path for x in self._pictures]
        self._store = PictureStore(paths, largest, recipe.schedule.memory_mb)
        self._stock = Stock(sources, self._store)

    def __len__(self) -> int:
        return self._recipe.schedule.steps

    def __getitem__(self, step: int) -> Batch:
        recipe, schedule = self._recipe, self._recipe.schedule
        if not 0 <= step < len(self):
            raise IndexError(step)
        rng = np.random.default_rng([recipe.seed, step])
        width, height = self._size(rng)
        calm = step >= schedule.steps * (1 - schedule.calm_share)
        both = [self._draw(rng, width, height, calm) for _ in range(schedule.batch)]
        clear, drawn = zip(*both, strict=True)
        rows, ignored = _tables([x.objects for x in drawn])
        labelled = np.stack([x.labelled for x in drawn])
        shown = _pixels(clear) if recipe.teacher and recipe.teacher.clear else None
        return Batch(_pixels(drawn), rows, ignored, labelled, shown)

    def handed_over(self) -> _HandedOver:
        """The same for a loader's processes."""
        return _HandedOver(self)

    def _size(self, rng: np.random.Generator) -> tuple[int, int]:
        network, factors = self._recipe.network, self._recipe.schedule.multi_scale
        factor, stride = factors[int(rng.integers(len(factors)))], max(network.strides)
        sides = (x * factor for x in network.sizes[int(rng.integers(len(network.sizes)))])
        width, height = (max(stride, round(x / stride) * stride) for x in sides)
        return width, height

    def _draw(
        self, rng: np.random.Generator, width: int, height: int, calm: bool
    ) -> tuple[Drawn, Drawn]:
        """A picture, and the same in some light and weather."""
        recipe = self._recipe.augmentation

        def draw() -> Drawn:
            number = min(int(np.searchsorted(self._reach, rng.random())), len(self._store) - 1)
            known = self._pictures[number]
            return Drawn(self._store[number], known.objects, known.labelled)

        if not calm and rng.random() < recipe.mosaic:
            drawn = four_pictures(draw, width, height, recipe, rng)
        else:
            drawn = one_picture(draw(), width, height, recipe, rng)
        if not calm and rng.random() < recipe.paste:
            drawn = self._stock.lay_on(drawn, rng)
        shining = drawn.objects.xyxy[~drawn.objects.ignored]
        return drawn, replace(drawn, picture=weathered(drawn.picture, shining, recipe, rng))


def calm_batches(recipe: Recipe, sources: tuple[LabelledSource, ...], pictures: int) -> Batches:
    """At least so many pictures as the last steps of a training show them: no mosaic, nothing
    pasted."""
    steps = math.ceil(pictures / recipe.schedule.batch)
    schedule = replace(recipe.schedule, steps=steps, calm_share=1.0)
    return Batches(replace(recipe, schedule=schedule), sources)


class _HandedOver:
    """Gives a failure as a value: one that is raised in a loader's process torch raises again with
    a traceback for its message, and without its code."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> Batch | TrainingFailed:
        try:
            return self._batches[step]
        except TrainingFailed as error:
            return error


def _pixels(drawn: Sequence[Drawn]) -> NDArray[np.uint8]:
    return np.stack([x.picture[..., ::-1].transpose(2, 0, 1) for x in drawn])


def _tables(found: list[Objects]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, ignored = [], []
    for number, objects in enumerate(found):
        table = np.column_stack(
            [np.full(len(objects), number), objects.kind, objects.xyxy, objects.score]
        ).astype(np.float32)
        rows.append(table[~objects.ignored])
        ignored.append(table[objects.ignored, :6])
    return np.concatenate(rows), np.concatenate(ignored)
