"""A YOLOX file as a teacher of every cell, whatever its own input's size and classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models_registry.benchmarking.classes import class_name
from models_registry.training.errors import TrainingFailed
from models_registry.training.network import cells_of
from models_registry.training.recipe import Recipe
from models_registry.training.teacher_run import TeacherRun

LAYOUT = "yolox"


class GridTeacher:
    """A further loss: how far the student's scores lie below the teacher's, cell by cell.

    What the student is surer of is left to the labels, and so are boxes: the teacher learnt from
    other pictures and is blind to much. ``labels``: the file's. Raises ``TrainingFailed``
    (``teacher_unusable``) where its cells are not the student's.
    """

    def __init__(self, run: TeacherRun, labels: tuple[str, ...], recipe: Recipe) -> None:
        network, self._focal = recipe.network, recipe.loss.focal
        names = [class_name(x) for x in labels]
        self._kinds = [names.index(x) if x in names else -1 for x in recipe.classes]
        for width, height in network.sizes:
            expected = (1, len(cells_of(width, height, network.strides).strides), 5 + len(names))
            found = tuple(run(torch.zeros(1, 3, height, width))[0].shape)
            if found != expected:
                raise TrainingFailed(
                    "teacher_unusable", f"expected {expected} on the student's canvas, got {found}"
                )

    def __call__(self, told: Tensor, answer: Tensor) -> Tensor:
        """Of (B, N, 5 + classes of the file) and the student's (B, 4 + C, N)."""
        meant, logits = self.scores(told), answer[:, 4:]
        entropy = functional.binary_cross_entropy_with_logits(logits, meant, reduction="none")
        short = (meant - logits.detach().sigmoid()).clamp(min=0) ** self._focal
        return (entropy * short).sum() / meant.amax(1).sum().clamp(min=1.0)

    def scores(self, told: Tensor) -> Tensor:
        """(B, C, N) in the recipe's classes, 0 for those that the file cannot name."""
        rows = told.transpose(1, 2)
        scores = rows[:, 4:5] * rows[:, 5:]
        nothing = torch.zeros_like(scores[:, :1])
        return torch.cat([scores, nothing], 1)[:, self._kinds].clamp(0, 1)  # -1: nothing
