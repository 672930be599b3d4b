"""What a teacher says of each picture that the student learns from, beside its boxes."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.finetune_detector import Agreement, DetectorGraph
from models_registry.training.grid_teacher import LAYOUT, GridTeacher
from models_registry.training.likeness import join
from models_registry.training.network import DetectorNet
from models_registry.training.recipe import Recipe, TeacherRecipe
from models_registry.training.teacher_run import TeacherRun
from models_registry.training.trainer import Beside


def beside_labels(recipe: Recipe, data: Path, net: DetectorNet) -> Beside | None:
    """The further losses that ``teacher.cells`` and ``teacher.likeness`` ask for, ``None`` without.

    Cells: scores and sides of all, also where the teacher would not say that there is a box: what
    it nearly took for one tells the student more than the labels do. A teacher of the student's
    family is followed in everything; a YOLOX file, which learnt from other pictures, only in what
    it sees more than the student. Likeness: to the maps of any file that runs on the student's
    canvases; ``net`` gets layers that turn its own into them. Raises ``TrainingFailed``
    (``teacher_unusable``) for a file whose cells or maps are not the student's.
    """
    teacher = recipe.teacher
    if teacher is None or not teacher.beside:
        return None
    scales = recipe.schedule.multi_scale
    try:
        if scales != (1.0,):
            raise _unusable("schedule.multi_scale [1.0]", scales)
        contract = load_detector(data / teacher.path, warm_up=False).contract
        if not teacher.likeness and contract.layout != LAYOUT:
            return _family(recipe, teacher, data, contract)
        if teacher.cells and contract.layout != LAYOUT:
            raise _unusable(f"the layout {LAYOUT} for cells beside likeness", contract.layout)
        return Told(recipe, teacher, data, contract, net)
    except (ModelUnusable, TrainingFailed) as error:
        raise TrainingFailed("teacher_unusable", f"{teacher.path}: {error}") from error


class Told:
    """The losses of one look of a file that the student's pictures go through."""

    def __init__(
        self,
        recipe: Recipe,
        teacher: TeacherRecipe,
        data: Path,
        contract: ModelContract,
        net: DetectorNet,
    ) -> None:
        self._teacher, network = teacher, recipe.network
        path = data / teacher.path
        self._run = TeacherRun(path, contract, network.sizes, teacher.maps)
        self._grid = GridTeacher(self._run, contract.labels, recipe) if teacher.cells else None
        if not teacher.likeness:
            return
        for width, height in network.sizes:
            maps = self._maps(self._run(torch.zeros(1, 3, height, width)))
            expected = [(height // x, width // x) for x in network.strides]
            if (found := [tuple(x.shape[2:]) for x in maps]) != expected:
                raise _unusable(f"maps of {expected} rows and columns", found)
        self._likeness = join(net, [x.shape[1] for x in maps])

    def __call__(self, pixels: Tensor, answer: Tensor) -> Tensor:
        """Of (B, 3, H, W) in 0–1 and the (B, 4 + C, N) that the net made of them."""
        teacher, told = self._teacher, self._run(pixels)
        loss = answer.new_zeros(())
        if self._grid is not None and teacher.cells:
            loss = loss + teacher.cells * self._grid(told[0], answer)
        if teacher.likeness:
            loss = loss + teacher.likeness * self._likeness(self._maps(told))
        return loss

    def _maps(self, told: list[Tensor]) -> list[Tensor]:
        return [x.float() for x in told[-len(self._teacher.maps) :]]


def _family(recipe: Recipe, teacher: TeacherRecipe, data: Path, contract: ModelContract) -> Beside:
    """Of a file whose classes, input and strides are the student's."""
    network = recipe.network
    graph = DetectorGraph(onnx.load(data / teacher.path), contract)
    if network.canvases:
        raise _unusable("no network.canvases beside its own", network.canvases)
    theirs = (contract.labels, (contract.input_width, contract.input_height), graph.strides)
    ours = (recipe.classes, (network.input_width, network.input_height), network.strides)
    if theirs != ours:
        raise _unusable(f"classes, input and strides {ours}", theirs)
    weight = teacher.cells or 0.0
    return Agreement(graph.to(recipe.schedule.device), weight, recipe.loss.focal)


def _unusable(expected: str, got: object) -> TrainingFailed:
    return TrainingFailed("teacher_unusable", f"expected {expected}, got {got}")
