"""What the training of a classifier is to do: ``task = "classify"`` in a recipe's file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from models_registry.training.fields import invalid, read_table
from models_registry.training.recipe import AugmentationRecipe, Recipe, ScheduleRecipe
from models_registry.training.recipe_file import read_recipe
from models_registry.training.recipe_toml import read_toml

WORDS = ("name", "licence", "notes", "limits")
LARGEST_STEP = 4  # what the coarsest stem takes at once: sides are its multiples


@dataclass(frozen=True, slots=True)
class ClassifierNetworkRecipe:
    """``width`` and ``depth`` as for detectors. ``stem``: a word of ``stems.py``. ``stages``: so
    many of the trunk's, the last ones; each halves what the stem gives. ``band_cost``: what the
    gates of ``gated_bands`` add to the loss while all of them are open."""

    input_width: int = 96
    input_height: int = 96
    stem: str = "bands"
    width: float = 1.0
    depth: float = 1.0
    stages: int = 3
    band_cost: float = 0.1

    LIMITS: ClassVar = {
        "input_width": (16, 1024),
        "input_height": (16, 1024),
        "width": (0.1, 8),
        "depth": (0.1, 8),
        "stages": (1, 4),
        "band_cost": (0, 10),
    }
    CHOICES: ClassVar = {"stem": ("plain", "whole", "downscaled", "bands", "gated_bands")}


@dataclass(frozen=True, slots=True)
class PicturesRecipe:
    """A folder with one folder of pictures per class.

    ``hold_out``: the last part of each class, by file name, is examined on and never learnt from.
    In one piece, since neighbours often show the same object. ``classes``: default all folders.
    """

    path: str
    hold_out: float = 0.2
    classes: tuple[str, ...] = ()

    LIMITS: ClassVar = {"hold_out": (0.01, 0.9)}


@dataclass(frozen=True, slots=True)
class SoftTargetRecipe:
    """An ONNX classifier of the same classes to learn from: ``part`` of the loss is the distance to
    its answers softened by ``temperature`` (Hinton et al. 2015)."""

    path: str
    temperature: float = 3.0
    part: float = 0.7

    LIMITS: ClassVar = {"temperature": (0.1, 100), "part": (0, 1)}


CALM = AugmentationRecipe(mosaic=0.0, scale=(0.9, 1.2))


@dataclass(frozen=True, slots=True)
class ClassifierRecipe:
    """A whole training."""

    name: str
    pictures: PicturesRecipe
    schedule: ScheduleRecipe
    network: ClassifierNetworkRecipe = ClassifierNetworkRecipe()
    augmentation: AugmentationRecipe = CALM
    teacher: SoftTargetRecipe | None = None
    seed: int = 1
    licence: str = ""
    notes: str = ""
    limits: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for checkpoints and cards."""
        return asdict(self)


_PARTS: dict[str, type[Any]] = {
    "pictures": PicturesRecipe,
    "schedule": ScheduleRecipe,
    "network": ClassifierNetworkRecipe,
    "augmentation": AugmentationRecipe,
    "teacher": SoftTargetRecipe,
}


def load_training(path: Path) -> Recipe | ClassifierRecipe:
    """Of whichever task the file states. Raises ``TrainingFailed`` (``recipe_invalid``)."""
    document = read_toml(path)
    task = document.pop("task", None)
    if task is None:
        return read_recipe(document)
    if task != "classify":
        raise invalid("task", '"classify", or none for a detector', task)
    return read_classifier_recipe(document)


def read_classifier_recipe(document: dict[str, Any]) -> ClassifierRecipe:
    """Raises ``TrainingFailed`` (``recipe_invalid``), naming the field."""
    known = {*_PARTS, *WORDS, "seed"}
    if unknown := sorted(set(document) - known):
        raise invalid("recipe", f"fields among {sorted(known)}", unknown)
    if missing := sorted({"name", "pictures", "schedule"} - set(document)):
        raise invalid("recipe", "name, [pictures] with a path, [schedule] with steps", missing)
    given: dict[str, Any] = {
        part: read_table(kind, document[part], part)
        for part, kind in _PARTS.items()
        if part in document and part != "augmentation"
    }
    given["augmentation"] = _augmentation(document.get("augmentation", {}))
    for word in (x for x in WORDS if x in document):
        if not isinstance(document[word], str):
            raise invalid(word, "a text", document[word])
        given[word] = document[word]
    if type(document.get("seed", 1)) is not int or document.get("seed", 1) < 0:
        raise invalid("seed", "a whole number, 0 or more", document["seed"])
    return _checked(ClassifierRecipe(**given, seed=document.get("seed", 1)))


def _augmentation(table: object) -> AugmentationRecipe:
    if isinstance(table, dict):
        table = {"mosaic": CALM.mosaic, "scale": list(CALM.scale), **table}
    return read_table(AugmentationRecipe, table, "augmentation")


def _checked(recipe: ClassifierRecipe) -> ClassifierRecipe:
    if not recipe.name.strip() or "/" in recipe.name:
        raise invalid("name", "a file name", recipe.name)
    if recipe.augmentation.mosaic:
        raise invalid("augmentation.mosaic", "0: a picture shows one class", recipe.augmentation)
    low, high = recipe.augmentation.scale
    if low > high:
        raise invalid("augmentation.scale", "the smaller factor first", [low, high])
    for side in ("input_width", "input_height"):
        if getattr(recipe.network, side) % LARGEST_STEP:
            raise invalid(
                f"network.{side}", f"a multiple of {LARGEST_STEP}", getattr(recipe.network, side)
            )
    if recipe.schedule.multi_scale != (1.0,) or recipe.schedule.workers:
        raise invalid("schedule", "neither multi_scale nor workers", "one of them")
    return recipe
