"""How much a graph multiplies and how many weights it has, counted over inferred shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx

from models_registry.inspection.shapes import branches_of, infer, inlined, nodes_of, shapes_in
from models_registry.inspection.small_values import Shape
from models_registry.inspection.tensors import stored_tensors

Shapes = Mapping[str, Shape]
Rule = Callable[[onnx.NodeProto, Shapes], int]
_QUANTIZATION_PARAMETERS = {  # operator: which inputs are scales and zero points, not weights
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QLinearWhere": (2, 3, 5, 6, 7, 8),
    "QLinearSigmoid": (1, 2, 3, 4),
    "QLinearLeakyRelu": (1, 2, 3, 4),
    "QLinearSoftmax": (1, 2, 3, 4),
    "QLinearAveragePool": (1, 2, 3, 4),
    "QLinearGlobalAveragePool": (1, 2, 3, 4),
}
_NOT_WEIGHTS = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.BOOL, onnx.TensorProto.STRING})


@dataclass(frozen=True, slots=True)
class NodeMacs:
    """Multiply-accumulates of one node, ``None`` where its shapes are not known."""

    node: onnx.NodeProto
    macs: int | None


def count_macs(
    model: onnx.ModelProto, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> int | None:
    """Multiply-accumulates of one run, ``None`` when the graph does not tell.

    Counted are convolutions, matrix products and recurrent cells, in float and quantized;
    additions, activations and resizing are not, as is usual. An open batch counts as 1;
    ``input_shapes`` settles other open sides. Of two branches the dearer one counts; a loop with
    products inside has no count. Raises nothing for graphs that ``onnx`` can parse.
    """
    total = 0
    for counted in macs_by_node(model, input_shapes):
        if counted.macs is None:
            return None
        total += counted.macs
    return total


def macs_by_node(
    model: onnx.ModelProto, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> Iterator[NodeMacs]:
    """Of each node at the top of the graph that multiplies, in the graph's order.

    A node with branches inside counts as one. Local functions are unfolded first.
    """
    flat = inlined(model)
    inferred = infer(flat, input_shapes or {})
    shapes = shapes_in(inferred)
    branches = {x.output[0]: branches_of(x) for x in inferred.node if x.output}
    for node in flat.graph.node:
        macs = _of_node(node, shapes, branches.get(node.output[0], []) if node.output else [])
        if macs != 0:
            yield NodeMacs(node, macs)


def count_parameters(model: onnx.ModelProto) -> int:
    """Weights and biases stored in the file, each tensor once.

    Tensors of 64-bit integers (shapes, indices), scales and zero points of quantization are not
    counted; statistics of batch normalisation are.
    """
    nodes = list(nodes_of(model))
    parameters_of_quantization = {
        node.input[i] for node in nodes for i in _quantization_parameters(node)
    }
    return sum(
        math.prod(tensor.dims)
        for name, tensor in stored_tensors(model)
        if tensor.data_type not in _NOT_WEIGHTS and name not in parameters_of_quantization
    )


def _quantization_parameters(node: onnx.NodeProto) -> list[int]:
    """Which of its inputs are scales and zero points."""
    if node.op_type == "QLinearConcat":  # output scale, zero point, then threes with data first
        return [i for i in range(len(node.input)) if i < 2 or i % 3 != 2]
    return [i for i in _QUANTIZATION_PARAMETERS.get(node.op_type, ()) if i < len(node.input)]


def _of_node(
    node: onnx.NodeProto, shapes: Shapes, branches: Sequence[onnx.GraphProto]
) -> int | None:
    if branches:
        counts = [_of_graph(x, shapes) for x in branches]
        known = [macs for macs in counts if macs is not None]
        if node.op_type != "If":  # how often it is repeated is not known
            return 0 if not any(counts) and known == counts else None
        return max(known) if known == counts else None
    rule = _RULES.get(node.op_type)
    if rule is None:
        return 0
    try:
        return rule(node, shapes)
    except (_Unknown, IndexError, ValueError):
        return None


def _of_graph(graph: onnx.GraphProto, outside: Shapes) -> int | None:
    shapes = {**outside, **shapes_in(graph)}
    counts = [_of_node(node, shapes, branches_of(node)) for node in graph.node]
    return None if None in counts else sum(x for x in counts if x is not None)


class _Unknown(Exception):
    """A shape that the count needs is open."""


def _sides(shapes: Shapes, name: str) -> list[int]:
    sides = shapes.get(name)
    if sides is None or None in sides:
        raise _Unknown(name)
    return [x for x in sides if x is not None]


def _attribute(node: onnx.NodeProto, name: str, otherwise: int) -> int:
    return next((int(x.i) for x in node.attribute if x.name == name), otherwise)


def _convolution(picture: int, weight: int, *, transposed: bool = False) -> Rule:
    def rule(node: onnx.NodeProto, shapes: Shapes) -> int:
        # Each value that a filter is laid on (transposed: each that it is spread from).
        at = node.input[picture] if transposed else node.output[0]
        filters = _sides(shapes, node.input[weight])
        return math.prod(_sides(shapes, at)) * math.prod(filters[1:])

    return rule


def _product(left: int, right: int) -> Rule:
    def rule(node: onnx.NodeProto, shapes: Shapes) -> int:
        depth = _sides(shapes, node.input[left])[-1]
        _sides(shapes, node.input[right])
        return math.prod(_sides(shapes, node.output[0])) * depth

    return rule


def _gemm(left: int) -> Rule:
    def rule(node: onnx.NodeProto, shapes: Shapes) -> int:
        sides = _sides(shapes, node.input[left])
        depth = sides[0] if _attribute(node, "transA", 0) else sides[-1]
        return math.prod(_sides(shapes, node.output[0])) * depth

    return rule


def _block_quantized_product(node: onnx.NodeProto, shapes: Shapes) -> int:
    return math.prod(_sides(shapes, node.input[0])) * _attribute(node, "N", 0)


def _recurrent(gates: int) -> Rule:
    def rule(node: onnx.NodeProto, shapes: Shapes) -> int:
        steps, batch, width = _sides(shapes, node.input[0])
        directions = _sides(shapes, node.input[1])[0]
        hidden = _attribute(node, "hidden_size", 0)
        return steps * batch * directions * gates * hidden * (width + hidden)

    return rule


def _einsum(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Every index of the equation once: what a plain nest of loops would multiply."""
    equation = next(x.s.decode() for x in node.attribute if x.name == "equation").replace(" ", "")
    size: dict[str, int] = {}
    terms = equation.partition("->")[0].split(",")
    if "..." in equation:
        raise _Unknown(equation)
    for term, name in zip(terms, node.input, strict=True):
        size.update(zip(term, _sides(shapes, name), strict=True))
    return math.prod(size.values()) * (len(terms) - 1)


def _never_known(node: onnx.NodeProto, shapes: Shapes) -> int:
    raise _Unknown(node.op_type)


_RULES: dict[str, Rule] = {
    "Conv": _convolution(0, 1),
    "FusedConv": _convolution(0, 1),
    "ConvInteger": _convolution(0, 1),
    "QLinearConv": _convolution(0, 3),
    "DeformConv": _convolution(0, 1),
    "ConvTranspose": _convolution(0, 1, transposed=True),
    "MatMul": _product(0, 1),
    "FusedMatMul": _never_known,
    "MatMulInteger": _product(0, 1),
    "MatMulIntegerToFloat": _product(0, 1),
    "DynamicQuantizeMatMul": _product(0, 1),
    "QLinearMatMul": _product(0, 3),
    "MatMulNBits": _block_quantized_product,
    "Gemm": _gemm(0),
    "FusedGemm": _gemm(0),
    "QGemm": _gemm(0),
    "RNN": _recurrent(1),
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
    "DynamicQuantizeLSTM": _never_known,
    "Attention": _never_known,
    "QAttention": _never_known,
    "Einsum": _einsum,
}
