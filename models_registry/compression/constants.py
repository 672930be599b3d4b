"""Weights that are constants and nothing else."""

from __future__ import annotations

import onnx

from models_registry.compression.graph import Graph


def with_fixed_constants(model: onnx.ModelProto) -> Graph:
    """The graph without inputs that only declare a weight again.

    Old exporters list every weight as an input with a default. A step that gives a weight another
    name or type would turn such a default into an input that must be fed.
    """
    graph = Graph(model)
    kept = [x for x in graph.proto.input if x.name not in graph.constants]
    if len(kept) < len(graph.proto.input):
        copies = []
        for info in kept:
            copy = onnx.ValueInfoProto()
            copy.CopyFrom(info)
            copies.append(copy)
        del graph.proto.input[:]
        graph.proto.input.extend(copies)
        graph.refresh()
    return graph
