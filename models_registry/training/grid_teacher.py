"""A YOLOX file as a teacher of every cell, whatever its own input's size and classes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models_registry.benchmarking.classes import class_name
from models_registry.runtime.canvas import on_canvas
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.model_file import read_model
from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed
from models_registry.training.network import cells_of
from models_registry.training.recipe import Recipe

LAYOUT = "yolox"
LEAST_SCORE = 1e-6  # its logit is -14
LEAST_SIDE = 0.05  # strides: a box beside the middle of its cell is drawn up to it


class GridTeacher(nn.Module):
    """(B, 3, H, W) RGB in 0–1 → (B, 4 + classes, N) as ``DetectorNet``, in the recipe's classes.

    The file is rewritten to the recipe's canvas; nothing of it learns. Raises ``TrainingFailed``
    (``teacher_unusable``), ``ModelUnusable``.
    """

    def __init__(self, path: Path, contract: ModelContract, recipe: Recipe) -> None:
        super().__init__()
        network = recipe.network
        size = (network.input_width, network.input_height)
        self._session = Session(on_canvas(read_model(path).content, contract, size))
        self._contract = contract
        names = [class_name(x) for x in contract.labels]
        self._kinds = [names.index(x) if x in names else -1 for x in recipe.classes]
        cells = cells_of(*size, network.strides)
        self.register_buffer("_centres", cells.centres, persistent=False)
        self.register_buffer("_sizes", cells.strides, persistent=False)
        self._pool = ThreadPoolExecutor(os.cpu_count())
        expected = (1, len(cells.strides), 5 + len(names))
        if (found := self._rows(np.zeros((3, size[1], size[0]), np.float32)).shape) != expected:
            raise TrainingFailed(
                "teacher_unusable",
                f"{path.name}: expected {expected} on the student's canvas, got {found}",
            )

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        contract = self._contract
        x = pixels.flip(1) if contract.colour_order == "bgr" else pixels
        mean = torch.tensor(contract.mean, device=x.device)[:, None, None]
        std = torch.tensor(contract.std, device=x.device)[:, None, None]
        pictures = ((x * (255 * contract.scale) - mean) / std).contiguous().cpu().numpy()
        rows = np.concatenate(list(self._pool.map(self._rows, pictures)))
        return self._read(torch.from_numpy(rows).to(pixels.device).transpose(1, 2))

    def _rows(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._session.run({self._contract.input_name: picture[None]})[
            0
        ]
        return found

    def _read(self, rows: Tensor) -> Tensor:
        """(B, 5 + classes of the file, N), offsets and log sizes as YOLOX gives them."""
        middle = self._centres + (rows[:, 0:2] - 0.5) * self._sizes
        half = rows[:, 2:4].exp() * self._sizes / 2
        near, far = self._centres - (middle - half), middle + half - self._centres
        sides = (torch.cat([near, far], 1) / self._sizes).clamp(min=LEAST_SIDE).log()
        scores = rows[:, 4:5] * rows[:, 5:]
        nothing = torch.zeros_like(scores[:, :1])
        scores = torch.cat([scores, nothing], 1)[:, self._kinds]  # -1 is the last: nothing
        return torch.cat([sides, scores.clamp(LEAST_SCORE, 1 - LEAST_SCORE).logit()], 1)
