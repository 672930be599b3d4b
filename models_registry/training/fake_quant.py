"""Rounding to few levels inside a net that learns, as QuantizeLinear and DequantizeLinear do it.

Forward the numbers are the file's; backward the rounding is taken for a straight line (Bengio et
al. 2013), and the scales may learn as well (LSQ: Esser et al. 2020).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SEVEN_BITS, EIGHT_BITS = 64, 127  # ONNX Runtime's largest weight with and without reduce_range


def levels(x: Tensor, scale: Tensor, zero: Tensor, low: float, high: float) -> Tensor:
    """The integers, as floats, that QuantizeLinear makes of ``x``.

    ``scale`` and ``zero`` broadcast. The gradient passes where nothing is clipped, and reaches
    ``scale`` as LSQ wants it.
    """
    exact = x / scale
    rounded = exact + (exact.round() - exact).detach()
    return (rounded + zero).clamp(low, high)


def value(levels_of_x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """What DequantizeLinear makes of ``levels``."""
    return (levels_of_x - zero) * scale


def along(values: Tensor, axis: int, dimensions: int) -> Tensor:
    """(C,) as a tensor that broadcasts along ``axis``; a single value stays one."""
    if values.numel() == 1:
        return values.reshape(())
    shape = [1] * dimensions
    shape[axis] = -1
    return values.reshape(shape)


def weight_limits(stored: NDArray[Any]) -> tuple[int, int]:
    """Between which integers the weights of a file may move: those of 7 bits stay in 7 bits."""
    if stored.dtype == np.uint8:
        return 0, 255
    largest = int(np.abs(stored.astype(np.int32)).max(initial=0))
    limit = SEVEN_BITS if largest <= SEVEN_BITS else EIGHT_BITS
    return -limit, limit


def activation_limits(kind: np.dtype[Any]) -> tuple[int, int]:
    """Between which integers QuantizeLinear to ``kind`` clips."""
    bounds = np.iinfo(kind)
    return int(bounds.min), int(bounds.max)


def stored_integers(
    x: Tensor, scale: Tensor, zero: Tensor, limits: tuple[int, int], kind: np.dtype[Any]
) -> NDArray[Any]:
    """Weights as a file stores them."""
    with torch.no_grad():
        found = (x / scale).round() + zero
        array: NDArray[Any] = found.clamp(*limits).cpu().numpy().astype(kind)
    return array
