"""A detector file as the training loop sees a net, and what its parent says beside the labels."""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from models_registry.compression.graph import Graph, Shape
from models_registry.runtime.contract import ModelContract
from models_registry.training.errors import TrainingFailed
from models_registry.training.from_onnx import GraphNet
from models_registry.training.from_onnx_weights import DEQUANTIZE, QUANTIZE
from models_registry.training.loss import TINY
from models_registry.training.network import cells_of

PASSED_ON = ("Identity", QUANTIZE, DEQUANTIZE)
LEAST_SCORE = 1e-6  # where a graph without a Sigmoid says 0, its logit would be without end
STRIDES = ((8, 16), (8, 16, 32))


class DetectorGraph(nn.Module):
    """``DetectorNet``'s inputs and outputs round any graph of the layout ``yolov8``: (B, 3, H, W)
    RGB in 0–1 → (B, 4 + classes, N) log distances in strides, then class logits.

    Raises ``TrainingFailed`` (``graph_unsupported``).
    """

    def __init__(
        self, model: onnx.ModelProto, contract: ModelContract, *, learn_scales: bool = True
    ) -> None:
        super().__init__()
        graph = Graph(model)
        _check(contract, graph)
        shapes = graph.shapes(
            {graph.inputs[0]: (1, 3, contract.input_height, contract.input_width)}
        )
        answer = shapes.get(graph.outputs[0], ())
        self.strides = _strides(contract, answer)
        scores = _before_scores(graph)
        inner = [scores] if shapes.get(scores) == (1, len(contract.labels), answer[2]) else []
        outputs = [graph.outputs[0], *inner]
        self.graph = GraphNet(model, outputs=outputs, learn_scales=learn_scales)
        self._contract = contract
        cells = cells_of(contract.input_width, contract.input_height, self.strides)
        self.register_buffer("_centres", cells.centres, persistent=False)
        self.register_buffer("_sizes", cells.strides, persistent=False)
        self.register_buffer("_mean", torch.tensor(contract.mean)[:, None, None], persistent=False)
        self.register_buffer("_std", torch.tensor(contract.std)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if self._contract.colour_order == "bgr":
            x = x.flip(1)
        decoded, *inner = self.graph((x * (255 * self._contract.scale) - self._mean) / self._std)
        decoded = decoded.float()
        if inner:
            logits = inner[0].float()
        else:
            logits = decoded[:, 4:].clamp(LEAST_SCORE, 1 - LEAST_SCORE).logit()
        middle, half = decoded[:, 0:2], decoded[:, 2:4] / 2
        near, far = self._centres - (middle - half), middle + half - self._centres
        sides = (torch.cat([near, far], 1) / self._sizes).clamp(min=TINY).log()
        return torch.cat([sides, logits], 1)

    def model(self) -> onnx.ModelProto:
        """The file with what was learnt."""
        return self.graph.model()


class Agreement:
    """How far an answer is from what ``parent`` says of the same pictures: class scores everywhere,
    sides where the parent sees something. ``focal`` as in the labels' loss."""

    def __init__(self, parent: nn.Module, weight: float, focal: float) -> None:
        self._parent = parent.eval().requires_grad_(False)
        self._weight, self._focal = weight, focal

    def __call__(self, pixels: Tensor, answer: Tensor) -> Tensor:
        """Of (B, 3, H, W) in 0–1 and the (B, 4 + C, N) that the net made of it."""
        with torch.no_grad():
            said = self._parent(pixels)
        meant, logits = said[:, 4:].sigmoid(), answer[:, 4:]
        entropy = functional.binary_cross_entropy_with_logits(logits, meant, reduction="none")
        doubt = (meant - logits.detach().sigmoid()).abs() ** self._focal
        seen = meant.amax(1, keepdim=True)
        apart = functional.smooth_l1_loss(answer[:, :4], said[:, :4], reduction="none", beta=0.1)
        norm = seen.sum().clamp(min=1.0)
        return self._weight * ((entropy * doubt).sum() + (apart * seen).sum()) / norm


def _check(contract: ModelContract, graph: Graph) -> None:
    expected = {"layout": "yolov8", "axes": "nchw", "element_type": "float32"}
    for name, value in expected.items():
        if getattr(contract, name) != value:
            raise _refused(f"a detector of {name} {value}", getattr(contract, name))
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise _refused("one input and one output", f"{graph.inputs}, {graph.outputs}")


def _strides(contract: ModelContract, found: Shape) -> tuple[int, ...]:
    for strides in STRIDES:
        cells = sum(contract.input_width // x * (contract.input_height // x) for x in strides)
        if found[1:] == (4 + len(contract.labels), cells):
            return strides
    raise _refused(f"4 + {len(contract.labels)} numbers for each cell of {STRIDES}", found)


def _before_scores(graph: Graph) -> str:
    """The class logits: what the Sigmoid reads whose result ends the output's channels. Empty where
    there is none; then the scores themselves tell."""
    name = graph.outputs[0]
    while (node := graph.producer.get(name)) is not None:
        if node.op_type in PASSED_ON:
            name = node.input[0]
        elif node.op_type == "Concat":
            name = node.input[-1]
        else:
            return node.input[0] if node.op_type == "Sigmoid" else ""
    return ""


def _refused(expected: str, got: object) -> TrainingFailed:
    return TrainingFailed("graph_unsupported", f"expected {expected}, got {got}")
