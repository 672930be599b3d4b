"""How operators that move, join and cut tensors hand channels on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.channels import AtomArray, Channels, Rewrite, Trace
from models_registry.compression.graph import Graph, Shape, attribute

MAX_RESHAPED = 1 << 22  # elements that a reshape's atoms may be spread over


def _transpose(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    order = attribute(node, "perm") or (None if rank is None else list(range(rank))[::-1])
    if order is None:
        trace.pin_inputs(node, f"Transpose ({node.name}) of unknown shape")
        return
    trace.put(node.output[0], list(order).index(known.axis), known.atoms)


def _reshape(trace: Trace, node: onnx.NodeProto) -> None:
    known = trace.channels.get(node.input[0])
    if known is None:
        return
    target = trace.graph.constant(node.input[1]) if node.op_type == "Reshape" else np.array([-1])
    old, new = trace.shapes.get(node.input[0]), trace.shapes.get(node.output[0])
    if target is None or old is None or new is None:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) to a computed shape")
        return
    found = spread(trace, old, new, known.axis, known.atoms)
    if found is None:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) mixes axes")
        return
    axis, atoms = found
    if node.op_type == "Reshape":
        _rewrite_target(trace, node, known.axis, Channels(axis, atoms))
    trace.put(node.output[0], axis, atoms)


def _rewrite_target(trace: Trace, node: onnx.NodeProto, old: int, made: Channels) -> None:
    """0 copies the input's size at that place and -1 takes what is left: both may stay right.

    ``old``: the axis that held the channels before.
    """
    values, new = np.array(trace.graph.constant(node.input[1])), made.axis
    copied = not attribute(node, "allowzero", 0)
    if copied and old != new and old < len(values) and values[old] == 0:
        size = trace.size(node.input[0], old)
        assert size is not None  # atoms exist for each
        values[old] = size
        trace.graph.set_constant(node.input[1], values)
    if values[new] > 0 or (values[new] == 0 and old != new):
        trace.rewrite_count(node.input[1], new, made.atoms)


def spread(
    trace: Trace, old: Shape, new: Shape, axis: int, atoms: AtomArray
) -> tuple[int, AtomArray] | None:
    """The new axis that holds the channels after a reshape, with its atoms.

    Where an axis is split in two (a channel shuffle) the channels that share a place in the axis
    that is chosen become one atom: only whole rows can go without tearing the tensor.
    """
    block = _block(old, new, axis)
    if block is None:
        return None
    (first, last), (new_first, new_last) = block
    sizes = [x or 1 for x in old[first:last]]
    new_sizes = [x or 1 for x in new[new_first:new_last]]
    if np.prod(sizes) > MAX_RESHAPED:
        return None
    column = [1] * len(sizes)
    column[axis - first] = len(atoms)
    spread_out = np.broadcast_to(atoms.reshape(column), sizes).reshape(new_sizes)
    best = max(range(len(new_sizes)), key=lambda at: _distinct(spread_out, at))
    rows = np.moveaxis(spread_out, best, 0).reshape(new_sizes[best], -1)
    if len(rows) == 1:
        return None
    for row in rows:
        unique = np.unique(row)
        trace.atoms.join(np.full(len(unique), unique[0]), unique)
    return new_first + best, rows[:, 0].copy()


def _distinct(spread_out: NDArray[np.int64], axis: int) -> int:
    """How many separate atoms are left if those of one row become one; single axes never win."""
    if spread_out.shape[axis] == 1:
        return 0
    rows = np.moveaxis(spread_out, axis, 0).reshape(spread_out.shape[axis], -1)
    owner: dict[int, int] = {}
    merged = list(range(len(rows)))

    def root(at: int) -> int:
        while merged[at] != at:
            merged[at] = merged[merged[at]]
            at = merged[at]
        return at

    for at, row in enumerate(rows):
        for atom in np.unique(row).tolist():
            merged[root(owner.setdefault(atom, at))] = root(at)
    return len({root(at) for at in range(len(rows))})


def _block(old: Shape, new: Shape, axis: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The smallest runs of axes around ``axis``, before and after, that hold the same elements."""
    if any(x is None for x in (*old, *new)):
        return None
    before = np.cumprod([1, *[x or 1 for x in old]])
    after = np.cumprod([1, *[x or 1 for x in new]])
    if before[-1] != after[-1]:
        return None
    places = {int(x): at for at, x in reversed(list(enumerate(after)))}
    borders = [(at, places[int(x)]) for at, x in enumerate(before) if int(x) in places]
    # Axes of size 1 make several borders of one value: start late, end early, but hold the axis.
    starts = [x for x in borders if x[0] <= axis]
    ends = [x for x in borders if x[0] > axis]
    start, end = starts[-1], ends[0]
    return None if end[1] <= start[1] else ((start[0], end[0]), (start[1], end[1]))


def _squeeze(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    axes = trace.graph.constant(trace.graph.optional_input(node, 1))
    out = trace.rank(node.output[0])
    if rank is None or out is None or (axes is None and node.op_type == "Unsqueeze"):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) of unknown shape")
        return
    if node.op_type == "Unsqueeze":
        assert axes is not None
        added = {int(x) % out for x in axes}
        left = [x for x in range(out) if x not in added]
        trace.put(node.output[0], left[known.axis], known.atoms)
        return
    shape = trace.shapes[node.input[0]]
    gone = {int(x) % rank for x in axes} if axes is not None else _single(shape)
    if known.axis in gone or (axes is None and None in shape):
        trace.pin_inputs(node, f"Squeeze ({node.name}) of channels")
        return
    trace.put(node.output[0], known.axis - sum(x < known.axis for x in gone), known.atoms)


def _single(shape: Shape) -> set[int]:
    return {at for at, size in enumerate(shape) if size == 1}


def _concat(trace: Trace, node: onnx.NodeProto) -> None:
    rank = trace.rank(node.output[0])
    if not any(x in trace.channels for x in node.input):
        return
    if rank is None:
        trace.pin_inputs(node, f"Concat ({node.name}) of unknown shape")
        return
    axis = attribute(node, "axis", 0) % rank
    sizes = [trace.size(x, axis) for x in node.input]
    reads = [trace.channels.get(x) for x in node.input]
    axes = {x.axis for x in reads if x is not None}
    if axes == {axis} and None not in sizes:
        parts = []
        for known, size in zip(reads, sizes, strict=True):
            part = trace.atoms.fresh(size or 0) if known is None else known.atoms
            if known is None:
                trace.atoms.pin(part, f"Concat ({node.name}) with what no layer made")
            parts.append(part)
        trace.put(node.output[0], axis, np.concatenate(parts))
    elif len(axes) == 1 and axis not in axes and all(x is not None for x in reads):
        atoms = [x.atoms for x in reads if x is not None]
        for one in atoms[1:]:
            trace.atoms.join(atoms[0], one)
        trace.put(node.output[0], axes.pop(), atoms[0])
    else:
        trace.pin_inputs(node, f"Concat ({node.name}) across axes")


def _split(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    if rank is None:
        trace.pin_inputs(node, f"Split ({node.name}) of unknown shape")
        return
    axis = attribute(node, "axis", 0) % rank
    if axis != known.axis:
        for name in node.output:
            trace.put(name, known.axis, known.atoms)
        return
    sizes = [trace.size(x, axis) for x in node.output]
    given = trace.graph.optional_input(node, 1)
    if None in sizes or (given and given not in trace.graph.constants):
        trace.pin_inputs(node, f"Split ({node.name}) into unknown parts")
        return
    if not given:  # equal parts may become unequal
        given = trace.graph.add_constant(f"{node.name}_sizes", np.array(sizes, np.int64))
        del node.input[1:]
        node.input.append(given)
        kept = [x for x in node.attribute if x.name != "num_outputs"]
        copies = [onnx.AttributeProto.FromString(x.SerializeToString()) for x in kept]
        del node.attribute[:]
        node.attribute.extend(copies)
        trace.graph.refresh()
    bounds = np.cumsum([0, *[x or 0 for x in sizes]])
    for at, (start, end) in enumerate(pairwise(bounds)):
        part = known.atoms[start:end]
        trace.put(node.output[at], axis, part)
        trace.rewrite_count(given, at, part)


def _slice(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    graph = trace.graph
    starts, ends = (graph.constant(x) for x in node.input[1:3])
    optional = [graph.optional_input(node, at) for at in (3, 4)]
    if starts is None or ends is None or any(x and x not in graph.constants for x in optional):
        trace.pin_inputs(node, f"Slice ({node.name}) with computed bounds")
        return
    axes, steps = (graph.constant(x) for x in optional)
    places = np.arange(len(starts)) if axes is None else axes % (rank or 1)
    if rank is None or known.axis not in places:
        trace.put(node.output[0], known.axis, known.atoms)
        return
    at = int(np.flatnonzero(places == known.axis)[0])
    start, end, step = slice(
        int(starts[at]), int(ends[at]), int(1 if steps is None else steps[at])
    ).indices(len(known.atoms))
    if step != 1:
        trace.pin_inputs(node, f"Slice ({node.name}) with steps over channels")
    bounds = (node.input[1], node.input[2])

    def change(graph: Graph, kept: NDArray[np.bool_]) -> None:
        for name, old in zip(bounds, (start, max(start, end)), strict=True):
            values = np.array(graph.constant(name))
            values[at] = int(kept[:old].sum())
            graph.set_constant(name, values)

    trace.rewrites.append(Rewrite(known.atoms, change))
    trace.put(node.output[0], known.axis, known.atoms[start:end:step])


def _gather(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        trace.pin_inputs(node, f"Gather ({node.name}) by channels")
        return
    indices, axis = trace.graph.constant(node.input[1]), attribute(node, "axis", 0)
    if indices is None or rank is None:
        trace.pin_inputs(node, f"Gather ({node.name}) by computed places")
        return
    axis %= rank
    if axis != known.axis:
        shift = indices.ndim - 1 if axis < known.axis else 0
        trace.put(node.output[0], known.axis + shift, known.atoms)
        return
    if indices.ndim != 1:
        trace.pin_inputs(node, f"Gather ({node.name}) of single channels")
        return
    places, name = indices % len(known.atoms), node.input[1]

    def change(graph: Graph, kept: NDArray[np.bool_]) -> None:
        rank_of = np.cumsum(kept) - 1
        graph.set_constant(name, rank_of[places[kept[places]]].astype(indices.dtype))

    trace.rewrites.append(Rewrite(known.atoms, change))
    trace.put(node.output[0], axis, known.atoms[places])


def _resize(trace: Trace, node: onnx.NodeProto) -> None:
    known = trace.channels.get(node.input[0])
    if known is None:
        return
    graph = trace.graph
    scales, sizes = (graph.optional_input(node, at) for at in (2, 3))
    values = [graph.constant(x) for x in (scales, sizes)]
    unknown = any(x and y is None for x, y in zip((scales, sizes), values, strict=True))
    if unknown or attribute(node, "axes") or _resized(values, known.axis, len(known.atoms)):
        trace.pin_inputs(node, f"Resize ({node.name}) of channels or to a computed size")
    elif values[1] is not None and values[1].size:
        trace.rewrite_count(sizes, known.axis, known.atoms)
    trace.put(node.output[0], known.axis, known.atoms)


def _resized(values: Sequence[NDArray[np.generic] | None], axis: int, count: int) -> bool:
    scales, sizes = values
    if scales is not None and scales.size:
        return bool(scales[axis] != 1)
    return sizes is None or not sizes.size or bool(sizes[axis] != count)


def _pad(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    pads = trace.graph.constant(node.input[1])
    axes = trace.graph.optional_input(node, 3)
    if pads is None or rank is None or axes or pads[known.axis] or pads[known.axis + rank]:
        trace.pin_inputs(node, f"Pad ({node.name}) of channels")
    trace.put(node.output[0], known.axis, known.atoms)


def _expand(trace: Trace, node: onnx.NodeProto) -> None:
    known = trace.channels.get(node.input[0])
    rank, target = trace.rank(node.output[0]), trace.graph.constant(node.input[1])
    if known is None:
        return
    if target is None or rank is None:
        trace.pin_inputs(node, f"Expand ({node.name}) to a computed shape")
        return
    axis = known.axis + rank - (trace.rank(node.input[0]) or rank)
    at = axis - (rank - len(target))
    if at >= 0 and target[at] == len(known.atoms) > 1:
        trace.rewrite_count(node.input[1], at, known.atoms)
    elif at >= 0 and target[at] != 1:
        trace.pin_inputs(node, f"Expand ({node.name}) of channels")
        return
    trace.put(node.output[0], axis, known.atoms)


RESHAPING_RULES: dict[str, Callable[[Trace, onnx.NodeProto], None]] = {
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Resize": _resize,
    "Pad": _pad,
    "Expand": _expand,
}
