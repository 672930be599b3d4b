"""How many bytes of activations a graph needs at once."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto, shape_inference

BYTES = {TensorProto.FLOAT: 4, TensorProto.UINT8: 1, TensorProto.INT8: 1, TensorProto.INT64: 8}
IN_PLACE = {"Relu", "Identity", "Reshape", "Flatten"}  # give the bytes that they were given


def peak_activation_bytes(model: onnx.ModelProto) -> int:
    """The most that lives at one time when nodes run in their order, each value freed after its
    last use. Counts inputs and outputs, not weights, nor what a kernel uses inside."""
    graph = shape_inference.infer_shapes(model).graph
    stored = {x.name for x in graph.initializer}
    sizes = {x.name: _bytes(x) for x in (*graph.input, *graph.value_info, *graph.output)}
    owner = {name: name for name in sizes}  # which buffer holds a value
    for node in graph.node:
        if node.op_type in IN_PLACE:
            owner[node.output[0]] = owner[node.input[0]]
    last = {owner[x.name]: len(graph.node) for x in graph.output}
    for at, node in enumerate(graph.node):
        for name in (*node.input, *node.output):
            if name and name not in stored:
                last[owner[name]] = max(last.get(owner[name], 0), at)
    alive = {x.name for x in graph.input if x.name not in stored}
    peak = 0
    for at, node in enumerate(graph.node):
        alive |= {owner[x] for x in node.output if x}
        peak = max(peak, sum(sizes[x] for x in alive))
        alive = {x for x in alive if last[x] > at}
    return peak


def _bytes(value: onnx.ValueInfoProto) -> int:
    kind = value.type.tensor_type
    return math.prod(x.dim_value for x in kind.shape.dim) * BYTES[kind.elem_type]
