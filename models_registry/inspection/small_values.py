"""Small values that a graph computes from shapes: pads, scales, sizes; worked out without a run.

``onnx`` infers shapes through some such arithmetic, but not through casts and divisions of floats,
as older exporters wrote them for every upsampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
Shape = tuple[int | None, ...]
MOST_ELEMENTS = 1024
_WRONG_INPUT = (ValueError, IndexError, TypeError, KeyError, OverflowError, ArithmeticError)


def work_out(graph: onnx.GraphProto, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Values by name of those nodes whose inputs are known, with at most 1024 elements each."""
    known = {
        x.name: numpy_helper.to_array(x)
        for x in graph.initializer
        if math.prod(x.dims) <= MOST_ELEMENTS
    }
    found: dict[str, Array] = {}
    for node in graph.node:
        value = _value(node, known, shapes)
        if value is not None and value.size <= MOST_ELEMENTS:
            found[node.output[0]] = known[node.output[0]] = value
    return found


def _value(
    node: onnx.NodeProto, known: Mapping[str, Array], shapes: Mapping[str, Shape]
) -> Array | None:
    if node.domain not in ("", "ai.onnx") or len(node.output) != 1:
        return None
    attributes = {x.name: x for x in node.attribute}
    try:
        if node.op_type == "Shape":
            return _shape(shapes[node.input[0]], attributes)
        rule = _RULES.get(node.op_type)
        if rule is None or any(x and x not in known for x in node.input):
            return None
        with np.errstate(all="ignore"):
            return np.asarray(rule(attributes, *(known[x] for x in node.input if x)))
    except _WRONG_INPUT:
        return None  # such a node fails in the runtime too, which says so better


def _shape(shape: Shape, attributes: Mapping[str, onnx.AttributeProto]) -> Array | None:
    start = attributes["start"].i if "start" in attributes else 0
    end = attributes["end"].i if "end" in attributes else len(shape)
    sides = shape[start:end]
    return None if None in sides else np.array(sides, np.int64)


def _constant(attributes: Mapping[str, onnx.AttributeProto]) -> Any:
    (attribute,) = attributes.values()
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        if math.prod(value.dims) > MOST_ELEMENTS:
            raise ValueError("too large to be a size")
        return numpy_helper.to_array(value)
    floats = attribute.type in (onnx.AttributeProto.FLOAT, onnx.AttributeProto.FLOATS)
    return np.array(value, np.float32 if floats else np.int64)


def _axes(attributes: Mapping[str, onnx.AttributeProto], given: tuple[Array, ...]) -> list[int]:
    return [int(x) for x in (given[0].ravel() if given else attributes["axes"].ints)]


def _unsqueeze(attributes: Mapping[str, onnx.AttributeProto], data: Array, *given: Array) -> Array:
    return np.expand_dims(data, tuple(_axes(attributes, given)))


def _squeeze(attributes: Mapping[str, onnx.AttributeProto], data: Array, *given: Array) -> Array:
    axes = _axes(attributes, given) if given or "axes" in attributes else None
    return np.squeeze(data, None if axes is None else tuple(axes))


def _slice(attributes: Mapping[str, onnx.AttributeProto], data: Array, *given: Array) -> Array:
    if given:
        starts, ends = given[0].ravel(), given[1].ravel()
        axes = given[2].ravel() if len(given) > 2 else range(len(starts))
        steps = given[3].ravel() if len(given) > 3 else [1] * len(starts)
    else:
        starts, ends = (np.array(attributes[x].ints) for x in ("starts", "ends"))
        axes = attributes["axes"].ints if "axes" in attributes else range(len(starts))
        steps = [1] * len(starts)
    cut = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(cut)]


def _div(attributes: Mapping[str, onnx.AttributeProto], left: Array, right: Array) -> Any:
    if left.dtype.kind in "iu":
        return np.trunc(left / right).astype(left.dtype)  # ONNX cuts towards zero
    return left / right


def _constant_of_shape(attributes: Mapping[str, onnx.AttributeProto], sides: Array) -> Array:
    if math.prod(int(x) for x in sides) > MOST_ELEMENTS:
        raise ValueError("too large to be a size")
    zero = np.zeros(1, np.float32)
    value = numpy_helper.to_array(attributes["value"].t) if "value" in attributes else zero
    return np.full(tuple(int(x) for x in sides), value.ravel()[0])


def _number(attributes: Mapping[str, onnx.AttributeProto], name: str, otherwise: int) -> int:
    return int(attributes[name].i) if name in attributes else otherwise


_RULES: dict[str, Callable[..., Any]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda attributes, x: x,
    "Cast": lambda attributes, x: x.astype(helper.tensor_dtype_to_np_dtype(attributes["to"].i)),
    "Gather": lambda attributes, x, at: np.take(x, at, _number(attributes, "axis", 0)),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": lambda attributes, *x: np.concatenate(x, _number(attributes, "axis", 0)),
    "Slice": _slice,
    "Reshape": lambda attributes, x, sides: x.reshape([int(n) for n in sides]),
    "Transpose": lambda attributes, x: x.transpose([*attributes["perm"].ints] or None),
    "Add": lambda attributes, a, b: a + b,
    "Sub": lambda attributes, a, b: a - b,
    "Mul": lambda attributes, a, b: a * b,
    "Div": _div,
    "Floor": lambda attributes, x: np.floor(x),
    "Ceil": lambda attributes, x: np.ceil(x),
    "Neg": lambda attributes, x: -x,
    "Sqrt": lambda attributes, x: np.sqrt(x),
}
