"""A model file that looks at the pictures a student learns from, on the student's canvases."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from models_registry.runtime.canvas import Size, on_canvas
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.model_file import read_model
from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed


class TeacherRun:
    """(B, 3, H, W) RGB in 0–1 → each output of the file, then each of its tensors ``maps``.

    Rewritten to each of ``sizes`` (width, height); nothing of it learns. Raises ``TrainingFailed``
    (``teacher_unusable``), ``ModelUnusable``.
    """

    def __init__(
        self,
        path: Path,
        contract: ModelContract,
        sizes: tuple[Size, ...],
        maps: tuple[str, ...] = (),
    ) -> None:
        content = read_model(path).content
        self._contract = contract
        self._sessions = {
            x: Session(_telling(on_canvas(content, contract, x), maps, path.name)) for x in sizes
        }
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        """See the class."""
        contract = self._contract
        x = pixels.flip(1) if contract.colour_order == "bgr" else pixels
        mean = torch.tensor(contract.mean, device=x.device)[:, None, None]
        std = torch.tensor(contract.std, device=x.device)[:, None, None]
        pictures = ((x * (255 * contract.scale) - mean) / std).contiguous().cpu().numpy()
        told = zip(*self._pool.map(self._look, pictures), strict=True)
        return [torch.from_numpy(np.concatenate(x)).to(pixels.device) for x in told]

    def _look(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        session = self._sessions[picture.shape[2], picture.shape[1]]
        found: list[NDArray[np.float32]] = session.run({self._contract.input_name: picture[None]})
        return found


def _telling(content: bytes, maps: tuple[str, ...], file: str) -> bytes:
    """The file with these tensors among its outputs."""
    model = onnx.load_model_from_string(content)
    known = {name for node in model.graph.node for name in node.output}
    if strangers := [x for x in maps if x not in known]:
        raise TrainingFailed(
            "teacher_unusable", f"{file}: expected names of its tensors, got {strangers}"
        )
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(x) for x in maps)
    telling: bytes = model.SerializeToString()
    return telling
