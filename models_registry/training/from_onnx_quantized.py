"""The rounding of a quantized graph: scales that may learn, weights kept as integers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models_registry.compression.graph import Graph, attribute
from models_registry.training.fake_quant import (
    activation_limits,
    along,
    levels,
    stored_integers,
    value,
    weight_limits,
)
from models_registry.training.from_onnx_operations import Operation
from models_registry.training.from_onnx_weights import DEQUANTIZE, QUANTIZE, weights_of

DEFAULT_AXIS = 1
BIAS_LIMITS = (-(2**30), 2**30)  # far from where a float would overflow an int32


@dataclass(frozen=True, slots=True)
class Stored:
    """Weights that the file keeps as integers; a bias of 32 bits is as good as a float."""

    scale: str
    zero: str
    axis: int
    limits: tuple[int, int]
    kind: np.dtype[Any]

    @property
    def is_bias(self) -> bool:
        return self.kind == np.int32


class Rounding(nn.Module):
    """Scales and zero points by their names in ``graph``; ``stored``: integer weights by name."""

    def __init__(self, graph: Graph, learn_scales: bool) -> None:
        super().__init__()
        self.scales: dict[str, int] = {}
        self.zeros: dict[str, NDArray[Any]] = {}
        self.stored: dict[str, Stored] = {}
        self._products: dict[str, tuple[str, str]] = {}
        self._exact: dict[str, NDArray[Any]] = {}
        self._learns = learn_scales
        self.log_scales = nn.ParameterList()
        weights = weights_of(graph)
        for node in graph.proto.node:
            if node.op_type in (QUANTIZE, DEQUANTIZE):
                self._take(graph, node, weights)
        self._find_products(graph)

    def real(self, name: str, array: NDArray[Any]) -> NDArray[np.float32]:
        """A weight as a float, whatever the file keeps it as."""
        stored = self.stored.get(name)
        if stored is None:
            return array.astype(np.float32)
        scale = torch.from_numpy(self._exact[stored.scale].astype(np.float32))
        found = torch.from_numpy(array.astype(np.float32))
        zero = torch.from_numpy(self._zero(stored.zero).astype(np.float32))
        both = [along(x, stored.axis, array.ndim) for x in (scale, zero)]
        real: NDArray[np.float32] = value(found, *both).numpy()
        return real

    def quantize(self, operation: Operation, x: Tensor) -> Tensor:
        """See ``fake_quant.levels``."""
        scale, zero = self._of(operation, x)
        kind = self._zero((*operation.inputs, "")[2]).dtype
        return levels(x, scale, zero, *activation_limits(kind))

    def dequantize(self, operation: Operation, x: Any) -> Tensor:
        """Of what was quantized, or of weights that the file keeps as integers."""
        stored = self.stored.get(operation.inputs[0])
        if stored is not None and stored.is_bias:
            bias: Tensor = x
            return bias
        if not isinstance(x, Tensor):
            x = torch.from_numpy(x.astype(np.float32)).to(self._device())
        scale, zero = self._of(operation, x)
        if stored is not None:
            x = levels(x, scale, zero, *stored.limits)
        return value(x, scale, zero)

    def written(self, latent: Mapping[str, Tensor]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Constants of the file by name: integers for the ``latent`` weights, and learnt scales."""
        if self._learns:
            for name, at in self.scales.items():
                kind = self._exact[name].dtype
                exact = self.log_scales[at].detach().exp().cpu().numpy().astype(kind)
                self._exact[name] = exact.reshape(self._exact[name].shape)
            # A runtime adds the bias to sums in steps of both scales, whatever the file says.
            for name, (input_scale, weight_scale) in self._products.items():
                product = self._exact[input_scale] * self._exact[weight_scale]
                self._exact[name] = np.broadcast_to(product, self._exact[name].shape).copy()
            yield from self._exact.items()
        for name, weight in latent.items():
            stored = self.stored[name]
            scale = torch.from_numpy(self._exact[stored.scale].astype(np.float32))
            zero = torch.from_numpy(self._zero(stored.zero).astype(np.float32))
            both = [along(x, stored.axis, weight.ndim) for x in (scale, zero)]
            scale, zero = (x.to(weight.device) for x in both)
            yield name, stored_integers(weight, scale, zero, stored.limits, stored.kind)

    def _take(self, graph: Graph, node: onnx.NodeProto, weights: Collection[str]) -> None:
        name, scale, zero = node.input[0], node.input[1], graph.optional_input(node, 2)
        array = graph.constant(scale)
        if array is None:
            raise Operation(node.name, node.op_type, (), (), {}).refuse("with a computed scale")
        zero_point = graph.constant(zero)
        if zero and zero_point is not None:
            self.zeros[zero] = zero_point
        kept = graph.constant(name) if node.op_type == DEQUANTIZE else None
        if kept is not None and name in weights:
            bias = kept.dtype == np.int32
            limits = BIAS_LIMITS if bias else weight_limits(kept)
            axis = int(attribute(node, "axis", DEFAULT_AXIS))
            self.stored[name] = Stored(scale, zero, axis, limits, kept.dtype)
        if scale not in self._exact:
            self._exact[scale] = array
            self.scales[scale] = len(self.log_scales)
            logs = torch.from_numpy(array.astype(np.float32)).log()
            self.log_scales.append(nn.Parameter(logs, requires_grad=self._learns))

    def _find_products(self, graph: Graph) -> None:
        """The scales of biases are not learnt: they are what a layer's other two scales make."""
        for node in graph.proto.node:
            sources = [graph.producer.get(x) for x in node.input[:3]]
            if node.op_type not in ("Conv", "Gemm") or len(sources) != 3:
                continue
            if any(x is None or x.op_type != DEQUANTIZE for x in sources):
                continue
            data, weight, bias = (x.input for x in sources if x is not None)
            if bias[0] in self.stored and self.stored[bias[0]].is_bias:
                self._products[bias[1]] = (data[1], weight[1])
                self.scales.pop(bias[1], None)

    def _of(self, operation: Operation, x: Tensor) -> tuple[Tensor, Tensor]:
        name, zero = operation.inputs[1], self._zero((*operation.inputs, "")[2])
        axis = int(operation.attributes.get("axis", DEFAULT_AXIS))
        scale = self.log_scales[self.scales[name]].exp()
        offset = torch.from_numpy(zero.astype(np.float32)).to(x.device)
        return along(scale, axis, x.ndim), along(offset, axis, x.ndim)

    def _zero(self, name: str) -> NDArray[Any]:
        return self.zeros[name] if name else np.zeros((), np.uint8)

    def _device(self) -> torch.device:
        device: torch.device = self.log_scales[0].device
        return device
