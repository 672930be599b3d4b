"""Shapes of all values of a graph, and its nodes with local functions and branches unfolded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import helper, inliner, numpy_helper, shape_inference

from models_registry.inspection.small_values import MOST_ELEMENTS, Shape, work_out

# ONNX Runtime's quantized operators, of which onnx knows no shapes: the standard operator whose
# output has the same shape, and which inputs count for it (None: every third, from the third).
_STAND_INS: dict[str, tuple[str, tuple[int, ...] | None]] = {
    "QuantizeLinear": ("Identity", (0,)),
    "DequantizeLinear": ("Identity", (0,)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearSigmoid": ("Identity", (0,)),
    "QLinearLeakyRelu": ("Identity", (0,)),
    "QLinearSoftmax": ("Identity", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearConcat": ("Concat", None),
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QGemm": ("Gemm", (0, 3)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "FusedMatMul": ("MatMul", (0, 1)),
    "FusedConv": ("Conv", (0, 1)),
    "FusedGemm": ("Gemm", (0, 1)),
}
_OWN_ATTRIBUTES = frozenset({"channels_last", "activation", "activation_params", "opset"})
"""Attributes that the standard operator does not have."""
CONTRIB = "com.microsoft"
MOST_ROUNDS = 12  # of shapes settling values that settle further shapes: one per upsampling


def infer(model: onnx.ModelProto, input_shapes: Mapping[str, Sequence[int]]) -> onnx.GraphProto:
    """A graph that computes the same shapes, with those written in that can be inferred.

    It is for shapes only: operators that onnx does not know are replaced by some that it does, and
    small values that could be worked out are stored. The first side of an input counts as 1 where
    it is open; ``input_shapes`` settles others.
    """
    shadow = _shadow(model)
    stored = {x.name for x in model.graph.initializer}
    for declared in shadow.graph.input:
        if declared.name not in stored:
            _settle(declared, input_shapes.get(declared.name))
    # Shapes that an exporter wrote down may name other sizes than those just settled.
    del shadow.graph.value_info[:]
    for declared in shadow.graph.output:
        declared.type.tensor_type.ClearField("shape")
    for _ in range(MOST_ROUNDS):
        try:
            inferred = shape_inference.infer_shapes(shadow, data_prop=True).graph
        except (shape_inference.InferenceError, RuntimeError, ValueError):
            return shadow.graph  # broken in a way that the runtime will tell in its own words
        if not _settle_small_values(shadow.graph, shapes_in(inferred)):
            break
    return inferred


def shapes_in(graph: onnx.GraphProto) -> dict[str, Shape]:
    """Shapes written into a graph by name of value, without those of its branches, where other
    values may have the same names. An open side is ``None``; what has no shape is absent."""
    shapes: dict[str, Shape] = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            sides = (x.dim_value if x.dim_value > 0 else None for x in kind.shape.dim)
            shapes[value.name] = tuple(sides)
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    return shapes


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without local functions: a copy if it had any."""
    return inliner.inline_local_functions(model) if model.functions else model


def nodes_of(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes: of the graph, of branches and loops at any depth, of local functions."""
    yield from nodes_in(model.graph)
    for function in model.functions:
        yield from nodes_in(function)


def nodes_in(part: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph or function, those of branches and loops at any depth among them."""
    waiting = [*part.node]
    while waiting:
        node = waiting.pop()
        yield node
        for graph in branches_of(node):
            waiting += graph.node


def branches_of(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs that it holds: of ``If``, ``Loop``, ``Scan``."""
    alone = [x.g for x in node.attribute if x.HasField("g")]
    return alone + [graph for x in node.attribute for graph in x.graphs]


def _shadow(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy for shapes only: contrib operators stand replaced by standard ones."""
    shadow = _without_weights(model)
    for node in nodes_of(shadow):
        if node.domain != CONTRIB or node.op_type not in _STAND_INS:
            continue
        node.op_type, counting = _STAND_INS[node.op_type]
        inputs = list(node.input)
        places = range(2, len(inputs), 3) if counting is None else counting
        kept = [inputs[i] for i in places if i < len(inputs)]
        attributes = [x for x in node.attribute if x.name not in _OWN_ATTRIBUTES]
        if node.op_type == "Identity":
            attributes = []
        del node.input[:], node.attribute[:]
        node.input.extend(kept)
        node.attribute.extend(attributes)
        node.domain = ""
    return shadow


def _settle_small_values(graph: onnx.GraphProto, shapes: Mapping[str, Shape]) -> bool:
    """Puts values that are worked out in the place of their nodes; whether there were any, and
    open shapes that they may settle."""
    if all(None not in x for x in shapes.values()):
        return False
    found = work_out(graph, shapes)
    kept = [x for x in graph.node if not x.output or x.output[0] not in found]
    if len(kept) == len(graph.node):
        return False
    graph.initializer.extend(numpy_helper.from_array(x, name) for name, x in found.items())
    del graph.node[:]
    graph.node.extend(kept)
    return True


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which large stored tensors are only declared: each round of inference would copy
    them several times."""
    graph = onnx.GraphProto(name=model.graph.name)
    for part in ("node", "input", "output"):
        getattr(graph, part).extend(getattr(model.graph, part))
    declared = {x.name for x in graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= MOST_ELEMENTS:
            graph.initializer.append(tensor)
        elif tensor.name not in declared:
            kind = (tensor.name, tensor.data_type, tensor.dims)
            graph.input.append(helper.make_tensor_value_info(*kind))
    shadow = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    shadow.opset_import.extend(model.opset_import)
    return shadow


def _settle(declared: onnx.ValueInfoProto, sides: Sequence[int] | None) -> None:
    dimensions = declared.type.tensor_type.shape.dim
    for index, dimension in enumerate(dimensions):
        if sides is not None and len(sides) == len(dimensions):
            dimension.dim_value = sides[index]
        elif index == 0 and dimension.dim_value < 1:
            dimension.dim_value = 1
