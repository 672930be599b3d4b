"""Any graph of plain operations as a torch module that learns, and its weights back in the graph.

So a file that was pruned, factorised or quantized is trained further as any other: same names, same
shapes, same words in it. A quantized one (QuantizeLinear and DequantizeLinear) computes with its
rounding while its weights learn in between, and gets new integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from models_registry.compression.constants import with_fixed_constants
from models_registry.compression.graph import Graph
from models_registry.training.errors import TrainingFailed
from models_registry.training.from_onnx_layers import OPERATIONS
from models_registry.training.from_onnx_operations import Operation
from models_registry.training.from_onnx_quantized import Rounding
from models_registry.training.from_onnx_weights import DEQUANTIZE, QUANTIZE, weights_of

USUAL = 0.1  # root mean square of weights that rates are made for
LEAST_SHARE = 0.1  # of a layer's: an output with hardly any weights is no reason to creep
TINY = 1e-12
LARGE = 1024  # weights of fewer numbers are not worth thinning
MANY_ZEROS = 0.1  # from this share on, zeros were put there on purpose and stay


class GraphNet(nn.Module):
    """``model`` as a function of its inputs in order; gives its outputs as a tuple.

    ``outputs``: other tensors to give instead. ``learn_scales``: the steps of a quantized graph
    learn too. Files for batch 1 take any batch. Raises ``TrainingFailed`` (``graph_unsupported``),
    naming the operation, for a graph that cannot be trained through or has no weights.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        *,
        outputs: Sequence[str] = (),
        learn_scales: bool = True,
    ) -> None:
        super().__init__()
        graph = with_fixed_constants(model)
        self._file = graph.model.SerializeToString()
        self._inputs, self._outputs = list(graph.inputs), list(outputs or graph.outputs)
        self._operations = list(_operations(graph))
        self._weights: dict[str, int] = {}
        self._kept: dict[str, str] = {}
        self._numbers: dict[str, NDArray[Any]] = {}
        self.weights = nn.ParameterList()
        self.rounding = Rounding(graph, learn_scales)
        found = weights_of(graph)
        if not found:
            raise TrainingFailed("graph_unsupported", "expected layers with weights, found none")
        for name in graph.constants:
            self._take(name, graph, found.get(name))

    @property
    def quantized(self) -> bool:
        """Whether it rounds anything."""
        return bool(self.rounding.stored) or any(x.kind == QUANTIZE for x in self._operations)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """The graph's outputs for its inputs."""
        values: dict[str, Any] = dict(zip(self._inputs, given, strict=True))
        for operation in self._operations:
            made = self._run(operation, [self._value(x, values) for x in operation.inputs])
            several = isinstance(made, tuple)
            values.update(zip(operation.outputs, made if several else (made,), strict=several))
        return tuple(values[x] for x in self._outputs)

    def thin(self, share: float) -> None:
        """The smallest ``share`` of each large weight becomes zero and stays so."""
        for name, at in self._weights.items():
            sizes = self._weight(name).detach().abs()
            if sizes.ndim > 1 and sizes.numel() >= LARGE and share > 0:
                limit = sizes.flatten().kthvalue(max(1, int(share * sizes.numel())))[0]
                self.weights[at].detach().mul_(sizes > limit)
                self._keep(name, (sizes > limit).float(), "mask")

    def model(self) -> onnx.ModelProto:
        """The graph with what was learnt, otherwise as it was."""
        graph = Graph(onnx.load_from_string(self._file))
        for name in self._weights:
            if name not in self.rounding.stored:
                graph.set_constant(name, self._weight(name).detach().cpu().numpy())
        latent = {x: self._weight(x).detach() for x in self.rounding.stored}
        for name, array in self.rounding.written(latent):
            graph.set_constant(name, array)
        return graph.model

    def _take(self, name: str, graph: Graph, outputs_axis: int | None) -> None:
        array = numpy_helper.to_array(graph.constants[name])
        if name in self.rounding.scales or name in self.rounding.zeros:
            return
        if outputs_axis is not None:
            real = torch.from_numpy(self.rounding.real(name, array).copy())
            if real.ndim > 1:
                gain = gains(real, outputs_axis)
                self._keep(name, gain, "gain")
                zeros = real == 0
                if zeros.float().mean() > MANY_ZEROS:
                    self._keep(name, (~zeros).float(), "mask")
                real = real / gain
            self._weights[name] = len(self.weights)
            self.weights.append(nn.Parameter(real))
        elif array.dtype == np.float32:
            self._keep(name, torch.from_numpy(array.copy()), "constant")
        else:
            self._numbers[name] = array

    def _keep(self, name: str, values: Tensor, what: str) -> None:
        key = self._kept.setdefault(f"{what} {name}", f"{what}_{len(self._kept)}")
        self.register_buffer(key, values, persistent=False)

    def _weight(self, name: str) -> Tensor:
        weight: Tensor = self.weights[self._weights[name]]
        for what in ("gain", "mask"):
            key = self._kept.get(f"{what} {name}")
            weight = weight if key is None else weight * getattr(self, key)
        return weight

    def _value(self, name: str, values: dict[str, Any]) -> Any:
        if not name:
            return None
        if name in values:
            return values[name]
        if name in self._weights:
            return self._weight(name)
        key = self._kept.get(f"constant {name}")
        return self._numbers.get(name) if key is None else getattr(self, key)

    def _run(self, operation: Operation, inputs: list[Any]) -> Any:
        if operation.kind == QUANTIZE:
            return self.rounding.quantize(operation, inputs[0])
        if operation.kind == DEQUANTIZE:
            return self.rounding.dequantize(operation, inputs[0])
        return OPERATIONS[operation.kind](operation, inputs)


def gains(weight: Tensor, axis: int) -> Tensor:
    """By how much the outputs of a layer were enlarged when it was written: normalisations and the
    scale of pixels folded into it.

    Divided by them, weights learn at one rate whatever was folded where. (C, 1, …), powers of two,
    so that nothing is rounded.
    """
    others = [x for x in range(weight.ndim) if x != axis]
    energy = weight.square().mean(others, keepdim=True)
    size = torch.maximum(energy, LEAST_SHARE**2 * energy.mean()).sqrt()
    return torch.exp2((size / USUAL).clamp(min=TINY).log2().round())


def _operations(graph: Graph) -> Iterator[Operation]:
    known = {*OPERATIONS, QUANTIZE, DEQUANTIZE}
    strange = sorted({x.op_type for x in graph.proto.node} - known)
    if strange:
        raise TrainingFailed(
            "graph_unsupported",
            f"expected operations that can be trained through, found {', '.join(strange)}:"
            " the clean-up step removes what only computes shapes",
        )
    for node in graph.proto.node:
        stated = {x.name: helper.get_attribute_value(x) for x in node.attribute}
        attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in stated.items()}
        yield Operation(
            node.name, node.op_type, tuple(node.input), tuple(x for x in node.output), attributes
        )
