"""What each ONNX operation computes, in torch; a new one is one function and one word in the table.

An operation is called with its inputs in order: tensors, integer constants as numpy arrays, and
``None`` where one is left out. Shapes and axes must be constants: the clean-up step makes them so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models_registry.training.errors import TrainingFailed


@dataclass(frozen=True, slots=True)
class Operation:
    """A node of the graph; ``inputs`` and ``outputs`` name tensors."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def refuse(self, what: str) -> TrainingFailed:
        """Why it cannot be trained through."""
        return TrainingFailed(
            "graph_unsupported", f"{self.name}: {self.kind} {what} cannot be trained through"
        )

    def numbers(self, value: Any, words: str) -> list[Any]:
        """A constant input as plain numbers."""
        if value is None or (isinstance(value, Tensor) and value.requires_grad):
            raise self.refuse(f"without constant {words}")
        plain = value.cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        return [x.item() for x in plain.ravel()]

    def listed(self, inputs: Sequence[Any], at: int, name: str) -> list[Any] | None:
        """Numbers that older operator sets state as an attribute and newer ones as an input."""
        if name in self.attributes:
            stated = self.attributes[name]
            return list(stated) if isinstance(stated, list | tuple) else [stated]
        given = inputs[at] if len(inputs) > at else None
        return None if given is None else self.numbers(given, name)


Emit = Callable[[Operation, Sequence[Any]], Any]


def as_tensor(value: Any, like: Tensor) -> Tensor:
    """Integer constants take part in arithmetic as well."""
    return value if isinstance(value, Tensor) else torch.from_numpy(value).to(like.device)


def _elementwise(function: Callable[..., Tensor]) -> Emit:
    def emit(operation: Operation, inputs: Sequence[Any]) -> Tensor:
        like = next(x for x in inputs if isinstance(x, Tensor))
        return function(*(as_tensor(x, like) for x in inputs))

    return emit


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Emit:
    """Of any number of inputs, as Min and Max take them."""

    def emit(operation: Operation, inputs: Sequence[Any]) -> Tensor:
        result: Tensor = inputs[0]
        for other in inputs[1:]:
            result = function(result, other)
        return result

    return emit


def _clip(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    low, high = (operation.listed(inputs, at, name) for at, name in ((1, "min"), (2, "max")))
    return inputs[0].clamp(low[0] if low else None, high[0] if high else None)


def _hard_sigmoid(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    alpha, beta = operation.attributes.get("alpha", 0.2), operation.attributes.get("beta", 0.5)
    return (inputs[0] * alpha + beta).clamp(0, 1)


def _leaky(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    return functional.leaky_relu(inputs[0], operation.attributes.get("alpha", 0.01))


def _softmax(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    return inputs[0].softmax(operation.attributes.get("axis", -1))


def _reduced(function: Callable[..., Tensor]) -> Emit:
    def emit(operation: Operation, inputs: Sequence[Any]) -> Tensor:
        axes = operation.listed(inputs, 1, "axes") or list(range(inputs[0].ndim))
        return function(inputs[0], axes, bool(operation.attributes.get("keepdims", 1)))

    return emit


def _concatenate(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    like = next(x for x in inputs if isinstance(x, Tensor))
    parts = [as_tensor(x, like) for x in inputs]
    batch = max(len(x) for x in parts)
    if operation.attributes["axis"] != 0:  # constants of a file for batch 1 serve every picture
        parts = [x.expand(batch, *x.shape[1:]) if len(x) == 1 else x for x in parts]
    return torch.cat(parts, operation.attributes["axis"])


def _reshape(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    x, stated = inputs[0], operation.numbers(inputs[1], "shape")
    if operation.attributes.get("allowzero", 0):
        raise operation.refuse("with allowzero")
    shape = [x.shape[at] if n == 0 else n for at, n in enumerate(stated)]
    # A file for batch 1 states the 1; the pictures of a batch stay apart all the same.
    if shape[0] == 1 and len(x) > 1:
        shape[0] = len(x)
    if -1 not in shape and math.prod(shape) != x.numel():
        raise operation.refuse("made for single pictures")
    return x.reshape(shape)


def _flatten(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    if operation.attributes.get("axis", 1) != 1:
        raise operation.refuse("at another axis than 1")
    return inputs[0].flatten(1)


def _transpose(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    order = operation.attributes.get("perm", list(reversed(range(inputs[0].ndim))))
    return inputs[0].permute(*order)


def _slice(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    x = inputs[0]
    starts, ends = (operation.listed(inputs, at, name) for at, name in ((1, "starts"), (2, "ends")))
    axes = operation.listed(inputs, 3, "axes") or list(range(len(starts or ())))
    steps = operation.listed(inputs, 4, "steps") or [1] * len(axes)
    if starts is None or ends is None or min(steps) < 1:
        raise operation.refuse("backwards")
    places: list[Any] = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        places[axis] = slice(start, end, step)
    return x[tuple(places)]


def _split(operation: Operation, inputs: Sequence[Any]) -> Sequence[Tensor]:
    axis = operation.attributes.get("axis", 0)
    sizes = operation.listed(inputs, 1, "split")
    if sizes is None:
        sizes = [inputs[0].shape[axis] // len(operation.outputs)] * len(operation.outputs)
    return tuple(inputs[0].split(sizes, axis))


def _gather(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    axis, places = operation.attributes.get("axis", 0), operation.numbers(inputs[1], "indices")
    found = inputs[0].index_select(
        axis, torch.tensor([x % inputs[0].shape[axis] for x in places], device=inputs[0].device)
    )
    dimensions = np.ndim(inputs[1])
    if dimensions == 1:
        return found
    if dimensions == 0:
        return found.squeeze(axis)
    raise operation.refuse("with a table of indices")


def _squeeze(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    axes = operation.listed(inputs, 1, "axes")
    if axes is None:
        raise operation.refuse("of all axes")
    return inputs[0].squeeze(tuple(axes))


def _unsqueeze(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    result, axes = inputs[0], operation.listed(inputs, 1, "axes") or []
    dimensions = result.ndim + len(axes)
    for axis in sorted(x % dimensions for x in axes):
        result = result.unsqueeze(axis)
    return result


def _pad(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    pads = operation.listed(inputs, 1, "pads") or []
    if operation.attributes.get("mode", "constant") != "constant" or len(inputs) > 3:
        raise operation.refuse("of this kind")
    filled = operation.listed(inputs, 2, "value") or [0.0]
    low, high = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    # Torch names the last axis first.
    sides = [x for pair in zip(reversed(low), reversed(high), strict=True) for x in pair]
    return functional.pad(inputs[0], sides, value=filled[0])


def _first(operation: Operation, inputs: Sequence[Any]) -> Any:
    return inputs[0]


PLAIN: dict[str, Emit] = {
    "Identity": _first,
    "Dropout": _first,
    "Relu": _elementwise(torch.relu),
    "Sigmoid": _elementwise(torch.sigmoid),
    "Tanh": _elementwise(torch.tanh),
    "Exp": _elementwise(torch.exp),
    "Log": _elementwise(torch.log),
    "Sqrt": _elementwise(torch.sqrt),
    "Abs": _elementwise(torch.abs),
    "Neg": _elementwise(torch.neg),
    "Erf": _elementwise(torch.erf),
    "Softplus": _elementwise(functional.softplus),
    "HardSwish": _elementwise(functional.hardswish),
    "Add": _elementwise(torch.add),
    "Sub": _elementwise(torch.sub),
    "Mul": _elementwise(torch.mul),
    "Div": _elementwise(torch.div),
    "Pow": _elementwise(torch.pow),
    "PRelu": _elementwise(lambda x, slope: x.clamp(min=0) + slope * x.clamp(max=0)),
    "Min": _folded(torch.minimum),
    "Max": _folded(torch.maximum),
    "Clip": _clip,
    "LeakyRelu": _leaky,
    "HardSigmoid": _hard_sigmoid,
    "Softmax": _softmax,
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "ReduceMax": _reduced(torch.amax),
    "Concat": _concatenate,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Pad": _pad,
}
