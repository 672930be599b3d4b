"""Half-precision weights: half the file, and half-precision arithmetic where a machine has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.constants import with_fixed_constants
from models_registry.compression.drift import measure_drift
from models_registry.compression.graph import Graph, attribute, refuse_quantized
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.step import Change, Context, Feeds, Outcome, Prediction, StepFailed

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
LARGEST = float(np.finfo(np.float16).max)
SMALLEST_STORED = 64  # elements: below, a Cast node is larger than what it saves
DRIFT_FEEDS = 8
# Pure arithmetic and moving of data: the same sum in half precision. Everything else (sizes in
# Resize, boxes in NonMaxSuppression, reductions over many values) stays in float32.
COMPUTES_IN_HALF = frozenset(
    {
        *("Conv", "ConvTranspose", "Gemm", "MatMul"),
        *("Add", "Sub", "Mul", "Div", "Max", "Min", "Abs", "Neg", "Erf"),
        *("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Clip", "Sigmoid", "HardSigmoid"),
        *("HardSwish", "Mish", "Softplus", "Tanh", "Identity"),
        *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"),
        *("Concat", "Split", "Slice", "Gather", "Pad", "Expand", "Tile"),
        *("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"),
    }
)


@dataclass(frozen=True, slots=True)
class Fp16:
    """Stores weights in float16. Inputs and outputs of the model keep their types.

    ``storage_only``: a Cast gives each weight back as float32; ONNX Runtime does that once, at
    load, so the file is half as large and the speed the same. Otherwise the arithmetic is half
    precision too, which most processors' kernels lack: ONNX Runtime then casts to and fro.
    """

    storage_only: bool = True

    kind: ClassVar[str] = "fp16"
    title: ClassVar[str] = "Half precision"
    uses_stills: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("storage_only", bool, True, help="store in float16, compute in float32"),
    )

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """The very size: the conversion is quick."""
        converted, _ = self._converted(model)
        return Prediction(converted.ByteSize(), None, (self._words(),))

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``nothing_to_do``, ``graph_unsupported``, ``result_broken``."""
        context.progress(0.0, "converting weights to float16")
        result, changes = self._converted(model)
        figures: dict[str, Any] = {"size_ratio": result.ByteSize() / model.ByteSize()}
        if context.calibration:
            context.progress(0.5, "comparing the outputs")
            feeds = context.calibration[:DRIFT_FEEDS]
            _demand_finite(result, feeds)
            figures["drift"] = measure_drift(model, result, feeds).relative
        changes.append(Change("model", "note", self._words()))
        return Outcome(result, tuple(changes), figures=figures)

    def _converted(self, model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[Change]]:
        refuse_quantized(model, self.title)
        graph = with_fixed_constants(model)
        converted = _stored(graph) if self.storage_only else _computed(graph)
        changes = list(converted)
        if not any(x.action == "converted" for x in changes):
            raise StepFailed("nothing_to_do", "expected float32 weights that float16 holds")
        return graph.model, changes

    def _words(self) -> str:
        if self.storage_only:
            return "computed in float32: about the speed of the original"
        return "computed in float16: slower where the processor has no such kernels, so measure"


def _stored(graph: Graph) -> Iterator[Change]:
    """Every float32 weight as float16 with a Cast behind it."""
    casts = []
    for tensor in list(graph.proto.initializer):
        if (
            tensor.data_type != FLOAT
            or tensor.name in graph.outputs
            or _elements(tensor) < SMALLEST_STORED
        ):
            continue
        if not _holds(tensor):
            yield Change(tensor.name, "kept in float32", f"has values beyond ±{LARGEST:.0f}")
            continue
        full, half = tensor.name, graph.free_name(f"{tensor.name}_half")
        _halve(tensor, half)
        casts.append(helper.make_node("Cast", [half], [full], graph.free_name(half), to=FLOAT))
        yield Change(full, "converted", "stored in float16")
    _prepend(graph, casts)


def _computed(graph: Graph) -> Iterator[Change]:
    """Runs of half-precision nodes with a Cast at each border."""
    types = graph.element_types()
    halves = [x.name for x in graph.proto.node if _computable(x, types)]
    if any(x.g.node or x.graphs for node in graph.proto.node for x in node.attribute):
        raise StepFailed(
            "graph_unsupported", "the graph has branches or loops: choose storage_only"
        )
    border = _Border(graph, types, set(halves))
    yield from border.convert()


def _computable(node: onnx.NodeProto, types: dict[str, int]) -> bool:
    """Works on floats all of whose types are known."""
    known = [types.get(x, 0) for x in [*node.input, *node.output] if x]
    return node.op_type in COMPUTES_IN_HALF and FLOAT in known and all(known)


class _Border:
    """Which tensors are half by now, and the Casts that make the others."""

    def __init__(self, graph: Graph, types: dict[str, int], halves: set[str]) -> None:
        self._graph, self._types, self._halves = graph, types, halves
        self._half: dict[str, str] = {}  # float tensor → its half twin
        self._nodes: list[onnx.NodeProto] = []

    def convert(self) -> Iterator[Change]:
        """Rewrites the graph node by node in its order."""
        graph = self._graph
        read_full = self._read_in_full()
        for node in list(graph.proto.node):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            if node.name not in self._halves or not self._fits(node):
                self._nodes.append(copy)
                continue
            copy.input[:] = [self._as_half(x) for x in node.input]
            for at, name in enumerate(node.output):
                if self._types.get(name) != FLOAT:
                    continue
                self._half[name] = copy.output[at] = graph.free_name(f"{name}_half")
            self._nodes.append(copy)
            for at, name in enumerate(node.output):
                if name in self._half and name in read_full:
                    self._cast(copy.output[at], name, FLOAT)
        converted = [x for x in graph.constants if x in self._half]
        del graph.proto.node[:]
        graph.proto.node.extend(self._nodes)
        del graph.proto.value_info[:]  # they state the types of before
        graph.refresh()
        graph.remove_unused()
        yield from (Change(x, "converted", "float16, computed in float16") for x in converted)

    def _read_in_full(self) -> set[str]:
        graph = self._graph
        full = set(graph.outputs)
        for node in graph.proto.node:
            if node.name not in self._halves or not self._fits(node):
                full.update(node.input)
        return full

    def _fits(self, node: onnx.NodeProto) -> bool:
        constants = [self._graph.constants[x] for x in node.input if x in self._graph.constants]
        limits = [attribute(node, x) for x in ("min", "max", "value")]
        return all(_holds(x) for x in constants) and all(
            not isinstance(x, float) or abs(x) <= LARGEST for x in limits
        )

    def _as_half(self, name: str) -> str:
        if not name or self._types.get(name) != FLOAT:
            return name
        if name not in self._half:
            half = self._half[name] = self._graph.free_name(f"{name}_half")
            if name in self._graph.constants:
                twin = self._graph.proto.initializer.add()
                twin.CopyFrom(self._graph.constants[name])
                _halve(twin, half)
            else:
                self._cast(name, half, HALF)
        return self._half[name]

    def _cast(self, given: str, made: str, kind: int) -> None:
        name = self._graph.free_name(f"Cast_{made}")
        self._nodes.append(helper.make_node("Cast", [given], [made], name, to=kind))


def _elements(tensor: onnx.TensorProto) -> int:
    return int(np.prod(tensor.dims, dtype=np.int64))


def _holds(tensor: onnx.TensorProto) -> bool:
    """Whether float16 can hold it; infinity (a mask) stays infinity."""
    if tensor.data_type != FLOAT:
        return True
    values = numpy_helper.to_array(tensor)
    finite = values[np.isfinite(values)]
    return not finite.size or float(np.abs(finite).max()) <= LARGEST


def _halve(tensor: onnx.TensorProto, name: str) -> None:
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name))


def _demand_finite(model: onnx.ModelProto, feeds: Sequence[Feeds]) -> None:
    session = loaded(model)
    for one in feeds:
        for name, values in run(session, one).items():
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                raise StepFailed(
                    "result_broken",
                    f"output {name} is not finite: numbers inside exceed {LARGEST:.0f},"
                    " choose storage_only",
                )


def _prepend(graph: Graph, nodes: list[onnx.NodeProto]) -> None:
    later = []
    for node in graph.proto.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        later.append(copy)
    del graph.proto.node[:]
    graph.proto.node.extend([*nodes, *later])
    graph.refresh()
