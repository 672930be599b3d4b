"""Refits the layers of a changed model so that they say again what the original's said.

No training: one layer after the other, in the order in which they run, gets the weights that bring
its output on calibration inputs nearest to the original layer's, by least squares with a pull
towards the weights it has. Later layers see what the refitted earlier ones say, so that they
make up for the errors of those too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.capture import Probe
from models_registry.compression.graph import Graph
from models_registry.compression.layer_samples import (
    FloatArray,
    Window,
    matrix,
    places,
    said,
    seen,
    unmatrix,
    window,
)
from models_registry.compression.step import Context, Feeds, StepFailed

PER_LAYER = 6144  # sampled places of a layer over all inputs
BLOCK = 12  # layers whose targets are held in memory at a time
# Pull towards the present weights, of the mean of the diagonal; the best on held-out inputs counts.
RIDGES = (1e-2, 1e-1, 1.0)
MAX_BORDER_BYTES = 512 * 1024 * 1024
HELD_OUT = 0.2  # share of the inputs on which a refit must prove itself
MAX_COLUMNS = 2400  # of one group: more are left as they are, the solution would take too long


@dataclass(frozen=True, slots=True)
class Target:
    """``node`` of the changed model shall say what ``tensor`` of the original does.

    ``kept``: which of the original's channels are left.
    """

    node: str
    tensor: str
    kept: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Refit:
    """Relative squared error of a layer's output on held-out inputs."""

    node: str
    before: float
    after: float


def reconstruct(
    original: onnx.ModelProto,
    changed: onnx.ModelProto,
    targets: Sequence[Target],
    context: Context,
    rng: np.random.Generator,
) -> tuple[onnx.ModelProto, list[Refit]]:
    """The changed model with new weights, and what each layer gained; ``targets`` in the order
    of the graph. Raises ``StepFailed`` (``needs_calibration``)."""
    if len(context.calibration) < 2:
        raise StepFailed(
            "needs_calibration",
            f"expected at least 2 calibration pictures, got {len(context.calibration)}",
        )
    graph = Graph(changed)
    types = graph.element_types()
    refits = []
    for start in range(0, len(targets), BLOCK):
        block = [x for x in targets[start : start + BLOCK] if _window(graph, x) is not None]
        if not block:
            continue
        wanted = _wanted(original, block, graph, context.calibration, rng)
        border = _border(graph, block)
        feeds = _fed(graph, border, types, context.calibration)
        for at, target in enumerate(block):
            done = (start + at) / len(targets)
            context.progress(done, f"refitting {target.node}")
            node = _node(graph, target.node)
            probe = Probe(
                graph.model, [node.input[0], node.output[0]], given=feeds[0].keys(), types=types
            )
            found = _refit(graph, target, wanted[target.node], [probe(x) for x in feeds])
            if found is not None:
                refits.append(found)
    return graph.model, refits


def _border(graph: Graph, block: Sequence[Target]) -> list[str]:
    """Tensors made before the block's first layer that nodes up to its last one read."""
    order = [x.name for x in graph.proto.node]
    first, last = order.index(block[0].node), order.index(block[-1].node)
    before = {x for node in graph.proto.node[:first] for x in node.output}
    read = {x for node in graph.proto.node[first : last + 1] for x in node.input}
    return sorted((before | set(graph.inputs)) & read)


def _fed(
    graph: Graph, border: Sequence[str], types: Mapping[str, int], feeds: Sequence[Feeds]
) -> Sequence[Feeds]:
    """What flows over the border, so that a block's layers need not run the graph before it;
    the inputs themselves where that would take too much memory."""
    probe = Probe(graph.model, border, types=types)
    found: list[Feeds] = []
    for one in feeds:
        found.append({**one, **probe(one)})
        size = sum(np.asarray(x).nbytes for x in found[0].values())
        if size * len(feeds) > MAX_BORDER_BYTES:
            return feeds
    return found


@dataclass(slots=True)
class _Wanted:
    """Of one layer, for each input: the places, and what the original says there."""

    places: list[NDArray[np.int64]]
    values: list[NDArray[Any]]


def _node(graph: Graph, name: str) -> onnx.NodeProto:
    found: onnx.NodeProto = next(x for x in graph.proto.node if x.name == name)
    return found


def _window(graph: Graph, target: Target) -> Window | None:
    node = _node(graph, target.node)
    shape = window(graph, node)
    shared = len(graph.consumers[node.input[1]]) > 1  # its readers would pull it apart
    if shape is None or shared or matrix(node, shape, _weight(graph, node)).shape[2] > MAX_COLUMNS:
        return None
    return shape


def _weight(graph: Graph, node: onnx.NodeProto) -> NDArray[Any]:
    values = graph.constant(node.input[1])
    assert values is not None
    return values


def _wanted(
    original: onnx.ModelProto,
    block: Sequence[Target],
    graph: Graph,
    feeds: Sequence[Feeds],
    rng: np.random.Generator,
) -> Mapping[str, _Wanted]:
    probe = Probe(original, [x.tensor for x in block])
    found = {x.node: _Wanted([], []) for x in block}
    per_feed = max(PER_LAYER // len(feeds), 16)
    for one in feeds:
        outputs = probe(one)
        for target in block:
            shape = _window(graph, target)
            assert shape is not None
            values = outputs[target.tensor]
            at = places(shape, values.shape, rng, per_feed)
            rows = said(shape, values, at)
            found[target.node].places.append(at)
            found[target.node].values.append(rows if target.kept is None else rows[:, target.kept])
    return found


def _refit(graph: Graph, target: Target, wanted: _Wanted, tensors: Sequence[Feeds]) -> Refit | None:
    node = _node(graph, target.node)
    shape = window(graph, node)
    assert shape is not None
    inputs = [
        seen(shape, one[node.input[0]], one[node.output[0]].shape, at)
        for one, at in zip(tensors, wanted.places, strict=True)
    ]
    held = max(1, round(len(tensors) * HELD_OUT))
    learn = slice(None, -held)
    old_weight, old_bias = matrix(node, shape, _weight(graph, node)), _bias(graph, node)
    columns, rows = np.concatenate(inputs[learn]), np.concatenate(wanted.values[learn])
    test = np.concatenate(inputs[-held:]), np.concatenate(wanted.values[-held:])
    before = _error(*test, old_weight, old_bias)
    solved = solve(columns, rows, old_weight, old_bias)
    after, weight, bias = min(((_error(*test, *x), *x) for x in solved), key=lambda x: x[0])
    if not after < before:
        return None
    graph.set_constant(node.input[1], unmatrix(node, shape, weight, _weight(graph, node)))
    if bias is not None:
        graph.set_constant(node.input[2], bias.astype(np.float32))
    return Refit(target.node, before, after)


def _bias(graph: Graph, node: onnx.NodeProto) -> FloatArray | None:
    values = graph.constant(graph.optional_input(node, 2))
    return None if values is None else values.astype(np.float64).reshape(-1)


def solve(
    columns: NDArray[Any], rows: NDArray[Any], weight: FloatArray, bias: FloatArray | None
) -> list[tuple[FloatArray, FloatArray | None]]:
    """Ridge regressions of ``rows`` (N, groups × outputs) on ``columns`` (N, groups, columns),
    pulled towards ``weight`` (groups, outputs, columns): weight and bias for each of ``RIDGES``."""
    groups, outputs, width = weight.shape
    x = columns.astype(np.float64).transpose(1, 0, 2)  # groups, N, columns
    y = rows.astype(np.float64).reshape(len(rows), groups, outputs).transpose(1, 0, 2)
    mean_x, mean_y = np.zeros((groups, 1, width)), np.zeros((groups, 1, outputs))
    if bias is not None:
        mean_x, mean_y = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    x, y = x - mean_x, y - mean_y
    gram = x.transpose(0, 2, 1) @ x
    pull = x.transpose(0, 2, 1) @ (y - x @ weight.transpose(0, 2, 1))
    scale = np.trace(gram, axis1=1, axis2=2)[:, None, None] / width + 1e-9
    found: list[tuple[FloatArray, FloatArray | None]] = []
    for ridge in RIDGES:
        step = np.linalg.solve(gram + ridge * scale * np.eye(width), pull).transpose(0, 2, 1)
        new = weight + step
        shift = (mean_y - mean_x @ new.transpose(0, 2, 1)).reshape(-1)
        found.append((new, None if bias is None else shift))
    return found


def _error(
    columns: NDArray[Any], rows: NDArray[Any], weight: FloatArray, bias: FloatArray | None
) -> float:
    x = columns.astype(np.float64).transpose(1, 0, 2)
    told = (x @ weight.transpose(0, 2, 1)).transpose(1, 0, 2).reshape(len(columns), -1)
    difference = rows - (told if bias is None else told + bias)
    spread = rows - rows.mean(axis=0)
    return float((difference**2).sum() / max((spread.astype(np.float64) ** 2).sum(), 1e-12))
