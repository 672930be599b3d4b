"""What a parsed graph says of itself, before it runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx

from models_registry.inspection.checks import opset_of
from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.inspection.report import LARGEST, MOST_CHARS, MOST_ENTRIES, Value
from models_registry.inspection.shapes import nodes_of
from models_registry.inspection.tensors import not_finite, type_name, weight_bytes_by_type

MOST_NOTES, NOTE_CHARS = 64, 500


def read_facts(model: onnx.ModelProto) -> dict[str, Any]:
    """The fields of ``Inspection`` that need no run, as JSON values."""
    operators = Counter(f"{x.domain}.{x.op_type}" if x.domain else x.op_type for x in _nodes(model))
    stored = {x.name for x in model.graph.initializer}
    macs = count_macs(model)
    return {
        "opset": opset_of(model),
        "ir_version": max(model.ir_version, 0),
        "producer": f"{model.producer_name} {model.producer_version}".strip()[:NOTE_CHARS],
        "operators": {
            name[:MOST_CHARS]: count for name, count in operators.most_common(MOST_ENTRIES)
        },
        "inputs": _values([x for x in model.graph.input if x.name not in stored]),
        "outputs": _values(model.graph.output),
        "parameters": count_parameters(model),
        "macs": macs if macs is None or macs <= LARGEST else None,
        "weight_bytes_by_type": weight_bytes_by_type(model),
        "metadata": {
            x.key[:NOTE_CHARS]: x.value[:NOTE_CHARS] for x in model.metadata_props[:MOST_NOTES]
        },
    }


def warnings_about(model: onnx.ModelProto) -> list[str]:
    """What is no reason to refuse a file, but worth knowing."""
    warnings = []
    if broken := not_finite(model):
        warnings.append(
            f"{len(broken)} stored tensors hold values that are no finite numbers, for instance"
            f" {broken[0][:80]!r}: the model may find nothing or anything"
        )
    if doubles := weight_bytes_by_type(model).get("float64"):
        warnings.append(f"{doubles} bytes of weights are float64, which is slow; use float32")
    if model.training_info:
        warnings.append("the file holds training information, which is not used")
    return warnings


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    own = {(x.domain, x.name) for x in model.functions}
    return [x for x in nodes_of(model) if (x.domain, x.op_type) not in own]


def _values(declared: Any) -> list[dict[str, Any]]:
    values = []
    for value in declared[:MOST_ENTRIES]:
        kind = value.type.tensor_type
        shape = [
            x.dim_value if 0 < x.dim_value <= LARGEST else (x.dim_param[:NOTE_CHARS] or None)
            for x in kind.shape.dim[:MOST_ENTRIES]
        ]
        element = type_name(kind.elem_type) if value.type.HasField("tensor_type") else "no tensor"
        values.append(Value(value.name[:NOTE_CHARS], tuple(shape), element).to_json())
    return values
