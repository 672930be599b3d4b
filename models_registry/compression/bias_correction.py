"""Moves the biases of layers that lose precision, so that their outputs keep their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.graph import Graph, attribute
from models_registry.compression.ranges import FloatArray, Range, channel_means
from models_registry.compression.step import Feeds

Means = Mapping[str, tuple[FloatArray, FloatArray]]
FULL, REDUCED = 127, 64  # largest weight in 8 bits, and in 7 as ONNX Runtime counts them


def input_means(model: onnx.ModelProto, ranges: dict[str, Range], feeds: Sequence[Feeds]) -> Means:
    """Mean per input channel of every correctable layer, as it is and as rounded to uint8."""
    graph = Graph(model)
    axes = {x.input[0]: _channel_axis(x) for x in _layers(graph) if x.input[0] in ranges}
    return channel_means(model, axes, ranges, feeds)


def corrected(
    model: onnx.ModelProto, means: Means, in_float: Set[str], *, reduced: bool
) -> onnx.ModelProto:
    """A copy whose quantized layers' biases make up for the mean of the rounding errors.

    Weights that nearly cancel (an edge filter over bright pixels, say) turn small rounding errors
    into a constant shift of a channel; this takes the shift out. ``in_float``: nodes left alone.
    """
    graph = Graph(model)
    for node in _layers(graph):
        if node.name in in_float or node.input[0] not in means:
            continue
        weight = graph.constant(node.input[1])
        assert weight is not None
        shift = _shift(node, weight.astype(np.float64), *means[node.input[0]], reduced)
        if shift is None:
            continue
        bias = graph.constant(graph.optional_input(node, 2))
        bias = np.zeros(len(shift)) if bias is None else bias.reshape(-1)
        # A constant of its own: other nodes may share the old one.
        name = graph.add_constant(f"{node.name}_bias", (bias - shift).astype(np.float32))
        del node.input[2:]
        node.input.append(name)
    graph.refresh()
    graph.remove_unused()
    return graph.model


def rounded_weight(weight: FloatArray, axis: int, *, reduced: bool) -> FloatArray:
    """A weight after symmetric int8 with one scale per index of ``axis``."""
    over = tuple(x for x in range(weight.ndim) if x != axis)
    scale = np.abs(weight).max(over, keepdims=True) / (REDUCED if reduced else FULL)
    scale[scale == 0] = 1.0
    rounded: FloatArray = np.round(weight / scale) * scale
    return rounded


def _layers(graph: Graph) -> list[onnx.NodeProto]:
    """Convolutions and fully connected layers whose bias is a constant vector, or none."""
    found = []
    for node in graph.proto.node:
        if node.op_type not in {"Conv", "Gemm"} or graph.constant(node.input[1]) is None:
            continue
        named = graph.optional_input(node, 2)
        bias = graph.constant(named)
        plain = node.op_type == "Conv" or (
            attribute(node, "transB", 0) == 1
            and not attribute(node, "transA", 0)
            and attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
        )
        outputs = graph.constants[node.input[1]].dims[0]
        if plain and (not named or (bias is not None and bias.size == outputs)):
            found.append(node)
    return found


def _channel_axis(node: onnx.NodeProto) -> int:
    return 1 if node.op_type == "Conv" else -1


def _shift(
    node: onnx.NodeProto,
    weight: NDArray[Any],
    true: FloatArray,
    rounded: FloatArray,
    reduced: bool,
) -> FloatArray | None:
    """Mean output error per output channel; padding's edge is left out of account."""
    groups = int(attribute(node, "group", 1)) if node.op_type == "Conv" else 1
    if len(true) != weight.shape[1] * groups:
        return None
    over = tuple(range(2, weight.ndim))
    coarse = rounded_weight(weight, 0, reduced=reduced).sum(over)
    exact = weight.sum(over)
    each = len(weight) // groups
    true, rounded = (np.repeat(x.reshape(groups, -1), each, axis=0) for x in (true, rounded))
    shift: FloatArray = (coarse * rounded - exact * true).sum(axis=1)
    return shift
