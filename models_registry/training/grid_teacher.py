"""A YOLOX file as a teacher of every cell, whatever its own input's size and classes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models_registry.benchmarking.classes import class_name
from models_registry.runtime.canvas import on_canvas
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.model_file import read_model
from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed
from models_registry.training.network import cells_of
from models_registry.training.recipe import Recipe

LAYOUT = "yolox"


class GridTeacher:
    """A further loss: how far the student's scores lie below the teacher's, cell by cell.

    The file is rewritten to the recipe's canvases; nothing of it learns. What the student is surer
    of is left to the labels, and so are boxes: the teacher learnt from other pictures and is blind
    to much. Raises ``TrainingFailed`` (``teacher_unusable``), ``ModelUnusable``.
    """

    def __init__(self, path: Path, contract: ModelContract, recipe: Recipe, weight: float) -> None:
        network, content = recipe.network, read_model(path).content
        self._sessions = {x: Session(on_canvas(content, contract, x)) for x in network.sizes}
        self._contract, self._weight, self._focal = contract, weight, recipe.loss.focal
        names = [class_name(x) for x in contract.labels]
        self._kinds = [names.index(x) if x in names else -1 for x in recipe.classes]
        self._pool = ThreadPoolExecutor(os.cpu_count())
        for width, height in network.sizes:
            expected = (1, len(cells_of(width, height, network.strides).strides), 5 + len(names))
            if (found := self._rows(np.zeros((3, height, width), np.float32)).shape) != expected:
                raise TrainingFailed(
                    "teacher_unusable",
                    f"{path.name}: expected {expected} on the student's canvas, got {found}",
                )

    def __call__(self, pixels: Tensor, answer: Tensor) -> Tensor:
        """Of (B, 3, H, W) in 0–1 and the (B, 4 + C, N) that the net made of it."""
        meant, logits = self.scores(pixels), answer[:, 4:]
        entropy = functional.binary_cross_entropy_with_logits(logits, meant, reduction="none")
        short = (meant - logits.detach().sigmoid()).clamp(min=0) ** self._focal
        norm = meant.amax(1).sum().clamp(min=1.0)
        return self._weight * (entropy * short).sum() / norm

    def scores(self, pixels: Tensor) -> Tensor:
        """(B, C, N) in the recipe's classes, 0 for those that the file cannot name."""
        contract = self._contract
        x = pixels.flip(1) if contract.colour_order == "bgr" else pixels
        mean = torch.tensor(contract.mean, device=x.device)[:, None, None]
        std = torch.tensor(contract.std, device=x.device)[:, None, None]
        pictures = ((x * (255 * contract.scale) - mean) / std).contiguous().cpu().numpy()
        rows = np.concatenate(list(self._pool.map(self._rows, pictures)))
        told = torch.from_numpy(rows).to(pixels.device).transpose(1, 2)
        scores = told[:, 4:5] * told[:, 5:]
        nothing = torch.zeros_like(scores[:, :1])
        return torch.cat([scores, nothing], 1)[:, self._kinds].clamp(0, 1)  # -1: nothing

    def _rows(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, N, 5 + classes of the file) of one picture as it takes it."""
        session = self._sessions[picture.shape[2], picture.shape[1]]
        found: NDArray[np.float32] = session.run({self._contract.input_name: picture[None]})[0]
        return found
