"""What a model file finds of labelled pictures: manage.py evaluate MODEL.onnx DATA."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.benchmarking.accuracy import Accuracy, ClassAccuracy
from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.errors import listed
from models_registry.benchmarking.evaluation_set import ANNOTATIONS
from models_registry.errors import Refused
from models_registry.management.commands.train import render
from models_registry.runtime.contract import ContractInvalid, check_names
from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import Examination, examine
from models_registry.training.fields import invalid
from models_registry.training.history import shown
from models_registry.training.labelled import LabelledSource
from models_registry.training.made_sets import Said, source_folder
from models_registry.training.recipe import ROAD_USERS, Recipe, SourceRecipe
from models_registry.training.recipe_file import load_recipe
from models_registry.training.sources import read_source

Known = Callable[[], tuple[str, ...]]
"""The classes that the model names, asked for where they matter: then the file is read."""


class Command(BaseCommand):
    help = "Prints average precision per class of a model file on a folder, or a recipe's sets."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", type=Path, help="ONNX file; its contract may lie beside it")
        parser.add_argument(
            "sets", type=Path, metavar="DATA", help="folder of pictures and labels, or RECIPE.toml"
        )
        parser.add_argument("--data", type=Path, help="what a recipe's paths are relative to")
        parser.add_argument("--kept", type=Path, help="pictures rendered for a recipe")
        parser.add_argument("--contract", type=Path, help="JSON file; may be partial")
        parser.add_argument("--names", default="", help="classes of YOLO labels in their order")
        parser.add_argument(
            "--labelled",
            default="",
            help="classes of which every object is named; default: those with a box",
        )
        parser.add_argument("--most", type=int, help="at most so many pictures, evenly spread")
        parser.add_argument("--json", action="store_true", help="everything, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            contract = options["contract"] and check_names(options["contract"].read_bytes())
            examinations = _examinations(options, contract, self.stderr.write)
            found = {x.name: examine(options["model"], x, contract) for x in examinations}
        except TrainingFailed as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        except Refused as refused:
            raise CommandError(f"{refused.code}: {refused.message}") from refused
        except ContractInvalid as error:
            raise CommandError(f"{options['contract']}: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        if options["json"]:
            document = {name: _plain(accuracy) for name, accuracy in found.items()}
            self.stdout.write(json.dumps(document, indent=2))
            return
        for name, accuracy in found.items():
            self.stdout.write(f"{name}: {accuracy.images} pictures")
            for line in _lines(accuracy):
                self.stdout.write(f"  {line}")


def _examinations(
    options: dict[str, Any], contract: dict[str, Any] | None, said: Said
) -> list[Examination]:
    path, most = options["sets"], options["most"]
    low, high = SourceRecipe.LIMITS["most"]
    if most is not None and not low <= most <= high:
        raise invalid("--most", f"{low} to {high}", most)
    known = cache(lambda: _classes_of(options["model"], contract))
    if path.suffix == ".toml":
        examinations = _of_recipe(path, options, said)
    else:
        examinations = [_of_folder(path, options, known)]
    covered = sorted({name for x in examinations for name in x.labels.classes_covered})
    if not set(covered).intersection(known()):
        raise TrainingFailed(
            "labels_invalid",
            f"{path}: expected labels of a class that the model names"
            f" ({', '.join(listed(list(known())))}), found {', '.join(covered) or 'none'}",
        )
    return examinations


def _classes_of(path: Path, contract: dict[str, Any] | None) -> tuple[str, ...]:
    try:
        labels = load_detector(path, contract, warm_up=False).labels
    except ModelUnusable as error:
        raise TrainingFailed("model_unusable", f"{path.name}: {error}") from error
    return tuple(dict.fromkeys(class_name(x) for x in labels))


def _of_recipe(path: Path, options: dict[str, Any], said: Said) -> list[Examination]:
    recipe: Recipe = load_recipe(path)
    data = options["data"] or path.parent
    if not recipe.evaluation:
        raise TrainingFailed("recipe_invalid", f"{path}: expected [[evaluation]], found none")
    kept = options["kept"] or settings.DATA_DIR / "training" / "kept"
    folders = [source_folder(x, data, kept, render, said) for x in recipe.evaluation]
    return [
        Examination.of(read_source(x, recipe.classes, folder), recipe.classes)
        for x, folder in zip(recipe.evaluation, folders, strict=True)
    ]


def _of_folder(path: Path, options: dict[str, Any], known: Known) -> Examination:
    names = _listed(options["names"])
    labelled = tuple(class_name(x) for x in _listed(options["labelled"]))
    stored = (path / ANNOTATIONS).is_file()
    coco = not stored and not names and any(path.glob("*.json"))
    source = SourceRecipe(
        name=path.name or "data",
        format="set" if stored else "coco" if coco else "yolo",
        path=str(path),
        names=names,
        labelled=labelled or (None if stored else ()),
        most=options["most"],
    )
    classes = tuple(dict.fromkeys((*ROAD_USERS, *labelled)))
    found = _looked_for(source, classes, path)
    if not labelled and not set(found.labelled_classes(classes)).intersection(known()):
        others = _looked_for(source, known(), path)
        if others.labelled_classes(known()):
            return Examination.of(others, known())
    return Examination.of(found, classes)


def _looked_for(source: SourceRecipe, classes: tuple[str, ...], path: Path) -> LabelledSource:
    """The folder, with those classes labelled that somebody seems to have looked for."""
    found = read_source(source, classes, path)
    if source.labelled != ():
        return found
    # Nobody said what was looked for: a class without a single box probably was not.
    seen = tuple(name for name, count in found.counts(classes).items() if count)
    return read_source(replace(source, labelled=seen), classes, path) if seen else found


def _listed(words: str) -> tuple[str, ...]:
    return tuple(x.strip() for x in words.split(",") if x.strip())


def _lines(accuracy: Accuracy) -> list[str]:
    head = f"{'':14}{'objects':>8}{'AP50':>7}{'90 % of redraws':>18}{'AP50:95':>9}{'best at':>9}"
    rows = [_line(name, found) for name, found in accuracy.classes.items()]
    if accuracy.any_vehicle:
        rows.append(_line("any vehicle", accuracy.any_vehicle))
    means = (
        f"{'mean':14}{'':8}{shown(accuracy.mean_ap50):>7}{'':18}{shown(accuracy.mean_ap50_95):>9}"
    )
    return [head, *rows, means]


def _line(name: str, found: ClassAccuracy) -> str:
    between = f"{shown(found.ap50_low)}–{shown(found.ap50_high)}" if found.ap50 is not None else "–"
    best = shown(found.best.threshold if found.best else None)
    return (
        f"{name:14}{found.objects:>8}{shown(found.ap50):>7}{between:>18}"
        f"{shown(found.ap50_95):>9}{best:>9}"
    )


def _plain(accuracy: Accuracy) -> dict[str, Any]:
    def of(found: ClassAccuracy) -> dict[str, Any]:
        best = asdict(found.best) if found.best else None
        figures = ("objects", "found", "ap50", "ap50_low", "ap50_high", "ap50_95")
        return {**{name: getattr(found, name) for name in figures}, "best": best}

    vehicle = accuracy.any_vehicle
    return {
        "pictures": accuracy.images,
        "classes": {name: of(found) for name, found in accuracy.classes.items()},
        "any_vehicle": of(vehicle) if vehicle else None,
        "mean_ap50": accuracy.mean_ap50,
        "mean_ap50_95": accuracy.mean_ap50_95,
    }
