"""Groups of filters that may be removed from a graph, and the graph without some of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.channel_rules import follow
from models_registry.compression.channels import AtomArray, Trace
from models_registry.compression.graph import Graph, Shape, attribute, refuse_quantized
from models_registry.compression.step import Feeds, StepFailed
from models_registry.inspection.macs import macs_by_node

OLDEST_OPSET = 13  # since then the axes of Squeeze, Unsqueeze and Split are inputs
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
BIASED = frozenset({"Conv", "ConvTranspose", "Gemm"})
OPEN_SIDE = 320  # for open sides where no calibration input tells them: only ratios matter


@dataclass(frozen=True, slots=True)
class FilterGroup:
    """Layers whose filters are coupled. ``free``: roots of the atoms that may go.

    ``channels`` is the number of filters of the widest layer, ``per_atom`` how many of them go
    with one atom, ``reason`` why some or all must stay.
    """

    name: str
    layers: tuple[str, ...]
    free: AtomArray
    channels: int
    per_atom: int
    reason: str


class Analysis:
    """A graph with its channels traced. Raises ``StepFailed`` (``graph_unsupported``)."""

    def __init__(self, model: onnx.ModelProto, feeds: Sequence[Feeds] = ()) -> None:
        refuse_quantized(model, "Pruning filters")
        self.graph = Graph(model)
        if self.graph.opset < OLDEST_OPSET:
            raise StepFailed(
                "graph_unsupported",
                f"expected operator set {OLDEST_OPSET} or newer, got {self.graph.opset}:"
                " put the step that cleans up before this one",
            )
        del self.graph.proto.value_info[:]
        add_biases(self.graph)
        _unshare(self.graph)
        shapes = closed_shapes(self.graph, feeds)
        self.trace = Trace(self.graph, shapes)
        for node in list(self.graph.proto.node):
            follow(self.trace, node)
        self.trace.settle()
        self.layers = {x.node: x for x in self.trace.layers}
        self.groups = _groups(self.trace)
        sizes = {x: [n or 1 for n in shapes[x]] for x in self.graph.inputs if x in shapes}
        counted = {x.node.name: x.macs or 0 for x in macs_by_node(self.graph.model, sizes)}
        self.macs = {x.node: counted.get(x.node, 0) for x in self.trace.layers}

    def roots(self, atoms: AtomArray) -> AtomArray:
        """The atoms' roots, by which groups name them."""
        return self.trace.atoms.roots(atoms)

    def kept(self, atoms: AtomArray, removed: AtomArray) -> NDArray[np.bool_]:
        """Which of ``atoms`` stay."""
        return ~np.isin(self.roots(atoms), removed)

    def without(
        self, removed: AtomArray, weights: Mapping[str, NDArray[Any]] | None = None
    ) -> onnx.ModelProto:
        """The model with these atoms' channels cut out of every constant that holds them;
        ``weights`` replace constants before the cut."""
        graph = Graph(self.graph.model)
        for name, new in (weights or {}).items():
            graph.set_constant(name, new)
        for (name, axis), cut in self.trace.cuts.items():
            values = graph.constant(name)
            assert values is not None
            graph.set_constant(name, np.compress(self.kept(cut.atoms, removed), values, axis))
        for rewrite in self.trace.rewrites:
            rewrite.change(graph, self.kept(rewrite.atoms, removed))
        return graph.model

    def parts(self) -> list[AtomArray]:
        """Roots of every run of channels that some node works on; none of them may become empty."""
        runs = [x.atoms for x in self.trace.channels.values()]
        runs += [x.reads for x in self.trace.layers if x.reads is not None]
        unique = {tuple(self.roots(x).tolist()) for x in runs}
        return [np.array(x, np.int64) for x in sorted(unique)]


def closed_shapes(graph: Graph, feeds: Sequence[Feeds]) -> dict[str, Shape]:
    """Shapes with open sides closed by the first of ``feeds``, else by a guess."""
    fixed = {}
    for info in graph.proto.input:
        if info.name in graph.inputs:
            dims = info.type.tensor_type.shape.dim
            guess = tuple(d.dim_value or (OPEN_SIDE if at else 1) for at, d in enumerate(dims))
            fixed[info.name] = np.shape(feeds[0][info.name]) if feeds else guess
    return graph.shapes(fixed)


def add_biases(graph: Graph) -> None:
    """Gives layers without one a bias of zero, which may then take up what removed channels said
    on average."""
    for node in graph.proto.node:
        at = 1 if node.op_type == "ConvTranspose" else 0
        weight = graph.constant(node.input[1]) if node.op_type in BIASED else None
        if weight is None or graph.optional_input(node, 2):
            continue
        if node.op_type == "Gemm":
            at = 0 if attribute(node, "transB", 0) else 1
        elif at and attribute(node, "group", 1) > 1:
            continue
        del node.input[2:]
        node.input.append(
            graph.add_constant(f"{node.name}_bias", np.zeros(weight.shape[at], weight.dtype))
        )
    graph.refresh()


def _unshare(graph: Graph) -> None:
    """A constant of its own for each reader, weights of layers excepted: two layers that happen to
    have equal biases must not have to lose the same channels."""
    uses = Counter(x for node in graph.proto.node for x in node.input)
    for node in graph.proto.node:
        for at, name in enumerate(node.input):
            values = graph.constant(name) if uses[name] > 1 else None
            if values is None or (node.op_type in WEIGHTED and at == 1):
                continue
            node.input[at] = graph.add_constant(name, values)
    graph.refresh()
    graph.remove_unused()


def _groups(trace: Trace) -> list[FilterGroup]:
    """Layers that share an atom are one group."""
    written = {x.node: trace.atoms.roots(x.writes) for x in trace.layers if x.mixes}
    owners: dict[int, list[str]] = defaultdict(list)
    for node, roots in written.items():
        for root in set(roots.tolist()):
            owners[root].append(node)
    left, groups = dict.fromkeys(written), []
    while left:
        first = next(iter(left))
        names = _linked(first, written, owners)
        left = {x: None for x in left if x not in names}
        groups.append(_group(trace, first, [x for x in written if x in names], written))
    return groups


def _linked(first: str, written: dict[str, AtomArray], owners: dict[int, list[str]]) -> set[str]:
    seen, waiting = {first}, [first]
    while waiting:
        for root in set(written[waiting.pop()].tolist()):
            new = [x for x in owners[root] if x not in seen]
            seen.update(new)
            waiting.extend(new)
    return seen


def _group(
    trace: Trace, name: str, nodes: Sequence[str], written: dict[str, AtomArray]
) -> FilterGroup:
    roots = np.unique(np.concatenate([written[x] for x in nodes]))
    reasons = [reason for x in roots.tolist() if (reason := trace.atoms.pinned(x))]
    free = np.array([x for x in roots.tolist() if not trace.atoms.pinned(x)], np.int64)
    widest = max((written[x] for x in nodes), key=len)
    per_atom = int(np.unique(widest, return_counts=True)[1].max())
    return FilterGroup(name, tuple(nodes), free, len(widest), per_atom, _most_common(reasons))


def _most_common(reasons: Iterable[str]) -> str:
    counted = Counter(reasons).most_common(1)
    return counted[0][0] if counted else ""
