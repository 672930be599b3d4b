"""A classifier's whole training: pictures, teacher, loop, file and card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch

from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.training.classifier_card import Examined, classifier_card
from models_registry.training.classifier_file import ClassifierFile
from models_registry.training.classifier_network import ClassifierNet
from models_registry.training.classifier_pictures import (
    WEATHERS,
    KindBatches,
    examined,
    read_kinds,
)
from models_registry.training.classifier_recipe import ClassifierRecipe
from models_registry.training.classifier_trainer import ClassifierTrainer
from models_registry.training.errors import TrainingFailed
from models_registry.training.export import takes_bytes, write
from models_registry.training.onnx_graph import to_onnx
from models_registry.training.places import Places, set_up
from models_registry.training.provenance import provenance
from models_registry.training.run import Said, notes
from models_registry.training.soft_targets import file_teacher


def train_classifier(
    recipe: ClassifierRecipe,
    places: Places,
    *,
    distil: bool = False,
    resume: bool = False,
    said: Said = print,
    stop: Callable[[], bool] = lambda: False,
) -> Path | None:
    """The model file; ``None`` if it was stopped before the end. Raises ``TrainingFailed``.

    ``distil``: the recipe's teacher is asked; without, it is as if there were none.
    """
    if distil and recipe.teacher is None:
        raise TrainingFailed("recipe_invalid", "expected a [teacher] to distil from")
    facts, path = provenance(torch.__version__), places.out / f"{recipe.name}.onnx"
    set_up(recipe.schedule, places, path, resume=resume)
    learnt = read_kinds(recipe.pictures, places.data, held_out=False)
    held_out = read_kinds(recipe.pictures, places.data, held_out=True)
    said(f"{len(learnt.paths)} pictures, {len(held_out.paths)} held out of {len(learnt.classes)}")
    teach = None
    if distil and recipe.teacher is not None:
        teach = file_teacher(recipe.teacher, learnt.classes, places.data)
    size = (recipe.network.input_width, recipe.network.input_height)
    shown = {x: examined(held_out, size, x) for x in WEATHERS}

    def export(net: ClassifierNet, step: int) -> None:
        export_classifier(net, recipe, learnt.classes, path, notes(recipe, facts, step))

    def evaluate(net: ClassifierNet, step: int) -> dict[str, float]:
        export(net, step)
        file = ClassifierFile(path)
        found = {x: file.accuracy(pixels, held_out.kinds) for x, pixels in shown.items()}
        said(f"step {step}: " + ", ".join(f"{x} {share:.1%}" for x, share in found.items()))
        return found

    trainer = ClassifierTrainer(
        recipe,
        len(learnt.classes),
        folder=places.out,
        resume=resume,
        teach=teach,
        evaluate=evaluate,
        said=said,
    )
    finished = trainer.run(KindBatches(recipe, learnt).draw, stop)
    export(trainer.averaged, trainer.step)
    if not finished:
        return None
    model = onnx.load(path)
    made = Examined(
        classes=learnt.classes,
        learnt=len(learnt.paths),
        held_out=len(held_out.paths),
        accuracy=trainer.evaluations[-1][1],
        file_bytes=path.stat().st_size,
        parameters=count_parameters(model),
        macs=count_macs(model) or 0,
        seconds=trainer.seconds,
    )
    write(path.with_suffix(".md"), classifier_card(recipe, made, facts).encode())
    return path


def export_classifier(
    net: ClassifierNet,
    recipe: ClassifierRecipe,
    classes: tuple[str, ...],
    path: Path,
    told: dict[str, str],
) -> None:
    """Writes ``path``: (1, 3, H, W) RGB in 0–255 → (1, classes) logits, the classes' names and the
    task in its metadata. The registry recognises it as a classifier and does not run it as a
    detector, so it has no contract beside it."""
    shape = (1, 3, recipe.network.input_height, recipe.network.input_width)
    model = to_onnx(takes_bytes(net), shape, (1, len(classes)))
    names = repr(dict(enumerate(classes)))
    onnx.helper.set_model_props(model, {"names": names, "task": "classify", **told})
    write(path, model.SerializeToString())
