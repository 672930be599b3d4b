"""Pictures in one folder per class: what a classifier learns from, and what it is examined on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.drafts import PICTURES
from models_registry.training.classifier_recipe import ClassifierRecipe, PicturesRecipe
from models_registry.training.errors import TrainingFailed
from models_registry.training.geometry import Drawn, one_picture
from models_registry.training.labelled import make_objects
from models_registry.training.pictures import Picture, PictureStore
from models_registry.training.weather import EFFECTS, weathered

LARGEST = 1.5  # pictures are kept so much larger than the network's input, for crops
WEATHERS = ("clean", "rain", "snow", "fog", "blur", "night")
WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)


@dataclass(frozen=True, slots=True)
class KindPictures:
    """``paths`` and class numbers (N,) in ``classes``."""

    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    kinds: NDArray[np.int64]


def read_kinds(recipe: PicturesRecipe, data: Path, *, held_out: bool) -> KindPictures:
    """One side of the split. Raises ``TrainingFailed`` (``labels_invalid``)."""
    root = data / recipe.path
    found = sorted(x.name for x in root.iterdir() if x.is_dir()) if root.is_dir() else []
    classes = recipe.classes or tuple(found)
    if len(classes) < 2 or set(classes) - set(found):
        wanted = list(recipe.classes) or "one folder per class, two at least"
        raise TrainingFailed("labels_invalid", f"{root}: expected {wanted}, found {found}")
    paths: list[Path] = []
    kinds: list[int] = []
    for number, name in enumerate(classes):
        listed = sorted(x for x in (root / name).iterdir() if x.suffix.lower() in PICTURES)
        border = len(listed) - round(len(listed) * recipe.hold_out)
        if not 0 < border < len(listed):
            raise TrainingFailed(
                "labels_invalid", f"{root / name}: expected pictures enough to hold some out"
            )
        part = listed[border:] if held_out else listed[:border]
        paths += part
        kinds += [number] * len(part)
    return KindPictures(classes, tuple(paths), np.array(kinds, np.int64))


class KindBatches:
    """What a batch holds depends on its number, recipe and seed alone, not on the network."""

    def __init__(self, recipe: ClassifierRecipe, pictures: KindPictures) -> None:
        self._recipe = recipe
        self._size = (recipe.network.input_width, recipe.network.input_height)
        self._members = [np.flatnonzero(pictures.kinds == x) for x in range(len(pictures.classes))]
        largest = (int(self._size[0] * LARGEST), int(self._size[1] * LARGEST))
        self._store = PictureStore(pictures.paths, largest, recipe.schedule.memory_mb)

    def draw(self, step: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(B, 3, H, W) RGB and (B,) class numbers, each class as likely as the others."""
        rng = np.random.default_rng([self._recipe.seed, step])
        kinds = rng.integers(len(self._members), size=self._recipe.schedule.batch)
        drawn = [self._draw(int(rng.choice(self._members[kind])), rng) for kind in kinds]
        return planes(drawn), kinds

    def _draw(self, number: int, rng: np.random.Generator) -> Picture:
        recipe = self._recipe.augmentation
        whole = make_objects([(tuple(WHOLE[0].tolist()), 0, 1.0, False)])
        drawn = Drawn(self._store[number], whole, np.ones(1, np.bool_))
        placed = one_picture(drawn, *self._size, recipe, rng)
        return weathered(placed.picture, placed.objects.xyxy, recipe, rng)


def examined(
    pictures: KindPictures, size: tuple[int, int], weather: str, seed: int = 0
) -> NDArray[np.uint8]:
    """(N, 3, H, W) RGB of ``size`` (width, height), in one of ``WEATHERS``.

    The weather is that of the augmentation, drawn anew for each picture and always the same for a
    seed. Raises ``TrainingFailed`` (``picture_unreadable``).
    """
    store = PictureStore(pictures.paths, (100_000, 100_000), 0)
    shown = []
    for number in range(len(store)):
        picture = store[number]
        if weather != "clean":
            rng = np.random.default_rng([seed, WEATHERS.index(weather), number])
            box = WHOLE * np.array([picture.shape[1], picture.shape[0]] * 2, np.float32)
            picture = EFFECTS[weather](picture, box, rng)
        shown.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))
    return planes(shown)


def planes(pictures: list[Picture]) -> NDArray[np.uint8]:
    """BGR pictures of one size → (N, 3, H, W) RGB."""
    return np.stack([x[..., ::-1].transpose(2, 0, 1) for x in pictures])
