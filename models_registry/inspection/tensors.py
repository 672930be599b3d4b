"""The tensors that a model file stores: which there are, whether they are whole, what they hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.shapes import branches_of, nodes_of

MAX_WEIGHT_BYTES = 1024**3
_BITS: dict[int, int] = {
    TensorProto.FLOAT: 32, TensorProto.FLOAT16: 16, TensorProto.BFLOAT16: 16,
    TensorProto.DOUBLE: 64, TensorProto.INT8: 8, TensorProto.UINT8: 8, TensorProto.INT16: 16,
    TensorProto.UINT16: 16, TensorProto.INT32: 32, TensorProto.UINT32: 32, TensorProto.INT64: 64,
    TensorProto.UINT64: 64, TensorProto.BOOL: 8, TensorProto.INT4: 4, TensorProto.UINT4: 4,
    TensorProto.FLOAT8E4M3FN: 8, TensorProto.FLOAT8E5M2: 8,
}  # fmt: skip
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def stored_tensors(model: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Every tensor stored in the file, with the name of the value it gives where it gives one:
    initializers (of sparse ones the values) and attributes, in branches and functions too."""
    for graph in _graphs(model):
        yield from ((tensor.name, tensor) for tensor in graph.initializer)
        yield from ((x.values.name, x.values) for x in graph.sparse_initializer)
    for node in nodes_of(model):
        name = node.output[0] if node.op_type == "Constant" and node.output else node.name
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield name, attribute.t
            if attribute.HasField("sparse_tensor"):
                yield name, attribute.sparse_tensor.values
            yield from ((name, x) for x in attribute.tensors)


def weight_bytes_by_type(model: onnx.ModelProto) -> dict[str, int]:
    """Bytes of the stored tensors by element type, as ``{"float32": 3_600_000, …}``."""
    sizes: Counter[str] = Counter()
    for _, tensor in stored_tensors(model):
        sizes[type_name(tensor.data_type)] += _bytes(tensor)
    return dict(sizes.most_common())


def type_name(data_type: int) -> str:
    """``float32`` for 1 and so on; ``type 99`` for what onnx does not know."""
    names = {"FLOAT": "float32", "DOUBLE": "float64"}
    try:
        name = TensorProto.DataType.Name(data_type)
    except ValueError:
        return f"type {data_type}"
    return str(names.get(name, name.lower()))


def not_finite(model: onnx.ModelProto) -> list[str]:
    """Names of stored float tensors with NaN or infinity in them; "-inf" masks are not rare."""
    found = []
    for name, tensor in stored_tensors(model):
        if tensor.data_type in _FLOATS and tensor.data_location != TensorProto.EXTERNAL:
            values = numpy_helper.to_array(tensor)
            if not np.isfinite(values).all():
                found.append(name)
    return found


def check_tensors(model: onnx.ModelProto) -> None:
    """Raises ``ModelRejected``: ``external_data``, ``too_large``, ``not_loadable``."""
    outside = [name for name, tensor in stored_tensors(model) if _lies_outside(tensor)]
    if outside:
        raise ModelRejected(
            "external_data",
            f"expected all weights inside the file, {len(outside)} lie in other files (for instance"
            f" {outside[0][:80]!r}); save the model as one file",
        )
    total = sum(_checked_bytes(name, tensor) for name, tensor in stored_tensors(model))
    for graph in _graphs(model):
        total += sum(math.prod(x.dims) * 4 for x in graph.sparse_initializer)
    if total > MAX_WEIGHT_BYTES:
        raise ModelRejected(
            "too_large",
            f"expected weights of at most {MAX_WEIGHT_BYTES} bytes, got {total}; compress the model"
            " or choose a smaller one",
        )


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    yield model.graph
    for node in nodes_of(model):
        yield from branches_of(node)


def _lies_outside(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or len(tensor.external_data) > 0


def _bytes(tensor: onnx.TensorProto) -> int:
    if tensor.data_type == TensorProto.STRING:
        return sum(len(x) for x in tensor.string_data)
    bits: int = math.prod(tensor.dims) * _BITS.get(tensor.data_type, 32)
    return (bits + 7) // 8


def _checked_bytes(name: str, tensor: onnx.TensorProto) -> int:
    """What the tensor takes once loaded, made sure that the file holds as much."""
    sides, kind = list(tensor.dims)[:8], tensor.data_type
    said = f"tensor {name[:80]!r} of sides {sides}"
    if any(x < 0 for x in tensor.dims) or len(tensor.dims) > 8:
        raise ModelRejected("not_loadable", f"{said}: expected at most 8 sides, none below 0")
    if kind not in _BITS and kind != TensorProto.STRING:
        raise ModelRejected(
            "not_loadable", f"{said}: expected numbers, got elements of {type_name(kind)}"
        )
    size, count = _bytes(tensor), math.prod(tensor.dims)
    if size > MAX_WEIGHT_BYTES:
        return size  # refused for its size, whatever of it is there
    if tensor.HasField("raw_data"):
        expected, got = size, len(tensor.raw_data)
    else:
        per_entry = 8 // _BITS[kind] if _BITS.get(kind, 8) < 8 else 1
        expected = -(-count // per_entry)
        got = len(getattr(tensor, helper.tensor_dtype_to_field(kind)))
    if expected != got:
        raise ModelRejected(
            "not_loadable",
            f"{said}: expected {expected} stored, got {got}; the file is damaged, export it anew",
        )
    return size
