"""Which layers suffer from 8 bits, by measurement: one at a time, then the worst left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.capture import Tensors, loaded, run
from models_registry.compression.graph import Graph, attribute
from models_registry.compression.step import Feeds

WEIGHT_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
MAX_BLOCKS = 160  # more are measured in neighbouring groups: the time must stay bounded
THIN = 4  # channels
TAIL = "(after the last layers)"


@dataclass(frozen=True, slots=True)
class Block:
    """A weight layer with the nodes that work on its result, quantized or left in float as one.

    ``name`` is its first layer's; the block of what follows every last layer has no layer.
    """

    name: str
    nodes: tuple[str, ...]
    layers: int


@dataclass(frozen=True, slots=True)
class Effect:
    """How far the outputs move when this block alone is quantized."""

    block: Block
    drift: float


def blocks(model: onnx.ModelProto) -> list[Block]:
    """All nodes of a graph in its order, each in one block."""
    graph = Graph(model)
    layers = [x.name for x in graph.proto.node if _is_layer(graph, x)]
    rank = {name: at for at, name in enumerate(layers)}
    ahead = _with_layers_ahead(graph)
    owner: dict[str, int] = {}
    for node in graph.proto.node:
        makers = [graph.producer[x].name for x in node.input if x in graph.producer]
        above = max((owner[x] for x in makers), default=0)  # what precedes all goes with the first
        if node.name in rank:
            owner[node.name] = rank[node.name]
        else:
            owner[node.name] = above if node.name in ahead else len(layers)
    merged = -(-len(layers) // MAX_BLOCKS) or 1
    members: dict[int, list[str]] = {}
    for node in graph.proto.node:
        at = owner[node.name]
        members.setdefault(at if at == len(layers) else at - at % merged, []).append(node.name)
    return [
        Block(
            layers[at] if at < len(layers) else TAIL,
            tuple(names),
            sum(x in rank for x in names),
        )
        for at, names in sorted(members.items())
    ]


def thin_layers(model: onnx.ModelProto) -> set[str]:
    """Convolutions that read the picture's few channels: ONNX Runtime has a float kernel for them
    and none of integers (measured: a stem of 3 channels takes 2 to 3 times as long in int8)."""
    graph = Graph(model)
    return {
        x.name
        for x in graph.proto.node
        if x.op_type == "Conv"
        and _is_layer(graph, x)
        and attribute(x, "group", 1) == 1
        and graph.constants[x.input[1]].dims[1] <= THIN
    }


class Reference:
    """The float model's outputs on a few inputs, and how far another model's lie from them.

    The distance: per channel the root mean square of the difference, summed over channels, over
    the same sum of the float outputs. So a few channels of large numbers (box sizes) do not drown
    many of small ones (scores). The worst output counts.
    """

    def __init__(self, model: onnx.ModelProto, feeds: Sequence[Feeds]) -> None:
        self._feeds = feeds
        session = loaded(model)
        self._outputs = [run(session, x) for x in feeds]

    def drift(self, model: onnx.ModelProto) -> float:
        """0 for equal outputs. Raises ``StepFailed`` (``result_broken``)."""
        session = loaded(model)
        found = [run(session, x) for x in self._feeds]
        return max((self._distance(name, found) for name in self._outputs[0]), default=0.0)

    def _distance(self, name: str, found: Sequence[Tensors]) -> float:
        moved, size = 0.0, 0.0
        for old, new in zip(self._outputs, found, strict=True):
            if old[name].shape != new[name].shape:
                return float("inf")  # rows chosen inside the graph: nothing to compare one by one
            true = _by_channel(old[name])
            moved += _size(_by_channel(new[name]) - true)
            size += _size(true)
        return moved / size if size else float(moved > 0)


def effects(
    found: Sequence[Block],
    quantize_only: Callable[[Sequence[str]], onnx.ModelProto],
    reference: Reference,
    progress: Callable[[float, str], None],
) -> list[Effect]:
    """Every block's effect, worst first."""
    measured = []
    for at, block in enumerate(found):
        progress(at / len(found), f"quantizing {block.name} alone ({at + 1} of {len(found)})")
        measured.append(Effect(block, reference.drift(quantize_only(block.nodes))))
    return sorted(measured, key=lambda x: -x.drift)


def worst_to_leave_out(
    ranked: Sequence[Effect],
    drift_without: Callable[[int], float],
    limit: float,
    max_layers: int,
) -> int:
    """How many of the worst blocks must stay in float for a drift within ``limit``.

    Doubles until it holds or ``max_layers`` would be exceeded, then halves the last gap: the drift
    is measured some ten times, however many blocks there are. Where the limit cannot be met: the
    number tried with the least drift.
    """
    most = 0
    for effect in ranked:
        if sum(x.block.layers for x in ranked[: most + 1]) > max_layers or effect.drift <= 0:
            break
        most += 1
    tried: dict[int, float] = {}
    low, count = -1, 0
    while True:
        tried[count] = drift_without(count)
        if tried[count] <= limit or count == most:
            break
        low, count = count, min(max(1, 2 * count), most)
    if tried[count] > limit:
        return min(tried, key=lambda x: (tried[x], x))
    while count - low > 1:
        middle = (low + count) // 2
        tried[middle] = drift_without(middle)
        low, count = (low, middle) if tried[middle] <= limit else (middle, count)
    return count


def _is_layer(graph: Graph, node: onnx.NodeProto) -> bool:
    return node.op_type in WEIGHT_LAYERS and any(x in graph.constants for x in node.input[1:2])


def _with_layers_ahead(graph: Graph) -> set[str]:
    found: set[str] = set()
    for node in reversed(list(graph.proto.node)):
        readers: Iterable[onnx.NodeProto] = (y for x in node.output for y in graph.consumers[x])
        if any(_is_layer(graph, x) or x.name in found for x in readers):
            found.add(node.name)
    return found


def _by_channel(values: NDArray[Any]) -> NDArray[np.float64]:
    """(channels, rest): of maps the second axis, of rows the shorter one."""
    values = np.asarray(values, np.float64)
    if values.ndim >= 4:
        axis = 1
    elif values.ndim == 3:
        axis = 1 if values.shape[1] < values.shape[2] else 2
    else:
        axis = values.ndim - 1
    if values.ndim == 0:
        return values.reshape(1, 1)
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def _size(channels: NDArray[np.float64]) -> float:
    if not channels.size:
        return 0.0
    return float(np.sqrt((channels**2).mean(axis=1)).sum())
