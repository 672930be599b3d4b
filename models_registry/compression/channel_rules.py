"""How each operator hands channels on from its inputs to its outputs."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from models_registry.compression.channel_reshapes import RESHAPING_RULES
from models_registry.compression.channels import AtomArray, Channels, Layer, Trace
from models_registry.compression.graph import attribute

Rule = Callable[[Trace, onnx.NodeProto], None]

# One value in, one value out, whatever the other channels hold.
ELEMENTWISE = frozenset(
    {
        *("Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Exp", "Log"),
        *("Sqrt", "Abs", "Neg", "Erf", "Softplus", "Softsign", "Mish", "Elu", "Selu", "Celu"),
        *("ThresholdedRelu", "Gelu", "Swish", "Cast", "Identity", "Dropout", "Reciprocal"),
        *("Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Not", "IsNaN"),
    }
)
BINARY = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum", "PRelu"),
        *("Equal", "Greater", "Less", "And", "Or", "Where"),
    }
)
POOLS = frozenset(
    {
        *("MaxPool", "AveragePool", "LpPool"),
        *("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"),
    }
)
REDUCTIONS = frozenset(
    {
        *("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd", "ReduceL1"),
        *("ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "ArgMax", "ArgMin"),
    }
)
ALONG_AXIS = ("Softmax", "LogSoftmax", "Hardmax", "CumSum", "TopK")


def follow(trace: Trace, node: onnx.NodeProto) -> None:
    """Applies a node's rule; what has none keeps all channels that it reads."""
    rule = RULES.get(node.op_type) if node.domain in {"", "ai.onnx"} else None
    captures = any(x.HasField("g") or x.graphs for x in node.attribute)
    if rule is None or captures:
        for name, readers in trace.graph.consumers.items():
            if any(x is node or x.name == node.name for x in readers):
                trace.pin(name, f"{node.op_type} ({node.name})")
        return
    rule(trace, node)


def _elementwise(trace: Trace, node: onnx.NodeProto) -> None:
    known = trace.channels.get(node.input[0])
    if known is not None:
        trace.put(node.output[0], known.axis, known.atoms)


def _pool(trace: Trace, node: onnx.NodeProto) -> None:
    known = trace.channels.get(node.input[0])
    if known is None:
        return
    if known.axis != 1:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) over channels")
    trace.put(node.output[0], known.axis, known.atoms)


def _binary(trace: Trace, node: onnx.NodeProto) -> None:
    """Broadcasting aligns the last axes: an axis is counted from the end here."""
    rank = trace.rank(node.output[0])
    reads = [(x, trace.channels[x]) for x in node.input if x in trace.channels]
    if not reads:
        return
    if rank is None or any(trace.rank(x) is None for x in node.input):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) of unknown shape")
        return
    from_end = {_from_end(trace, name, known) for name, known in reads}
    wide = [(x, known) for x, known in reads if len(known.atoms) > 1]
    if len({_from_end(trace, *x) for x in wide}) > 1 or not wide or len(from_end) > 1:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) across axes")
        return
    back, atoms = from_end.pop(), wide[0][1].atoms
    for name in node.input:
        _join_operand(trace, node, name, back, atoms)
    trace.put(node.output[0], rank - back, atoms)


def _join_operand(
    trace: Trace, node: onnx.NodeProto, name: str, back: int, atoms: AtomArray
) -> None:
    axis = (trace.rank(name) or 0) - back
    size = trace.size(name, axis) if axis >= 0 else 1
    known = trace.channels.get(name)
    if known is not None and len(known.atoms) == len(atoms):
        trace.atoms.join(atoms, known.atoms)
    elif known is not None:  # one channel spread over many
        trace.pin(name, f"{node.op_type} ({node.name}) spreads it")
    elif size == 1:
        return
    elif name in trace.graph.constants:
        trace.cut(name, axis, atoms, node)
    else:
        trace.atoms.pin(atoms, f"{node.op_type} ({node.name}) with channels of unknown origin")


def _from_end(trace: Trace, name: str, known: Channels) -> int:
    return (trace.rank(name) or 0) - known.axis


def _convolution(trace: Trace, node: onnx.NodeProto) -> None:
    graph = trace.graph
    weight, bias = graph.constant(node.input[1]), graph.optional_input(node, 2)
    known = trace.channels.get(node.input[0])
    if weight is None or (bias and bias not in graph.constants):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) with computed weights")
        return
    transposed = node.op_type == "ConvTranspose"
    groups = attribute(node, "group", 1)
    count = weight.shape[1] * groups if transposed else weight.shape[0]
    inputs = weight.shape[0] if transposed else weight.shape[1] * groups
    if known is not None and (known.axis != 1 or len(known.atoms) != inputs):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) over another axis")
        known = None
    reads = None if known is None else known.atoms
    if groups > 1 and groups == inputs and not transposed:
        _depthwise(trace, node, reads, count)
        return
    writes = trace.atoms.fresh(count)
    if groups > 1 and transposed:
        trace.pin_inputs(node, f"grouped {node.op_type} ({node.name})")
        trace.atoms.pin(writes, f"grouped {node.op_type} ({node.name})")
    write_axis, read_axis = (1, 0) if transposed else (0, 1)
    layer = Layer(
        node.name, node.op_type, node.input[0], node.input[1], bias, writes, reads,
        write_axis, read_axis, groups,
    )  # fmt: skip
    _register(trace, node, layer)


def _register(trace: Trace, node: onnx.NodeProto, layer: Layer) -> None:
    trace.layers.append(layer)
    trace.cut(layer.weight, layer.write_axis, layer.writes, node)
    if layer.bias:
        trace.cut(layer.bias, 0, layer.writes, node)
    if layer.groups > 1:
        _equal_groups(trace, layer.writes, layer.groups)
    if layer.reads is not None:
        if layer.groups > 1:
            _equal_groups(trace, layer.reads, layer.groups)
        per_group = layer.reads[: len(layer.reads) // layer.groups]
        trace.cut(layer.weight, layer.read_axis, per_group, node)
    trace.put(node.output[0], 1, layer.writes)


def _equal_groups(trace: Trace, atoms: AtomArray, groups: int) -> None:
    """A grouped convolution needs groups of equal size: each loses the same places."""
    rows = atoms.reshape(groups, -1)
    for row in rows[1:]:
        trace.atoms.join(rows[0], row)


def _depthwise(trace: Trace, node: onnx.NodeProto, reads: AtomArray | None, count: int) -> None:
    if reads is None:  # on the picture itself
        groups = attribute(node, "group", 1)
        reads = trace.atoms.fresh(groups)
        trace.atoms.pin(reads, "model input")
    writes = reads.repeat(count // len(reads))
    bias = trace.graph.optional_input(node, 2)
    layer = Layer(
        node.name, node.op_type, node.input[0], node.input[1], bias, writes, reads,
        0, 1, len(reads), mixes=False,
    )  # fmt: skip
    trace.layers.append(layer)
    trace.cut(node.input[1], 0, writes, node)
    if bias:
        trace.cut(bias, 0, writes, node)
    trace.rewrite_attribute(node.name, "group", reads)
    trace.put(node.output[0], 1, writes)


def _dense(trace: Trace, node: onnx.NodeProto) -> None:
    """Gemm and MatMul: the weight's rows read the last axis, its columns write it."""
    graph, gemm = trace.graph, node.op_type == "Gemm"
    weight, known = graph.constant(node.input[1]), trace.channels.get(node.input[0])
    rank = trace.rank(node.output[0])
    odd = gemm and attribute(node, "transA", 0)
    if weight is None or weight.ndim != 2 or rank is None or odd:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) of two computed tensors")
        return
    flipped = bool(gemm and attribute(node, "transB", 0))
    write_axis, read_axis = (0, 1) if flipped else (1, 0)
    last = (trace.rank(node.input[0]) or 0) - 1
    if known is not None and (known.axis != last or len(known.atoms) != weight.shape[read_axis]):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) over another axis")
        known = None
    writes = trace.atoms.fresh(weight.shape[write_axis])
    bias = graph.optional_input(node, 2) if gemm else ""
    reads = None if known is None else known.atoms
    layer = Layer(
        node.name, node.op_type, node.input[0], node.input[1], bias, writes, reads,
        write_axis, read_axis,
    )  # fmt: skip
    trace.layers.append(layer)
    trace.cut(layer.weight, write_axis, writes, node)
    if reads is not None:
        trace.cut(layer.weight, read_axis, reads, node)
    if bias:
        _join_operand(trace, node, bias, 1, writes)
    trace.put(node.output[0], rank - 1, writes)


def _normalisation(trace: Trace, node: onnx.NodeProto) -> None:
    """Batch and instance normalisation work channel by channel."""
    known = trace.channels.get(node.input[0])
    if known is None:
        return
    if known.axis != 1 or any(x not in trace.graph.constants for x in node.input[1:] if x):
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) with computed values")
    else:
        for name in node.input[1:]:
            trace.cut(name, 0, known.atoms, node)
    trace.put(node.output[0], known.axis, known.atoms)


def _along_axis(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    if node.op_type in {"CumSum", "TopK"} or rank is None:
        trace.pin_inputs(node, f"{node.op_type} ({node.name})")
        return
    if attribute(node, "axis", -1) % rank == known.axis:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) over channels")
    trace.put(node.output[0], known.axis, known.atoms)


def _reduction(trace: Trace, node: onnx.NodeProto) -> None:
    known, rank = trace.channels.get(node.input[0]), trace.rank(node.input[0])
    if known is None:
        return
    axes = _axes(trace, node)
    if rank is None or axes is None or known.axis in {x % rank for x in axes}:
        trace.pin_inputs(node, f"{node.op_type} ({node.name}) over channels")
        return
    before = sum(x % rank < known.axis for x in axes)
    kept = attribute(node, "keepdims", 1)
    trace.put(node.output[0], known.axis - (0 if kept else before), known.atoms)


def _axes(trace: Trace, node: onnx.NodeProto) -> list[int] | None:
    """Reduced axes, ``None`` for all or unknown."""
    if node.op_type in {"ArgMax", "ArgMin"}:
        return [attribute(node, "axis", 0)]
    given = attribute(node, "axes")
    if given is not None:
        return list(given)
    values = trace.graph.constant(trace.graph.optional_input(node, 1))
    return None if values is None else [int(x) for x in values]


RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(POOLS, _pool),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(ALONG_AXIS, _along_axis),
    **RESHAPING_RULES,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Gemm": _dense,
    "MatMul": _dense,
    "BatchNormalization": _normalisation,
    "InstanceNormalization": _normalisation,
}
