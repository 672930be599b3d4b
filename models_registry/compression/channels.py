"""Which channels of a graph can only be removed together.

Every output channel of a layer with weights is born as an *atom*. Operators hand atoms on along one
axis of their tensors; where two tensors are added, channels of equal place become one atom. An atom
that reaches a model output, or an operator whose result depends on how many channels there are, is
pinned: it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.graph import Graph, Shape, set_attribute

AtomArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Channels:
    """The axis of a tensor that holds channels, and the atom of each."""

    axis: int
    atoms: AtomArray


class Atoms:
    """Sets of channels that live and die together, with the reasons why some must live."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._pinned: dict[int, str] = {}

    def fresh(self, count: int) -> AtomArray:
        """``count`` new atoms, each on its own."""
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        return np.arange(start, start + count, dtype=np.int64)

    def root(self, atom: int) -> int:
        """The one that speaks for the whole set."""
        while self._parent[atom] != atom:
            self._parent[atom] = self._parent[self._parent[atom]]
            atom = self._parent[atom]
        return atom

    def roots(self, atoms: AtomArray) -> AtomArray:
        """``root`` of each."""
        return np.array([self.root(int(x)) for x in atoms], np.int64)

    def join(self, first: AtomArray, second: AtomArray) -> None:
        """Makes channels of equal place one."""
        for one, other in zip(first.tolist(), second.tolist(), strict=True):
            a, b = self.root(one), self.root(other)
            if a != b:
                self._parent[b] = a
                if b in self._pinned:
                    self._pinned.setdefault(a, self._pinned[b])

    def pin(self, atoms: AtomArray, reason: str) -> None:
        """These stay; the first reason given is the one reported."""
        for atom in atoms.tolist():
            self._pinned.setdefault(self.root(atom), reason)

    def pinned(self, root: int) -> str:
        """Why a set must stay, empty where it need not."""
        return self._pinned.get(root, "")


@dataclass(frozen=True, slots=True)
class Cut:
    """A constant loses entries along ``axis`` with the atoms that go."""

    constant: str
    axis: int
    atoms: AtomArray
    node: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A constant or attribute is computed anew; gets whether each of the asked atoms is kept."""

    atoms: AtomArray
    change: Callable[[Graph, NDArray[np.bool_]], None]


@dataclass(frozen=True, slots=True)
class Layer:
    """A node with weights. ``writes``: its output channels' atoms. ``reads``: those of its input.

    ``reads`` is ``None`` for the first layer (a picture's channels are no atoms); for a depthwise
    convolution both are the same atoms, ``mixes`` False. ``read_axis``, ``write_axis``: of the
    weight. ``groups``: of a convolution.
    """

    node: str
    op_type: str
    source: str
    weight: str
    bias: str
    writes: AtomArray
    reads: AtomArray | None
    write_axis: int
    read_axis: int
    groups: int = 1
    mixes: bool = True


class Trace:
    """Atoms of every tensor of a graph, and what must be rewritten when some of them go."""

    def __init__(self, graph: Graph, shapes: dict[str, Shape]) -> None:
        self.graph, self.shapes = graph, shapes
        self.atoms = Atoms()
        self.channels: dict[str, Channels] = {}
        self.cuts: dict[tuple[str, int], Cut] = {}
        self.cut_by: dict[str, set[str]] = {}
        self.rewrites: list[Rewrite] = []
        self.layers: list[Layer] = []

    def rank(self, name: str) -> int | None:
        """How many axes a tensor has."""
        shape = self.shapes.get(name)
        return None if shape is None else len(shape)

    def size(self, name: str, axis: int) -> int | None:
        """A tensor's extent along an axis."""
        shape = self.shapes.get(name)
        return shape[axis] if shape is not None and axis < len(shape) else None

    def put(self, name: str, axis: int, atoms: AtomArray) -> None:
        """Says where a tensor holds which atoms."""
        self.channels[name] = Channels(axis, atoms)
        if self.size(name, axis) not in {None, len(atoms)}:
            self.atoms.pin(atoms, f"{name} has another size than its channels")

    def pin(self, name: str, reason: str) -> None:
        """The channels of a tensor stay."""
        if name in self.channels:
            self.atoms.pin(self.channels[name].atoms, reason)

    def pin_inputs(self, node: onnx.NodeProto, reason: str) -> None:
        """The channels of all that a node reads stay."""
        for name in node.input:
            self.pin(name, reason)

    def cut(self, constant: str, axis: int, atoms: AtomArray, node: onnx.NodeProto) -> None:
        """``constant`` shrinks with ``atoms``; two uses of one constant make their atoms one."""
        known = self.cuts.get((constant, axis))
        if known is None:
            self.cuts[constant, axis] = Cut(constant, axis, atoms, node.name)
        elif len(known.atoms) == len(atoms):
            self.atoms.join(known.atoms, atoms)
        else:
            self.atoms.pin(atoms, f"{constant} is shared in two ways")
            self.atoms.pin(known.atoms, f"{constant} is shared in two ways")
        self.cut_by.setdefault(constant, set()).add(node.name)

    def rewrite_attribute(self, node: str, name: str, atoms: AtomArray) -> None:
        """An attribute that counts channels."""

        def change(graph: Graph, kept: NDArray[np.bool_]) -> None:
            found = next(x for x in graph.proto.node if x.name == node)
            set_attribute(found, name, int(kept.sum()))

        self.rewrites.append(Rewrite(atoms, change))

    def rewrite_count(self, constant: str, at: int, atoms: AtomArray) -> None:
        """An entry of a constant that counts channels."""

        def change(graph: Graph, kept: NDArray[np.bool_]) -> None:
            values = np.array(graph.constant(constant))
            values[at] = int(kept.sum())
            graph.set_constant(constant, values)

        self.rewrites.append(Rewrite(atoms, change))

    def settle(self) -> None:
        """After the last node: outputs keep their shape, half-known constants keep theirs."""
        for name in self.graph.outputs:
            self.pin(name, "model output")
        for (constant, _), cut in self.cuts.items():
            readers = {x.name for x in self.graph.consumers[constant]}
            if readers != self.cut_by[constant] or constant in self.graph.outputs:
                self.atoms.pin(cut.atoms, f"{constant} is also read elsewhere")
