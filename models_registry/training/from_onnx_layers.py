"""The operations with weights or windows: convolutions, dense layers, pools, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models_registry.training.from_onnx_operations import PLAIN, Emit, Operation


def _padded(operation: Operation, x: Tensor, filled: float) -> tuple[Tensor, tuple[int, int]]:
    """``x`` with uneven edges added, and the even ones that are left for the layer to add."""
    if operation.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise operation.refuse("with auto_pad")
    top, left, bottom, right = operation.attributes.get("pads", [0, 0, 0, 0])
    if (top, left) == (bottom, right):
        return x, (top, left)
    return functional.pad(x, (left, right, top, bottom), value=filled), (0, 0)


def _convolution(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    x, weight, *rest = inputs
    if weight.ndim != 4:
        raise operation.refuse(f"over {weight.ndim - 2} sides")
    x, pads = _padded(operation, x, 0.0)
    given = operation.attributes
    return functional.conv2d(
        x,
        weight,
        rest[0] if rest else None,
        stride=tuple(given.get("strides", (1, 1))),
        padding=pads,
        dilation=tuple(given.get("dilations", (1, 1))),
        groups=given.get("group", 1),
    )


def _dense(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    given = operation.attributes
    x, weight, *rest = inputs
    if given.get("transA", 0):
        raise operation.refuse("with transA")
    result = x @ (weight.T if given.get("transB", 0) else weight) * given.get("alpha", 1.0)
    if rest and rest[0] is not None:
        result = result + rest[0] * given.get("beta", 1.0)
    return result


def _normalisation(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    """With the file's own means: few pictures must not move them."""
    x, gain, shift, mean, variance = inputs
    return functional.batch_norm(
        x, mean, variance, gain, shift, False, 0.0, operation.attributes.get("epsilon", 1e-5)
    )


def _max_pool(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    given = operation.attributes
    x, pads = _padded(operation, inputs[0], float("-inf"))
    kernel = tuple(given["kernel_shape"])
    if 2 * pads[0] > kernel[0] or 2 * pads[1] > kernel[1]:
        raise operation.refuse("with edges wider than half its window")
    return functional.max_pool2d(
        x,
        kernel,
        tuple(given.get("strides", (1, 1))),
        pads,
        tuple(given.get("dilations", (1, 1))),
        bool(given.get("ceil_mode", 0)),
    )


def _average_pool(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    given = operation.attributes
    counted = bool(given.get("count_include_pad", 0))
    x, pads = _padded(operation, inputs[0], 0.0)
    if x is not inputs[0] and not counted:
        raise operation.refuse("with uneven edges")
    return functional.avg_pool2d(
        x,
        tuple(given["kernel_shape"]),
        tuple(given.get("strides", (1, 1))),
        pads,
        bool(given.get("ceil_mode", 0)),
        counted,
    )


def _resize(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    given, x = operation.attributes, inputs[0]
    # Upsample, its forerunner, has the scales in the second place.
    scales = inputs[-1] if operation.kind == "Upsample" else (inputs[2:3] or [None])[0]
    if len(inputs) > 3 and inputs[3] is not None:
        sizes = [int(n) for n in operation.numbers(inputs[3], "sizes")[2:]]
        factors = [n / old for n, old in zip(sizes, x.shape[2:], strict=True)]
    else:
        factors = operation.numbers(scales, "scales")[2:]
        sizes = [int(old * factor) for old, factor in zip(x.shape[2:], factors, strict=True)]
    mode = given.get("mode", "nearest")
    place = given.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        # Enlarged by whole numbers, every way of counting finds the same neighbour.
        whole = all(factor >= 1 and float(factor).is_integer() for factor in factors)
        floor = place == "asymmetric" and given.get("nearest_mode") == "floor"
        if whole or floor:
            return functional.interpolate(x, size=sizes, mode="nearest")
    elif mode == "linear" and place in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        corners = place == "align_corners"
        return functional.interpolate(x, size=sizes, mode="bilinear", align_corners=corners)
    raise operation.refuse(f"of mode {mode} ({place})")


def _mean_of_picture(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    return inputs[0].mean((2, 3), keepdim=True)


def _largest_of_picture(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    return inputs[0].amax((2, 3), keepdim=True)


def _product(operation: Operation, inputs: Sequence[Any]) -> Tensor:
    return torch.matmul(inputs[0], inputs[1])


OPERATIONS: dict[str, Emit] = {
    **PLAIN,
    "Conv": _convolution,
    "Gemm": _dense,
    "MatMul": _product,
    "BatchNormalization": _normalisation,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _mean_of_picture,
    "GlobalMaxPool": _largest_of_picture,
    "Resize": _resize,
    "Upsample": _resize,
}
