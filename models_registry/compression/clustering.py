"""Few values for many weights: one-dimensional k-means, exact and the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ROUNDS = 60
DENSITY_BINS = 4096


@dataclass(frozen=True, slots=True)
class Shared:
    """``values`` ascending, in the weights' own type; ``index`` (N,) says which each weight got."""

    values: NDArray[Any]
    index: NDArray[np.uint8]

    def weights(self) -> NDArray[Any]:
        """The weights as they are now."""
        return self.values[self.index]


def shared_values(weights: NDArray[Any], count: int, *, keep_zero: bool = False) -> Shared:
    """At most ``count`` (2–256) values for finite ``weights`` (N,), N > 0.

    Starts from values spread by the weights' density, the rare large ones included; then each
    value moves to the mean of its weights until none moves. ``keep_zero``: weights that
    are zero stay zero and no other becomes it. Weights of no more than ``count`` values keep them.
    """
    if not 2 <= count <= 256:
        raise ValueError(f"expected 2–256 shared values, got {count}")
    flat = weights.reshape(-1) + weights.dtype.type(0)  # -0 and 0 are one value
    ordered = np.sort(flat)
    distinct = ordered[np.flatnonzero(np.diff(ordered, prepend=np.nan) != 0)]
    if len(distinct) > count:
        if keep_zero:
            moving = _moved(ordered[ordered != 0], count - 1)
            distinct = np.unique(np.append(moving, flat.dtype.type(0)))
        else:
            distinct = np.unique(_moved(ordered, count))
    return Shared(distinct, _nearest(flat, distinct, keep_zero=keep_zero))


def _moved(ordered: NDArray[Any], count: int) -> NDArray[Any]:
    """The means of ``count`` clusters of ascending weights."""
    sums = np.concatenate([[0.0], np.cumsum(ordered, dtype=np.float64)])
    centres = _first_centres(ordered, count)
    edges = np.zeros(0, np.int64)
    for _ in range(MAX_ROUNDS):
        middles = ((centres[1:] + centres[:-1]) / 2).astype(ordered.dtype)
        moved = np.concatenate([[0], np.searchsorted(ordered, middles), [len(ordered)]])
        if np.array_equal(moved, edges):
            break
        edges = moved
        sizes = np.diff(edges)
        means = np.diff(sums[edges]) / np.maximum(sizes, 1)
        centres = np.where(sizes > 0, means, centres)
    used = np.diff(edges) > 0
    result: NDArray[Any] = centres[used].astype(ordered.dtype)
    # A mean of weights of both signs may be zero, which stands for pruned ones only.
    return result


def _first_centres(ordered: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Values as dense as the cube root of the weights' density: nearly where the least squared
    error puts them, which even spacing does not reach within the rounds."""
    exact = ordered.astype(np.float64)  # so many bins do not fit between float16 values
    counts, edges = np.histogram(exact, DENSITY_BINS, (float(exact[0]), float(exact[-1])))
    mass = np.concatenate([[0.0], np.cumsum(np.cbrt(counts))])
    shares = np.linspace(0.0, 1.0, count) * mass[-1]
    centres: NDArray[np.float64] = np.interp(shares, mass, edges)
    return centres


def _nearest(flat: NDArray[Any], values: NDArray[Any], *, keep_zero: bool) -> NDArray[np.uint8]:
    exact = values.astype(np.float64)
    middles = ((exact[1:] + exact[:-1]) / 2).astype(flat.dtype)
    index = np.searchsorted(middles, flat).astype(np.uint8)
    if keep_zero and 0 in values and len(values) > 1:
        zero = int(np.flatnonzero(values == 0)[0])
        stray = (index == zero) & (flat != 0)
        others = np.array([x for x in (zero - 1, zero + 1) if 0 <= x < len(values)])
        distance = np.abs(exact[others] - flat[stray, None].astype(np.float64))
        index[stray] = others[distance.argmin(axis=1)]
        index[flat == 0] = zero
    return index
