"""What another classifier says of the very pictures that a net is learning from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models_registry.training.classifier_file import ClassifierFile
from models_registry.training.classifier_recipe import SoftTargetRecipe
from models_registry.training.errors import TrainingFailed

Teach = Callable[[NDArray[np.uint8]], Tensor]
"""(B, 3, H, W) RGB → (B, classes) logits."""


def file_teacher(recipe: SoftTargetRecipe, classes: tuple[str, ...], data: Path) -> Teach:
    """An ONNX file that knows ``classes``, in any order. Raises ``TrainingFailed``."""
    file = ClassifierFile(data / recipe.path)
    strangers = [x for x in classes if x not in file.classes]
    if strangers:
        raise TrainingFailed(
            "teacher_unusable",
            f"{recipe.path}: expected it to know {strangers}, it knows {list(file.classes)}",
        )
    columns = [file.classes.index(x) for x in classes]
    return lambda pixels: torch.from_numpy(file.logits(pixels)[:, columns])
