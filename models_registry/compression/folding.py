"""Computes what does not depend on the input, once, and puts the result into the graph."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.graph import QUANTIZED, Graph, attribute
from models_registry.compression.step import Change, StepFailed

MAX_FOLDED_BYTES = 8 * 1024 * 1024  # a constant that an operator blows up stays an operator
MAX_ROUNDS = 20
# Their results differ from run to run, or they are weights in compact storage.
NEVER_FOLDED = QUANTIZED | {
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
    "If",
    "Loop",
    "Scan",
}


def fold_constants(graph: Graph) -> Change | None:
    """Replaces nodes whose inputs are all known; sizes of closed shapes count as known.

    Repeated, since a size that became known may tell the shape of the next tensor.
    """
    folded = 0
    for _ in range(MAX_ROUNDS):
        count = _fold_shapes(graph) + _fold_known(graph)
        graph.remove_unused()
        folded += count
        if not count:
            break
    return Change("graph", "folded", f"{folded} nodes that were constant") if folded else None


def _fold_known(graph: Graph) -> int:
    nodes = _computable(graph)
    values = _evaluated(graph, nodes) if nodes else {}
    folded = 0
    for node in nodes:
        names = [x for x in node.output if x in values and x not in graph.outputs]
        for name in names:
            _read_instead(graph, name, graph.add_constant(f"{name}_folded", values[name]))
        folded += bool(names)
    return folded


def _fold_shapes(graph: Graph) -> int:
    shapes, count = graph.shapes(), 0
    for node in list(graph.proto.node):
        sizes = shapes.get(node.input[0]) if node.op_type == "Shape" else None
        if sizes is None or any(x is None for x in sizes):
            continue
        chosen = sizes[attribute(node, "start", 0) : attribute(node, "end", len(sizes))]
        name = graph.add_constant(f"{node.output[0]}_folded", np.array(chosen, np.int64))
        _read_instead(graph, node.output[0], name)
        count += 1
    return count


def _computable(graph: Graph) -> list[onnx.NodeProto]:
    """Nodes that depend on constants alone, in order."""
    known = set(graph.constants)
    found = []
    for node in graph.proto.node:
        if node.op_type in NEVER_FOLDED or node.domain not in {"", "ai.onnx"}:
            continue
        if all(not x or x in known for x in node.input):
            found.append(node)
            known.update(node.output)
    return found


def _evaluated(graph: Graph, nodes: list[onnx.NodeProto]) -> dict[str, np.ndarray]:
    """Their results, as ONNX Runtime computes them."""
    types = graph.element_types()
    part = onnx.ModelProto()
    part.CopyFrom(graph.model)
    del part.graph.input[:], part.graph.output[:], part.graph.value_info[:], part.graph.node[:]
    part.graph.node.extend(nodes)
    names = [x for node in nodes for x in node.output if x]
    for name in names:
        if types.get(name):
            part.graph.output.append(helper.make_tensor_value_info(name, types[name], None))
    try:
        values = run(loaded(part), {})
    except StepFailed:
        return {}  # left as it is: the whole graph is judged by its outputs later
    return {name: x for name, x in values.items() if x.nbytes <= MAX_FOLDED_BYTES}


def _read_instead(graph: Graph, old: str, new: str) -> None:
    graph.replace_reads(old, new)
    graph.refresh()
