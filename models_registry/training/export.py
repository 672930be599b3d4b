"""A trained net as a file that the gateway runs: graph, contract, and what the boxes mean."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TypeVar

import onnx
import torch
from torch import Tensor, nn

from models_registry.runtime.contract import ModelContract
from models_registry.training.network import LARGEST_LOG, DetectorNet, cells_of
from models_registry.training.onnx_graph import INPUT, to_onnx
from models_registry.training.recipe import Recipe
from models_registry.training.stems import settle

SCORE_THRESHOLD, NMS_IOU = 0.2, 0.4  # quality focal loss leaves many doubts below that
Net = TypeVar("Net", bound=nn.Module)


class Deployed(nn.Module):
    """The net with what the runtime expects round it (the layout ``yolov8``): (1, 3, H, W) RGB in
    0–255 → (1, 4 + classes, N): centre, width and height in pixels, then class scores."""

    def __init__(self, net: DetectorNet, width: int, height: int) -> None:
        super().__init__()
        self.net = takes_bytes(net)
        cells = cells_of(width, height, net.strides)
        self.register_buffer("centres", cells.centres[None])
        self.register_buffer("strides", cells.strides[None, None])

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        answer = self.net(x)
        reach = answer[:, 0:4].clamp(max=LARGEST_LOG).exp() * self.strides
        near, far = reach[:, 0:2], reach[:, 2:4]
        return torch.cat(
            [self.centres + (far - near) * 0.5, far + near, answer[:, 4:].sigmoid()], 1
        )


def takes_bytes(net: Net) -> Net:
    """A copy for pixels of 0–255: their scale goes into the first weights, which saves a pass over
    each frame. The first layer has no bias before its normalisation, so nothing else changes."""
    net = copy.deepcopy(net).cpu().float().eval()
    settle(net)
    first = next(x for x in net.modules() if isinstance(x, nn.Conv2d))
    with torch.no_grad():
        first.weight.div_(255.0)
    return net


def contract_of(recipe: Recipe) -> ModelContract:
    """How the exported file is fed and read."""
    return ModelContract(
        layout="yolov8",
        input_name=INPUT,
        input_width=recipe.network.input_width,
        input_height=recipe.network.input_height,
        canvases=recipe.network.canvases,
        labels=recipe.classes,
        colour_order="rgb",
        scale=1.0,
        fit="centre",
        score_threshold=SCORE_THRESHOLD,
        nms_iou=NMS_IOU,
    )


def export(net: DetectorNet, recipe: Recipe, path: Path, facts: dict[str, str]) -> ModelContract:
    """Writes ``path`` and the contract beside it (``.json``); ``facts`` go into the file.

    Each is replaced in one go. Raises ``TrainingFailed`` (``export_unsupported``).
    """
    width, height = recipe.network.input_width, recipe.network.input_height
    cells = sum((width // s) * (height // s) for s in recipe.network.strides)
    deployed = Deployed(net, width, height).eval()
    model = to_onnx(deployed, (1, 3, height, width), (1, 4 + len(recipe.classes), cells))
    # "names" and "task" are where the runtime looks for labels in a file without a contract.
    names = repr(dict(enumerate(recipe.classes)))
    onnx.helper.set_model_props(model, {"names": names, "task": "detect", **facts})
    contract = contract_of(recipe)
    write(path, model.SerializeToString())
    write(path.with_suffix(".json"), json.dumps(contract.to_json(), indent=2).encode())
    return contract


def write(path: Path, content: bytes) -> None:
    """In one go: nobody ever reads half a file."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}")
    waiting.write_bytes(content)
    waiting.replace(path)
