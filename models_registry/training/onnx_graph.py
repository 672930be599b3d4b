"""A torch module as an ONNX graph, operation by operation, normalisation folded away.

Torch's own exporter needs further packages and leaves a graph that differs from version to version.
The nets here are made of a dozen operations; a new one is one function below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.fx import GraphModule, Node, symbolic_trace
from torch.nn.utils.fusion import fuse_conv_bn_weights

from models_registry.training.errors import TrainingFailed

OPSET = 17
IR_VERSION = 8  # what runtimes of some years ago still read
INPUT, OUTPUT = "images", "output"


def to_onnx(net: nn.Module, example: tuple[int, ...], output: tuple[int, ...]) -> onnx.ModelProto:
    """``net`` (in eval mode) with one input and one output of these fixed shapes.

    Raises ``TrainingFailed`` (``export_unsupported``) for an operation not known here.
    """
    traced = symbolic_trace(net)
    writer = _Writer(traced)
    result = ""
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            writer.names[node] = INPUT
        elif node.op == "output":
            result = writer.names[node.args[0]]
        else:
            writer.names[node] = writer.write(node)
    writer.nodes.append(helper.make_node("Identity", [result], [OUTPUT]))
    graph = helper.make_graph(
        writer.nodes,
        "detector",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, example)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, output)],
        initializer=writer.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


@dataclass(slots=True)
class _Writer:
    traced: GraphModule
    names: dict[Node, str] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    folded: set[Node] = field(default_factory=set)

    def write(self, node: Node) -> str:
        """The name of what ``node`` gives."""
        if node in self.folded:
            return self.names[node.all_input_nodes[0]]
        if node.op == "get_attr":
            return self.constant(_attribute(self.traced, str(node.target)), node.name)
        if node.op == "call_module":
            module = self.traced.get_submodule(str(node.target))
            for kind, emit in MODULES.items():
                if isinstance(module, kind):
                    return emit(self, node, module)
            raise _unknown(type(module).__name__, node)
        # x + y is a function or a method, by which of the two is a constant: the name is the same.
        name = node.target if isinstance(node.target, str) else node.target.__name__
        if name not in FUNCTIONS:
            raise _unknown(name, node)
        return FUNCTIONS[name](self, node)

    def constant(self, value: Tensor | NDArray[Any], name: str) -> str:
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, kind: str, inputs: list[str], node: Node, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [node.name], node.name, **attributes))
        return node.name

    def operand(self, value: Any, node: Node, place: int) -> str:
        """A node's name, or a number as a constant."""
        if isinstance(value, Node):
            return self.names[value]
        return self.constant(np.array(value, np.float32), f"{node.name}.{place}")


def _convolution(writer: _Writer, node: Node, module: Any) -> str:
    weight, bias = module.weight, module.bias
    users = list(node.users)
    follower = users[0] if len(users) == 1 and users[0].op == "call_module" else None
    norm = writer.traced.get_submodule(str(follower.target)) if follower else None
    if isinstance(norm, nn.BatchNorm2d):
        assert follower is not None
        weight, bias = fuse_conv_bn_weights(
            weight,
            bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        writer.folded.add(follower)
    inputs = [writer.names[node.args[0]], writer.constant(weight, f"{node.target}.weight")]
    if bias is not None:
        inputs.append(writer.constant(bias, f"{node.target}.bias"))
    (top, left), (high, wide) = module.padding, module.kernel_size
    return writer.add(
        "Conv",
        inputs,
        node,
        kernel_shape=[high, wide],
        strides=list(module.stride),
        pads=[top, left, top, left],
        dilations=list(module.dilation),
        group=module.groups,
    )


def _relu(writer: _Writer, node: Node, module: Any) -> str:
    return writer.add("Relu", [writer.names[node.args[0]]], node)


def _enlarge(writer: _Writer, node: Node, module: Any) -> str:
    if module.mode != "nearest":
        raise _unknown(f"Upsample of mode {module.mode}", node)
    factor = float(module.scale_factor)
    scales = writer.constant(np.array([1, 1, factor, factor], np.float32), f"{node.name}.scales")
    return writer.add(
        "Resize",
        [writer.names[node.args[0]], "", scales],
        node,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _plain(kind: str) -> Callable[[_Writer, Node], str]:
    def emit(writer: _Writer, node: Node) -> str:
        inputs = [writer.operand(x, node, at) for at, x in enumerate(node.args)]
        return writer.add(kind, inputs, node)

    return emit


def _concatenate(writer: _Writer, node: Node) -> str:
    parts = [writer.names[x] for x in node.args[0]]
    axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return writer.add("Concat", parts, node, axis=axis)


def _flatten(writer: _Writer, node: Node) -> str:
    if node.args[1:] not in ((1,), (2,)):
        raise _unknown(f"flatten{node.args[1:]}", node)
    sides = [0] * node.args[1] + [-1]
    shape = writer.constant(np.array(sides, np.int64), f"{node.name}.shape")
    return writer.add("Reshape", [writer.names[node.args[0]], shape], node)


def _part(writer: _Writer, node: Node) -> str:
    """``x[:, a:b]``."""
    places = node.args[1]
    chosen = places[1] if isinstance(places, tuple) and len(places) == 2 else None
    if not isinstance(chosen, slice) or places[0] != slice(None) or chosen.step is not None:
        raise _unknown(f"[{places}]", node)
    end = np.iinfo(np.int64).max if chosen.stop is None else chosen.stop
    bounds = {"starts": chosen.start or 0, "ends": end, "axes": 1}
    inputs = [writer.names[node.args[0]]]
    inputs += [
        writer.constant(np.array([value], np.int64), f"{node.name}.{name}")
        for name, value in bounds.items()
    ]
    return writer.add("Slice", inputs, node)


def _clamp(writer: _Writer, node: Node) -> str:
    if set(node.kwargs) != {"max"}:
        raise _unknown(f"clamp{node.kwargs}", node)
    most = writer.operand(node.kwargs["max"], node, 1)
    return writer.add("Min", [writer.names[node.args[0]], most], node)


def _mean(writer: _Writer, node: Node, module: Any) -> str:
    if module.output_size not in (1, (1, 1)):
        raise _unknown(f"AdaptiveAvgPool2d of {module.output_size}", node)
    return writer.add("GlobalAveragePool", [writer.names[node.args[0]]], node)


def _same(writer: _Writer, node: Node, module: Any) -> str:
    return writer.names[node.args[0]]


MODULES: dict[type[nn.Module], Callable[[_Writer, Node, Any], str]] = {
    nn.Conv2d: _convolution,
    nn.ReLU: _relu,
    nn.Upsample: _enlarge,
    nn.AdaptiveAvgPool2d: _mean,
    nn.Identity: _same,
}
FUNCTIONS: dict[str, Callable[[_Writer, Node], str]] = {
    "add": _plain("Add"),
    "sub": _plain("Sub"),
    "mul": _plain("Mul"),
    "getitem": _part,
    "cat": _concatenate,
    "flatten": _flatten,
    "exp": _plain("Exp"),
    "sigmoid": _plain("Sigmoid"),
    "clamp": _clamp,
}


def _attribute(module: nn.Module, path: str) -> Tensor:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    assert isinstance(found, Tensor)
    return found


def _unknown(what: str, node: Node) -> TrainingFailed:
    return TrainingFailed(
        "export_unsupported", f"{node.name}: expected an operation that ONNX export knows: {what}"
    )
