"""What it costs to remove filters, before they are removed.

With calibration inputs the cost of a channel is what its readers cannot make up for: the part of
their output that no combination of the remaining channels replaces (the Schur complement of the
channels' covariance), as a share of the output's energy. Without, it is the size of the filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models_registry.compression.channel_groups import Analysis
from models_registry.compression.channels import AtomArray, Layer
from models_registry.compression.layer_samples import FloatArray, Moments

RIDGE = 1e-3  # of the mean variance: keeps the inverse calm where channels copy each other
MAX_COLUMNS = 2048  # wider layers (a fully connected one on a flattened map) are taken as diagonal


class Costs(Protocol):
    """Costs that follow what was removed already."""

    def copy(self, roots: AtomArray) -> Costs:
        """A copy to try removals of these roots on."""
        ...

    def each(self, roots: AtomArray) -> FloatArray:
        """Cost of removing each root alone, roughly."""
        ...

    def remove(self, root: int) -> float:
        """Removes one; returns its cost."""
        ...

    def touched(self, root: int) -> frozenset[str]:
        """Layers whose later costs change when this root goes."""
        ...


class FilterSizes:
    """Share of a layer's filter norms, ``power`` 1 or 2, averaged over the coupled layers."""

    def __init__(self, analysis: Analysis, power: int) -> None:
        self._costs: dict[int, float] = {}
        for layer in analysis.trace.layers:
            weight = analysis.graph.constant(layer.weight)
            assert weight is not None
            filters = np.abs(np.moveaxis(weight, layer.write_axis, 0).astype(np.float64))
            sizes = (filters.reshape(len(filters), -1) ** power).sum(axis=1)
            # A grouped transposed layer has fewer weights along this axis than channels; it stays.
            if len(sizes) != len(layer.writes) or not sizes.any():
                continue
            for root, size in zip(analysis.roots(layer.writes), sizes / sizes.sum(), strict=True):
                self._costs[int(root)] = self._costs.get(int(root), 0.0) + float(size)

    def copy(self, roots: AtomArray) -> FilterSizes:
        """Nothing changes by removals: the same."""
        return self

    def each(self, roots: AtomArray) -> FloatArray:
        """Cost of each."""
        return np.array([self._costs.get(int(x), 0.0) for x in roots])

    def remove(self, root: int) -> float:
        """Its cost."""
        return self._costs.get(root, 0.0)

    def touched(self, root: int) -> frozenset[str]:
        """None."""
        return frozenset()


class Reader:
    """A layer that reads channels: its weight as it makes up for the ones removed.

    ``weights``: (outputs × window, channels).
    """

    def __init__(self, weights: FloatArray, roots: AtomArray, moments: Moments) -> None:
        self.original, self.weights, self.roots = weights, weights.copy(), roots
        covariance = moments.covariance
        ridge = RIDGE * float(np.diag(covariance).mean()) + 1e-12
        self.diagonal = len(roots) > MAX_COLUMNS
        if self.diagonal:
            self.inverse: FloatArray = 1 / (np.diag(covariance) + ridge)
            energy = (weights**2 / self.inverse).sum()
        else:
            regular = covariance + ridge * np.eye(len(covariance))
            self.inverse = np.linalg.inv(regular).astype(np.float64)
            energy = ((weights @ covariance) * weights).sum()
        self.energy = max(float(energy), 1e-12)

    def copy(self) -> Reader:
        """One to try removals on."""
        other = object.__new__(Reader)
        other.weights, other.inverse = self.weights.copy(), self.inverse.copy()
        other.original, other.roots = self.original, self.roots
        other.diagonal, other.energy = self.diagonal, self.energy
        return other

    def each_column(self) -> FloatArray:
        """Cost of each channel alone."""
        scale = self.inverse if self.diagonal else np.diag(self.inverse)
        costs: FloatArray = (self.weights**2).sum(axis=0) / np.maximum(scale, 1e-12) / self.energy
        return costs

    def remove(self, root: int) -> float:
        """Takes a root's channels out and lets the others replace them as well as they can."""
        gone = np.flatnonzero(self.roots == root)
        lost = self.weights[:, gone]
        if self.diagonal:
            self.weights[:, gone] = 0
            return float((lost**2 / self.inverse[gone]).sum() / self.energy)
        block = self.inverse[np.ix_(gone, gone)]
        solved = np.linalg.solve(block, self.inverse[gone])
        cost = float((lost @ np.linalg.solve(block, lost.T)).trace() / self.energy)
        self.weights -= lost @ solved
        self.inverse -= self.inverse[:, gone] @ solved
        self.weights[:, gone] = 0
        self.inverse[gone] = self.inverse[:, gone] = 0
        self.inverse[gone, gone] = 1.0  # of no use any more, and no division by zero
        return cost


class Reconstructions:
    """Costs by what the readers cannot make up for; ``readers`` by the name of their layer."""

    def __init__(self, readers: dict[str, Reader]) -> None:
        self.readers = readers
        self._of: dict[int, list[str]] = {}
        for name, reader in readers.items():
            for root in np.unique(reader.roots).tolist():
                self._of.setdefault(root, []).append(name)

    def copy(self, roots: AtomArray) -> Reconstructions:
        """Only the readers of ``roots``."""
        names = {name for root in roots.tolist() for name in self._of.get(root, ())}
        return Reconstructions({x: self.readers[x].copy() for x in names})

    def each(self, roots: AtomArray) -> FloatArray:
        """Sum over readers and channels of each root."""
        order = np.argsort(roots)
        ranked, costs = roots[order], np.zeros(len(roots))
        for name in {name for root in roots.tolist() for name in self._of.get(root, ())}:
            reader = self.readers[name]
            at = np.minimum(np.searchsorted(ranked, reader.roots), len(ranked) - 1)
            asked = ranked[at] == reader.roots
            np.add.at(costs, order[at[asked]], reader.each_column()[asked])
        return costs

    def remove(self, root: int) -> float:
        """In every reader."""
        return sum(self.readers[name].remove(root) for name in self._of.get(root, ()))

    def touched(self, root: int) -> frozenset[str]:
        """Its readers."""
        return frozenset(self._of.get(root, ()))


def reader_axes(analysis: Analysis) -> dict[str, int]:
    """The channel axis of each tensor that a layer reads channels from."""
    return {
        x.source: analysis.trace.channels[x.source].axis for x in _readers(analysis.trace.layers)
    }


def reconstructions(analysis: Analysis, moments: Mapping[str, Moments]) -> Reconstructions:
    """Readers of a graph, with what flows into them."""
    readers = {}
    for layer in _readers(analysis.trace.layers):
        assert layer.reads is not None
        weights = read_matrix(layer, analysis.graph.constant(layer.weight))
        readers[layer.node] = Reader(weights, analysis.roots(layer.reads), moments[layer.source])
    return Reconstructions(readers)


def read_matrix(layer: Layer, weight: NDArray[Any] | None) -> FloatArray:
    """(outputs × window, channels) of a layer's weight; groups stand as blocks."""
    assert weight is not None
    assert layer.reads is not None
    moved = np.moveaxis(weight.astype(np.float64), layer.read_axis, -1)
    columns = moved.shape[-1]
    if layer.groups == 1:
        return np.ascontiguousarray(moved.reshape(-1, columns))
    per_group = moved.reshape(layer.groups, -1, columns)
    full = np.zeros((layer.groups, per_group.shape[1], layer.groups, columns))
    for group in range(layer.groups):
        full[group, :, group] = per_group[group]
    return full.reshape(-1, layer.groups * columns)


def write_matrix(layer: Layer, values: FloatArray, like: NDArray[Any]) -> NDArray[Any]:
    """The way back from ``read_matrix`` to a weight of the shape of ``like``."""
    moved = list(np.delete(like.shape, layer.read_axis))
    columns = like.shape[layer.read_axis]
    if layer.groups > 1:
        blocks = values.reshape(layer.groups, -1, layer.groups, columns)
        values = np.stack([blocks[group, :, group] for group in range(layer.groups)])
    restored = np.moveaxis(values.reshape(*moved, columns), -1, layer.read_axis)
    return np.ascontiguousarray(restored.astype(like.dtype))


def _readers(layers: Sequence[Layer]) -> list[Layer]:
    return [x for x in layers if x.mixes and x.reads is not None]
