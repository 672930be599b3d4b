"""Which range of each activation its 8 bits should cover, told by what calibration inputs show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from models_registry.compression.capture import Probe
from models_registry.compression.graph import Graph
from models_registry.compression.step import Feeds, StepFailed

METHODS = ("error", "minmax", "percentile", "entropy")
LEVELS = 256
BINS = 2048
STRIDE = 3  # of the values that enter a histogram
HISTOGRAM_FEEDS = 16
PERCENTILE = 99.99  # of the values lie within, on each side
SHRINKS = np.linspace(0.3, 1.0, 29)
# Beyond these inputs an activation has said all it has to say: x·σ(x) is within 0.003 of zero
# below -8, σ within 0.00005 of its ends beyond ±10. Bits spent there would be lost to the rest.
SILU_FLOOR, SIGMOID_EDGE, HARD_SWISH_FLOOR = -8.0, 10.0, -3.0

Range = tuple[float, float]
FloatArray = NDArray[np.float64]


def activation_ranges(
    model: onnx.ModelProto,
    feeds: Sequence[Feeds],
    method: str = "error",
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Range]:
    """Range by float tensor of a graph with known element types; every range holds zero.

    ``method``: ``minmax`` all that was seen; ``percentile`` all but a few; ``error`` the range with
    the least squared rounding and clipping error; ``entropy`` the one whose rounded distribution
    tells least from the true one. Raises ``StepFailed`` (``graph_unsupported``).
    """
    graph = Graph(model)
    types = graph.element_types()
    names = [*graph.inputs, *(x for node in graph.proto.node for x in node.output)]
    names = [x for x in names if types.get(x) == TensorProto.FLOAT]
    probe = Probe(model, names)
    ranges: dict[str, Range] = dict.fromkeys(names, (0.0, 0.0))
    for at, one in enumerate(feeds):
        for name, values in probe(one).items():
            ranges[name] = _widened(ranges[name], name, values)
        progress(at / len(feeds))
    ranges = _useful(graph, ranges)
    if method == "minmax":
        return ranges
    histograms = _histograms(probe, ranges, _spread(feeds, HISTOGRAM_FEEDS))
    return {name: _chosen(method, histograms[name], ranges[name]) for name in names}


def channel_means(
    model: onnx.ModelProto, axes: dict[str, int], ranges: dict[str, Range], feeds: Sequence[Feeds]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Mean per channel of each tensor in ``axes`` (its channel axis), as it is and as rounded."""
    sums: dict[str, list[FloatArray]] = {}
    probe = Probe(model, list(axes))
    for one in feeds:
        for name, values in probe(one).items():
            over = tuple(x for x in range(values.ndim) if x != axes[name] % values.ndim)
            rounded = as_rounded(values, ranges[name])
            pair = [x.mean(over, dtype=np.float64) for x in (values, rounded)]
            known = sums.get(name)
            sums[name] = [a + b for a, b in zip(known, pair, strict=True)] if known else pair
    return {name: (a / len(feeds), b / len(feeds)) for name, (a, b) in sums.items()}


def as_rounded(values: NDArray[Any], limits: Range) -> NDArray[Any]:
    """What is left of values after a uint8 of this range."""
    low, high = limits
    if high <= low:
        return values
    step = (high - low) / (LEVELS - 1)
    zero = np.round(-low / step)
    rounded: NDArray[Any] = (np.clip(np.round(values / step) + zero, 0, LEVELS - 1) - zero) * step
    return rounded


def _widened(known: Range, name: str, values: NDArray[Any]) -> Range:
    if not values.size:
        return known
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise StepFailed(
            "graph_unsupported",
            f"tensor {name} is not finite on the calibration inputs: no range can hold it",
        )
    return min(known[0], low), max(known[1], high)


def _useful(graph: Graph, ranges: dict[str, Range]) -> dict[str, Range]:
    """Without the parts that the only readers of a tensor do not tell apart."""
    limited = dict(ranges)
    for name, (low, high) in ranges.items():
        readers = graph.consumers.get(name, [])
        kinds = {x.op_type for x in readers}
        gates = {x.output[0] for x in readers if x.op_type == "Sigmoid"}
        if name in graph.outputs or not readers:
            continue
        if kinds == {"Sigmoid"}:
            limited[name] = (max(low, -SIGMOID_EDGE), min(high, SIGMOID_EDGE))
        elif kinds <= {"Sigmoid", "Mul"} and gates:
            gated = all(gates & set(x.input) for x in readers if x.op_type == "Mul")
            limited[name] = (max(low, SILU_FLOOR), high) if gated else (low, high)
        elif kinds == {"HardSwish"}:
            limited[name] = (max(low, HARD_SWISH_FLOOR), high)
    return limited


def _histograms(
    probe: Probe, ranges: dict[str, Range], feeds: Sequence[Feeds]
) -> dict[str, FloatArray]:
    counts = {name: np.zeros(BINS) for name in ranges}
    for one in feeds:
        for name, values in probe(one).items():
            low, high = ranges[name]
            if high > low:
                counts[name] += np.histogram(values.ravel()[::STRIDE], BINS, (low, high))[0]
    return counts


def _spread(feeds: Sequence[Feeds], count: int) -> list[Feeds]:
    """At most ``count`` of them, evenly taken."""
    return (
        [feeds[i * len(feeds) // count] for i in range(count)] if len(feeds) > count else [*feeds]
    )


def _chosen(method: str, counts: FloatArray, limits: Range) -> Range:
    low, high = limits
    if high <= low or not counts.sum():
        return limits
    edges = np.linspace(low, high, BINS + 1)
    if method == "percentile":
        share = np.cumsum(counts) / counts.sum()
        first = int(np.searchsorted(share, 1 - PERCENTILE / 100))
        last = int(np.searchsorted(share, PERCENTILE / 100))
        return min(float(edges[first]), 0.0), max(float(edges[min(last + 1, BINS)]), 0.0)
    centres = (edges[:-1] + edges[1:]) / 2
    cost = _rounding_error if method == "error" else _divergence
    return min(_candidates(low, high), key=lambda limits: cost(counts, centres, limits))


def _candidates(low: float, high: float) -> list[Range]:
    """Narrower ranges, the full one first: it wins a draw."""
    found = [(low, high)]
    for share in SHRINKS[::-1][1:]:
        found.append((low, high * share))
        if low < 0:
            found += [(low * share, high), (low * share, high * share)]
    return [x for x in found if x[1] > x[0]]


def _rounding_error(counts: FloatArray, centres: FloatArray, limits: Range) -> float:
    return float(((as_rounded(centres, limits) - centres) ** 2) @ counts)


def _divergence(counts: FloatArray, centres: FloatArray, limits: Range) -> float:
    """Kullback–Leibler divergence of the rounded distribution from the clipped true one."""
    low, high = limits
    step = (high - low) / (LEVELS - 1)
    inside = (centres >= low) & (centres <= high)
    kept = np.where(inside, counts, 0.0)
    where = np.flatnonzero(inside)
    true = kept.copy()
    true[where[0]] += counts[: where[0]].sum()
    true[where[-1]] += counts[where[-1] + 1 :].sum()
    level = np.clip(np.round((centres - low) / step), 0, LEVELS - 1).astype(int)
    used = (kept > 0) & inside
    mass = np.bincount(level, kept, LEVELS)
    bins = np.bincount(level, used, LEVELS)
    rounded = np.where(used, mass[level] / np.maximum(bins[level], 1), 0.0)
    p, q = true / true.sum(), np.maximum(rounded / max(rounded.sum(), 1e-12), 1e-9)
    some = p > 0
    return float((p[some] * np.log(p[some] / q[some])).sum())
