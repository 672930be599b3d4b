"""Two thin layers instead of a thick one: how a weight splits, at which rank, at what error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models_registry.compression.layer_samples import FloatArray, Moments, Window

Scheme = Literal["bottleneck", "separable"]


@dataclass(frozen=True, slots=True)
class Factors:
    """``first`` then ``second`` make the layer; ``macs_share`` is of the whole layer's.

    ``error`` is the relative squared error of the output, or of the weight where no calibration
    input tells the output. Weights are in ONNX's convolution layout, (out, in) for dense layers.
    """

    scheme: Scheme
    rank: int
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    bias: FloatArray | None
    macs_share: float
    error: float


@dataclass(frozen=True, slots=True)
class RankChoice:
    """Rank by kept ``energy``, or by ``saving`` of multiply-accumulates where that is given."""

    energy: float
    saving: float | None
    multiple: int

    def rank(self, energies: FloatArray, macs_per_rank: float) -> int:
        """``energies`` falling; ``macs_per_rank`` as a share of the whole layer's."""
        if self.saving is not None:
            fitting = int((1 - self.saving) / macs_per_rank)
            return max(fitting // self.multiple * self.multiple, min(fitting, 1))
        needed = int(np.searchsorted(np.cumsum(energies) / energies.sum(), self.energy)) + 1
        return min(-(-needed // self.multiple) * self.multiple, len(energies))


def factorised(
    weight: NDArray[Any],
    bias: FloatArray | None,
    shape: Window,
    choice: RankChoice,
    output: Moments | None,
) -> Iterator[Factors]:
    """The ways in which a layer splits. ``weight`` is (out, in, height, width) or (out, in);
    ``output``: moments of what the layer says on calibration inputs, bias included."""
    values = weight.astype(np.float64)
    if not values.any():
        return
    yield from _bottleneck(values, bias, choice, output)
    if not shape.dense and min(shape.kernel) > 1:
        yield from _separable(values, bias, shape, choice)


def _bottleneck(
    weight: FloatArray, bias: FloatArray | None, choice: RankChoice, output: Moments | None
) -> Iterator[Factors]:
    """The window onto few channels, then a 1×1 onto all: W = P · (PᵀW).

    With calibration inputs P spans what the outputs really do (their principal components), which
    loses less than the weight's own singular vectors; else it is those.
    """
    flat = weight.reshape(len(weight), -1)
    if output is not None:
        energies, vectors = np.linalg.eigh(output.covariance)
        energies, basis = np.maximum(energies[::-1], 0), vectors[:, ::-1]
    else:
        basis, singular, _ = np.linalg.svd(flat, full_matrices=False)
        energies = singular**2
    if not energies.any():
        return
    per_rank = (flat.shape[1] + len(flat)) / flat.size
    rank = choice.rank(energies, per_rank)
    if not 0 < rank < min(flat.shape):
        return
    kept = basis[:, :rank]
    first = (kept.T @ flat).reshape(rank, *weight.shape[1:])
    second = kept.reshape(len(weight), rank, *[1] * (weight.ndim - 2))
    if output is not None and bias is not None:
        # y ≈ mean + PPᵀ(y − mean): what lies outside the kept directions stays at its mean.
        outside = (output.mean - bias) - kept @ (kept.T @ (output.mean - bias))
        bias = bias + outside
    error = float(energies[rank:].sum() / energies.sum())
    yield Factors(
        "bottleneck", rank, first.astype(np.float32), second.astype(np.float32), bias,
        rank * per_rank, error,
    )  # fmt: skip


def _separable(
    weight: FloatArray, bias: FloatArray | None, shape: Window, choice: RankChoice
) -> Iterator[Factors]:
    """A column window onto few channels, then a row window onto all."""
    outputs, inputs, height, width = weight.shape
    flat = weight.transpose(1, 2, 0, 3).reshape(inputs * height, outputs * width)
    left, singular, right = np.linalg.svd(flat, full_matrices=False)
    # The column window runs before the steps along the row are taken.
    per_rank = (inputs * height * shape.strides[1] + outputs * width) / weight.size
    rank = choice.rank(singular**2, per_rank)
    if not 0 < rank < len(singular):
        return
    root = np.sqrt(singular[:rank])
    first = (left[:, :rank] * root).T.reshape(rank, inputs, height, 1)
    second = (right[:rank].T * root).reshape(outputs, width, rank).transpose(0, 2, 1)
    error = float((singular[rank:] ** 2).sum() / (singular**2).sum())
    yield Factors(
        "separable", rank, first.astype(np.float32), second[:, :, None].astype(np.float32), bias,
        rank * per_rank, error,
    )  # fmt: skip
