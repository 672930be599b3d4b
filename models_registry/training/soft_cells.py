"""What a teacher says of each cell, beside its boxes."""

from __future__ import annotations

from pathlib import Path

import onnx

from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.finetune_detector import Agreement, DetectorGraph
from models_registry.training.grid_teacher import LAYOUT, GridTeacher
from models_registry.training.recipe import Recipe
from models_registry.training.trainer import Beside


def cells_teacher(recipe: Recipe, data: Path) -> Beside | None:
    """The further loss that ``teacher.cells`` asks for, ``None`` without it.

    Scores and sides of all cells, also where the teacher would not say that there is a box: what it
    nearly took for one tells the student more than the labels do. A teacher of the student's family
    is followed in everything; a YOLOX file, which learnt from other pictures, only in what it sees
    more than the student. Raises ``TrainingFailed`` (``teacher_unusable``) for a file whose cells
    are not the student's.
    """
    teacher, network = recipe.teacher, recipe.network
    if teacher is None or not teacher.cells:
        return None
    path = data / teacher.path
    if recipe.schedule.multi_scale != (1.0,):
        raise _unusable(recipe, "schedule.multi_scale [1.0]", recipe.schedule.multi_scale)
    try:
        contract = load_detector(path, warm_up=False).contract
        if contract.layout == LAYOUT:
            return GridTeacher(path, contract, recipe, teacher.cells)
        graph = DetectorGraph(onnx.load(path), contract)
    except (ModelUnusable, TrainingFailed) as error:
        raise TrainingFailed("teacher_unusable", f"{teacher.path}: {error}") from error
    if network.canvases:
        raise _unusable(recipe, "no network.canvases beside its own", network.canvases)
    theirs = (contract.labels, (contract.input_width, contract.input_height), graph.strides)
    ours = (recipe.classes, (network.input_width, network.input_height), network.strides)
    if theirs != ours:
        raise _unusable(recipe, f"classes, input and strides {ours}", theirs)
    return Agreement(graph.to(recipe.schedule.device), teacher.cells, recipe.loss.focal)


def _unusable(recipe: Recipe, expected: str, got: object) -> TrainingFailed:
    assert recipe.teacher is not None
    return TrainingFailed(
        "teacher_unusable", f"{recipe.teacher.path}: expected {expected}, got {got}"
    )
