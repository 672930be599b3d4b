"""Which constants of a graph are weights: what a layer multiplies with, and what it adds."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from models_registry.compression.graph import Graph, attribute

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
PLACES = {
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "BatchNormalization": (1, 2),
    "PRelu": (1,),
}
LAYERS = ("Conv", "Gemm", "MatMul")
KINDS = (TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32)


def weights_of(graph: Graph) -> dict[str, int]:
    """Names of initializers, those behind a DequantizeLinear included, and along which axis each
    has its layer's outputs.

    Numbers that say what an answer means (strides, centres of cells, limits) are none.
    """
    found: dict[str, int] = {}
    for node in graph.proto.node:
        places: tuple[int, ...] = PLACES.get(node.op_type, ())
        if node.op_type == "Add" and any(_from_layer(graph, x) for x in node.input):
            places = (0, 1)  # a bias that stands beside its layer
        for at in places:
            name = _behind_rounding(graph, graph.optional_input(node, at))
            constant = graph.constants.get(name)
            # A single number scales or shifts, it has learnt nothing.
            if constant and constant.data_type in KINDS and int(np.prod(constant.dims)) > 1:
                found[name] = _outputs_axis(node, at, len(constant.dims))
    return found


def _outputs_axis(node: onnx.NodeProto, at: int, dimensions: int) -> int:
    if dimensions < 2 or node.op_type == "Conv":
        return 0
    turned = node.op_type == "Gemm" and attribute(node, "transB", 0)
    first = node.op_type == "MatMul" and at == 0
    return 0 if turned or first else dimensions - 1


def _from_layer(graph: Graph, name: str) -> bool:
    producer = graph.producer.get(_behind_rounding(graph, name))
    return producer is not None and producer.op_type in LAYERS


def _behind_rounding(graph: Graph, name: str) -> str:
    producer: onnx.NodeProto | None = graph.producer.get(name)
    while producer is not None and producer.op_type in (QUANTIZE, DEQUANTIZE):
        name = producer.input[0]
        producer = graph.producer.get(name)
    return name
