"""Reads a recipe's TOML file, and refuses one that asks for the impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models_registry.benchmarking.classes import class_name
from models_registry.training.fields import invalid, read_table
from models_registry.training.recipe import (
    ROAD_USERS,
    AdjustRecipe,
    AugmentationRecipe,
    FinetuneRecipe,
    LossRecipe,
    NetworkRecipe,
    QuantizeRecipe,
    Recipe,
    ScheduleRecipe,
    SourceRecipe,
    TeacherRecipe,
)
from models_registry.training.recipe_toml import read_toml

_PARTS: dict[str, type[Any]] = {
    "network": NetworkRecipe,
    "augmentation": AugmentationRecipe,
    "loss": LossRecipe,
    "schedule": ScheduleRecipe,
    "teacher": TeacherRecipe,
    "finetune": FinetuneRecipe,
    "adjust": AdjustRecipe,
    "quantize": QuantizeRecipe,
}
_WORDS = ("name", "licence", "notes", "limits")


def load_recipe(path: Path) -> Recipe:
    """Raises ``TrainingFailed`` (``recipe_invalid``)."""
    return read_recipe(read_toml(path))


def read_recipe(document: dict[str, Any]) -> Recipe:
    """Raises ``TrainingFailed`` (``recipe_invalid``), naming the field."""
    known = {*_PARTS, *_WORDS, "source", "evaluation", "classes", "seed"}
    if unknown := sorted(set(document) - known):
        raise invalid("recipe", f"fields among {sorted(known)}", unknown)
    if "schedule" not in document:
        raise invalid("recipe", "a table [schedule] with steps", sorted(document))
    given: dict[str, Any] = {
        part: read_table(kind, document[part], part)
        for part, kind in _PARTS.items()
        if part in document
    }
    for word in _WORDS:
        if not isinstance(document.get(word, ""), str):
            raise invalid(word, "a text", document[word])
        given[word] = document.get(word, "")
    given["sources"] = _sources(document, "source")
    given["evaluation"] = _sources(document, "evaluation")
    for name, kind in (("classes", list), ("seed", int)):
        if name in document and type(document[name]) is not kind:
            raise invalid(name, "a list of names" if kind is list else "a number", document[name])
    given["classes"] = tuple(class_name(str(x)) for x in document.get("classes", ROAD_USERS))
    given["seed"] = document.get("seed", 1)
    return _checked(Recipe(**given))


def _sources(document: dict[str, Any], part: str) -> tuple[SourceRecipe, ...]:
    tables = document.get(part, [])
    if not isinstance(tables, list):
        raise invalid(part, f"tables [[{part}]]", tables)
    return tuple(read_table(SourceRecipe, x, f"{part}[{i}]") for i, x in enumerate(tables))


def _checked(recipe: Recipe) -> Recipe:
    plain = recipe.name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isalnum():
        raise invalid("name", "a name of letters, digits, . - and _", recipe.name or None)
    if not recipe.sources:
        raise invalid("recipe", "at least one [[source]]", None)
    if not recipe.classes:
        raise invalid("classes", "at least one class", [])
    if len(set(recipe.classes)) != len(recipe.classes):
        raise invalid("classes", "names that differ", recipe.classes)
    if recipe.seed < 0:
        raise invalid("seed", "0 or more", recipe.seed)
    _check_sides(recipe.network)
    strides, more = recipe.network.strides, recipe.network.more_blocks
    if len(more) > len(strides):
        raise invalid("network.more_blocks", f"one number for each of {list(strides)}", list(more))
    low, high = recipe.augmentation.scale
    if low > high:
        raise invalid("augmentation.scale", "the smaller factor first", [low, high])
    if recipe.teacher:
        _check_teacher(recipe.teacher, strides)
    if recipe.adjust:
        _check_adjust(recipe.adjust, recipe)
    for part, sources in (("source", recipe.sources), ("evaluation", recipe.evaluation)):
        names = [x.name for x in sources]
        for index, source in enumerate(sources):
            # Figures are told, and a recipe that builds on this one changes them, by name.
            if source.name in names[:index]:
                raise invalid(f"{part}[{index}].name", "names that differ", source.name)
            _check_source(source, f"{part}[{index}]", recipe)
    return recipe


def _check_teacher(teacher: TeacherRecipe, strides: tuple[int, ...]) -> None:
    if teacher.least > teacher.sure:
        raise invalid("teacher.least", "at most teacher.sure", teacher.least)
    if teacher.maps and not teacher.likeness:
        raise invalid("teacher.likeness", "a weight above 0 for teacher.maps", teacher.likeness)
    if teacher.likeness and len(teacher.maps) != len(strides):
        raise invalid("teacher.maps", f"a tensor for each of {list(strides)}", list(teacher.maps))
    if teacher.clear and not teacher.beside:
        raise invalid("teacher.clear", "cells or likeness above 0, to which it belongs", "neither")


def _check_adjust(adjust: AdjustRecipe, recipe: Recipe) -> None:
    names, known = adjust.classes, recipe.classes
    if len(names) < 2 or len(set(names)) < len(names) or not set(names) <= set(known):
        raise invalid("adjust.classes", f"two or more of {list(known)}", list(names))
    if recipe.network.stem != "plain":
        raise invalid("network.stem", "plain, for [adjust]", recipe.network.stem)


def _check_sides(network: NetworkRecipe) -> None:
    stride = max(network.strides)
    for side in ("input_width", "input_height"):
        if getattr(network, side) % stride:
            raise invalid(f"network.{side}", f"a multiple of {stride}", getattr(network, side))
    for index, canvas in enumerate(network.canvases):
        low, high = NetworkRecipe.LIMITS["input_width"]
        if any(x % stride or not low <= x <= high for x in canvas):
            raise invalid(
                f"network.canvases[{index}]", f"multiples of {stride}, {low} to {high}", canvas
            )


def _check_source(source: SourceRecipe, place: str, recipe: Recipe) -> None:
    if source.format == "simulation" and not source.urls:
        raise invalid(f"{place}.urls", "sim:// URLs", source.urls)
    if source.format != "simulation" and not source.path:
        raise invalid(f"{place}.path", "a folder or file", source.path)
    if source.format == "crops" and not source.names:
        raise invalid(f"{place}.names", "a folder per class", source.names)
    if source.format in ("yolo", "coco", "crops") and source.labelled is None:
        raise invalid(f"{place}.labelled", "the classes of which every object is labelled", None)
    strangers = sorted({class_name(x) for x in source.labelled or ()} - set(recipe.classes))
    if strangers:
        raise invalid(f"{place}.labelled", f"classes among {list(recipe.classes)}", strangers)
    _check_rename(source, place, recipe)
    if source.format == "stills" and (recipe.teacher is None or not source.teacher):
        raise invalid(place, "a [teacher] for pictures without labels", None)
    if place.startswith("evaluation") and source.format == "stills":
        raise invalid(place, "labelled pictures", "stills")


def _check_rename(source: SourceRecipe, place: str, recipe: Recipe) -> None:
    """Under a word that plays no part the labels would vanish without a sound."""
    ours = {*recipe.classes, *(class_name(x) for x in source.ignored)}
    strangers = sorted({class_name(x) for x in source.rename.values()} - ours)
    if strangers:
        raise invalid(
            f"{place}.rename", f"words for classes among {list(recipe.classes)}", strangers
        )
