"""A teacher of the student's own family: what it says of each cell, beside its boxes."""

from __future__ import annotations

from pathlib import Path

import onnx

from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.finetune_detector import Agreement, DetectorGraph
from models_registry.training.recipe import Recipe
from models_registry.training.trainer import Beside


def cells_teacher(recipe: Recipe, data: Path) -> Beside | None:
    """The further loss that ``teacher.cells`` asks for, ``None`` without it.

    Scores and sides of all cells, also where the teacher would not say that there is a box: what it
    nearly took for one tells the student more than the labels do. Raises ``TrainingFailed``
    (``teacher_unusable``) for a file whose cells are not the student's.
    """
    teacher, network = recipe.teacher, recipe.network
    if teacher is None or not teacher.cells:
        return None
    path = data / teacher.path
    try:
        contract = load_detector(path, warm_up=False).contract
        graph = DetectorGraph(onnx.load(path), contract)
    except (ModelUnusable, TrainingFailed) as error:
        raise TrainingFailed("teacher_unusable", f"{teacher.path}: {error}") from error
    theirs = (contract.labels, (contract.input_width, contract.input_height), graph.strides)
    ours = (recipe.classes, (network.input_width, network.input_height), network.strides)
    if theirs != ours or recipe.schedule.multi_scale != (1.0,):
        raise TrainingFailed(
            "teacher_unusable",
            f"{teacher.path}: expected classes, input and strides {ours} at one scale,"
            f" got {theirs}",
        )
    return Agreement(graph.to(recipe.schedule.device), teacher.cells, recipe.loss.focal)
