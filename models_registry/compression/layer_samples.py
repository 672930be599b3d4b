"""What layers with weights see and say at random places of calibration inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.capture import Probe
from models_registry.compression.graph import Graph, attribute
from models_registry.compression.step import Feeds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of a convolution, or of a dense layer (a window of one place)."""

    groups: int = 1
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, left, bottom, right
    dense: bool = False


def window(graph: Graph, node: onnx.NodeProto) -> Window | None:
    """``None`` for layers that cannot be sampled: other ranks, automatic padding, computed weights,
    transposed convolutions."""
    weight = graph.constant(node.input[1]) if len(node.input) > 1 else None
    if weight is None or weight.dtype != np.float32:
        return None
    if node.op_type in {"Gemm", "MatMul"}:
        odd = any(attribute(node, x, y) != y for x, y in (("transA", 0), ("alpha", 1), ("beta", 1)))
        return None if weight.ndim != 2 or odd else Window(dense=True)
    automatic = attribute(node, "auto_pad", "NOTSET")
    if node.op_type != "Conv" or weight.ndim != 4 or automatic not in {"NOTSET", "VALID"}:
        return None
    pads = attribute(node, "pads", [0] * 4) if automatic == "NOTSET" else [0] * 4
    return Window(
        attribute(node, "group", 1),
        (weight.shape[2], weight.shape[3]),
        tuple(attribute(node, "strides", [1, 1])),
        tuple(attribute(node, "dilations", [1, 1])),
        tuple(pads),
    )


def matrix(node: onnx.NodeProto, shape: Window, weight: NDArray[Any]) -> FloatArray:
    """A layer's weight as (groups, outputs per group, columns per group)."""
    values = weight.astype(np.float64)
    if not shape.dense:
        return values.reshape(shape.groups, weight.shape[0] // shape.groups, -1)
    flipped = node.op_type == "Gemm" and attribute(node, "transB", 0)
    return (values if flipped else values.T)[None]


def unmatrix(node: onnx.NodeProto, shape: Window, values: FloatArray, like: NDArray[Any]) -> Any:
    """The way back from ``matrix`` to the layout of ``like``."""
    if not shape.dense:
        return values.reshape(like.shape).astype(like.dtype)
    flipped = node.op_type == "Gemm" and attribute(node, "transB", 0)
    return (values[0] if flipped else values[0].T).astype(like.dtype)


def places(shape: Window, output: tuple[int, ...], rng: np.random.Generator, count: int) -> Any:
    """``count`` random places of a layer's output: flat indices over what is not channels."""
    total = int(np.prod(output[:-1])) if shape.dense else output[0] * int(np.prod(output[2:]))
    return rng.integers(0, total, count) if total > count else np.arange(total)


def said(shape: Window, output: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    """(places, channels) of a layer's output."""
    if shape.dense:
        return output.reshape(-1, output.shape[-1])[at]
    batch, row, column = np.unravel_index(at, (output.shape[0], *output.shape[2:]))
    return output[batch, :, row, column]


def seen(
    shape: Window, source: NDArray[Any], output: tuple[int, ...], at: NDArray[np.int64]
) -> NDArray[Any]:
    """(places, groups, columns per group): what the layer multiplies with its weights there."""
    if shape.dense:
        return source.reshape(-1, source.shape[-1])[at][:, None]
    top, left, bottom, right = shape.pads
    padded = np.pad(source, ((0, 0), (0, 0), (top, bottom), (left, right)))
    batch, row, column = np.unravel_index(at, (output[0], *output[2:]))
    rows = row[:, None] * shape.strides[0] + np.arange(shape.kernel[0]) * shape.dilations[0]
    columns = column[:, None] * shape.strides[1] + np.arange(shape.kernel[1]) * shape.dilations[1]
    # Advanced indices around a slice: the places come first, channels last.
    values = padded[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return np.moveaxis(values, -1, 1).reshape(len(at), shape.groups, -1)


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean (C,) and covariance (C, C) of a tensor's channels over places and inputs."""

    mean: FloatArray
    covariance: FloatArray


def channel_moments(
    model: onnx.ModelProto,
    axes: Mapping[str, int],
    feeds: Sequence[Feeds],
    rng: np.random.Generator,
    *,
    per_feed: int = 512,
) -> dict[str, Moments]:
    """``axes``: the axis that holds a tensor's channels, by tensor."""
    sums: dict[str, list[Any]] = {}
    probe = Probe(model, list(axes))
    for one in feeds:
        for name, values in probe(one).items():
            moved = np.moveaxis(values, axes[name], -1)
            count = int(np.prod(moved.shape[:-1]))
            at = rng.integers(0, count, per_feed) if count > per_feed else np.arange(count)
            # Only the sampled places are copied: a whole map in another order takes far longer.
            flat = moved[np.unravel_index(at, moved.shape[:-1])].astype(np.float64)
            total = sums.setdefault(name, [0, 0.0, 0.0])
            total[0] += len(flat)
            total[1] = total[1] + flat.sum(axis=0)
            total[2] = total[2] + flat.T @ flat
    return {
        name: Moments(first / count, second / count - np.outer(first / count, first / count))
        for name, (count, first, second) in sums.items()
    }
