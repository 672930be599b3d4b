"""Reading and rewiring an ONNX graph: who makes a tensor, who reads it, what is constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import Message  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models_registry.compression.step import StepFailed

Shape = tuple[int | None, ...]
# Operators that hold integer arithmetic: their weights are not the numbers the layer computes with.
QUANTIZED = frozenset(
    {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger",
    }
)


class Graph:
    """A copy of a model that may be changed; the lookups follow each change.

    Constants are initializers: ``Constant`` nodes with a tensor become such at birth, and every
    node gets a name of its own, so that reports can speak of it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.proto = self.model.graph
        self._hoist_constants()
        self._name_nodes()
        self.refresh()

    def refresh(self) -> None:
        """Reads the graph anew: call it after nodes were added, removed or rewired."""
        self.constants = {x.name: x for x in self.proto.initializer}
        self.producer = {name: x for x in self.proto.node for name in x.output if name}
        self.consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.proto.node:
            for name in dict.fromkeys([*node.input, *_captured(node)]):
                if name:
                    self.consumers[name].append(node)
        self.inputs = [x.name for x in self.proto.input if x.name not in self.constants]
        self.outputs = [x.name for x in self.proto.output]

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return next((x.version for x in self.model.opset_import if x.domain in {"", "ai.onnx"}), 0)

    def constant(self, name: str) -> NDArray[Any] | None:
        """The values of a constant tensor, ``None`` for anything else."""
        found = self.constants.get(name)
        return None if found is None else numpy_helper.to_array(found)

    def optional_input(self, node: onnx.NodeProto, at: int) -> str:
        """Name of an input, empty where the node has none at this place."""
        return node.input[at] if len(node.input) > at else ""

    def set_constant(self, name: str, values: NDArray[Any]) -> None:
        """Overwrites a constant, whatever its shape was."""
        array = np.array(values, order="C")  # ascontiguousarray would make a scalar a list
        self.constants[name].CopyFrom(numpy_helper.from_array(array, name))

    def add_constant(self, stem: str, values: NDArray[Any]) -> str:
        """A new constant; returns the name it got."""
        name = self.free_name(stem)
        array = numpy_helper.from_array(np.array(values, copy=True, order="C"), name)
        self.constants[name] = self.proto.initializer.add()
        self.constants[name].CopyFrom(array)
        return name

    def free_name(self, stem: str) -> str:
        """``stem``, numbered where a tensor or node has it already."""
        taken = self.constants.keys() | self.producer.keys() | set(self.inputs)
        taken |= {x.name for x in self.proto.node}
        return next(x for x in _numbered(stem) if x not in taken)

    def replace_reads(self, old: str, new: str) -> None:
        """Every node that read ``old`` reads ``new``; graph outputs keep their names."""
        for node in self.consumers.get(old, []):
            for at, name in enumerate(node.input):
                if name == old:
                    node.input[at] = new

    def replace_node(self, node: onnx.NodeProto, replacements: Iterable[onnx.NodeProto]) -> None:
        """Puts nodes in the place of one, so that the order stays one in which it can run."""
        at = next(i for i, x in enumerate(self.proto.node) if x is node or x.name == node.name)
        later = [_copied(x) for x in self.proto.node[at + 1 :]]
        del self.proto.node[at:]
        self.proto.node.extend([*replacements, *later])
        self.refresh()

    def remove_unused(self) -> int:
        """Drops nodes and constants that no output depends on; returns how many."""
        before = len(self.proto.node) + len(self.proto.initializer)
        needed = set(self.outputs)
        kept = []
        for node in reversed(list(self.proto.node)):
            if any(name in needed for name in node.output):
                needed.update([*node.input, *_captured(node)])
                kept.append(_copied(node))
        constants = [_copied(x) for x in self.proto.initializer if x.name in needed]
        _refill(self.proto.node, reversed(kept))
        _refill(self.proto.initializer, constants)
        self.refresh()
        return before - len(self.proto.node) - len(self.proto.initializer)

    def shapes(self, fixed: dict[str, tuple[int, ...]] | None = None) -> dict[str, Shape]:
        """Shape by tensor, ``None`` where open; ``fixed`` closes the shapes of inputs."""
        inferred = self.inferred(fixed)
        shapes: dict[str, Shape] = {x.name: tuple(x.dims) for x in self.proto.initializer}
        for info in [*inferred.input, *inferred.value_info, *inferred.output]:
            if info.type.tensor_type.HasField("shape"):
                shapes[info.name] = tuple(
                    d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None
                    for d in info.type.tensor_type.shape.dim
                )
        return shapes

    def element_types(self) -> dict[str, int]:
        """``TensorProto`` element type by tensor, as far as it can be told."""
        inferred = self.inferred()
        types = {x.name: x.data_type for x in self.proto.initializer}
        for info in [*inferred.input, *inferred.value_info, *inferred.output]:
            types[info.name] = info.type.tensor_type.elem_type
        return types

    def inferred(self, fixed: dict[str, tuple[int, ...]] | None = None) -> onnx.GraphProto:
        """The graph with shapes told by ONNX's inference; stale ones are not believed."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        del copy.graph.value_info[:]
        for info in copy.graph.input:
            for at, size in enumerate((fixed or {}).get(info.name, ())):
                info.type.tensor_type.shape.dim[at].dim_value = size
        if fixed:  # declared outputs may contradict the sizes that were closed
            for info in copy.graph.output:
                info.type.tensor_type.ClearField("shape")
        try:
            return onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
        except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
            raise StepFailed("graph_unsupported", f"shapes cannot be inferred: {error}") from error

    def _hoist_constants(self) -> None:
        """``Constant`` nodes → initializers, which all else here reads and changes."""
        kept = []
        for node in self.proto.node:
            value = attribute(node, "value") if node.op_type == "Constant" else None
            if isinstance(value, onnx.TensorProto):
                self.proto.initializer.add().CopyFrom(value)
                self.proto.initializer[-1].name = node.output[0]
            else:
                kept.append(_copied(node))
        _refill(self.proto.node, kept)

    def _name_nodes(self) -> None:
        seen: set[str] = set()
        for node in self.proto.node:
            stem = node.name or f"{node.op_type}_{node.output[0] if node.output else ''}"
            node.name = next(x for x in _numbered(stem) if x not in seen)
            seen.add(node.name)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """An attribute's value; text as ``str``."""
    for found in node.attribute:
        if found.name == name:
            value = helper.get_attribute_value(found)
            return value.decode() if isinstance(value, bytes) else value
    return default


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Sets or overwrites an attribute."""
    kept = [_copied(x) for x in node.attribute if x.name != name]
    _refill(node.attribute, [*kept, helper.make_attribute(name, value)])


def refuse_quantized(model: onnx.ModelProto, title: str) -> None:
    """Raises ``StepFailed`` (``graph_unsupported``) where weights are stored as integers."""
    found = sorted({x.op_type for x in model.graph.node} & QUANTIZED)
    if found:
        raise StepFailed(
            "graph_unsupported",
            f"{title} works on float graphs, this one is quantized ({', '.join(found)}):"
            " start from its float parent and put int8 last in the recipe",
        )


def random_feeds(model: onnx.ModelProto, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Inputs with noise in them: batch 1, other open sides 64; whole numbers stay small."""
    feeds = {}
    constants = {x.name for x in model.graph.initializer}
    for info in model.graph.input:
        if info.name in constants:
            continue
        dims = info.type.tensor_type.shape.dim
        shape = [d.dim_value or (64 if at else 1) for at, d in enumerate(dims)]
        kind = helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)
        if np.issubdtype(kind, np.floating):
            feeds[info.name] = rng.uniform(0, 1, shape).astype(kind)
        else:
            feeds[info.name] = rng.integers(1, 100, shape).astype(kind)
    return feeds


def _captured(node: onnx.NodeProto) -> Iterator[str]:
    """Outer tensors that a node's subgraphs read."""
    for found in node.attribute:
        for graph in [found.g, *found.graphs]:
            own = {x.name for x in [*graph.input, *graph.initializer]}
            for inner in graph.node:
                yield from (x for x in [*inner.input, *_captured(inner)] if x not in own)
                own.update(inner.output)
            yield from (x.name for x in graph.output if x.name not in own)


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}_{n}" for n in range(2, 1_000_000))


def _copied(message: Message) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _refill(field: Any, values: Iterable[Any]) -> None:
    new = list(values)
    del field[:]
    field.extend(new)
