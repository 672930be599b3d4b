"""Small networks with the wiring of real detectors, built in code with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models_registry.compression.channel_groups import Analysis
from models_registry.compression.channels import AtomArray
from models_registry.compression.graph import Graph

SIDE = 16


class Network:
    """Adds nodes one by one; each method returns the name of the tensor it makes."""

    def __init__(self, seed: int = 0, side: int = SIDE) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, op_type: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op_type, inputs, [name], f"{op_type}_{len(self.nodes)}", **attributes)
        )
        return name

    def normal(self, *shape: int) -> NDArray[np.float32]:
        fan_in = max(int(np.prod(shape[1:])), 1)
        return (self.rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32)

    def conv(
        self, source: str, inputs: int, outputs: int, kernel: int = 3, *, groups: int = 1,
        stride: int = 1, bias: bool = True,
    ) -> str:  # fmt: skip
        weight = self.constant(self.normal(outputs, inputs // groups, kernel, kernel))
        given = [source, weight]
        if bias:
            given.append(self.constant(self.rng.normal(size=outputs).astype(np.float32) * 0.1))
        return self.add(
            "Conv", given, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, group=groups,
            strides=[stride] * 2,
        )  # fmt: skip

    def silu(self, source: str) -> str:
        return self.add("Mul", [source, self.add("Sigmoid", [source])])

    def norm(self, source: str, channels: int) -> str:
        def values(low: float, high: float) -> str:
            return self.constant(self.rng.uniform(low, high, channels).astype(np.float32))

        given = [values(0.5, 1.5), values(-0.5, 0.5), values(-0.5, 0.5), values(0.5, 1.5)]
        return self.add("BatchNormalization", [source, *given])

    def reshape(self, source: str, *shape: int) -> str:
        return self.add("Reshape", [source, self.constant(np.array(shape, np.int64))])

    def shuffle(self, source: str, channels: int) -> str:
        split = self.reshape(source, 1, 2, channels // 2, self.side, self.side)
        turned = self.add("Transpose", [split], perm=[0, 2, 1, 3, 4])
        return self.reshape(turned, 1, channels, self.side, self.side)

    def slice(self, source: str, start: int, end: int) -> str:
        places = [self.constant(np.array([x], np.int64)) for x in (start, end, 1)]
        return self.add("Slice", [source, *places])

    def model(self, *outputs: str, opset: int = 17) -> onnx.ModelProto:
        picture = helper.make_tensor_value_info(
            "images", TensorProto.FLOAT, [1, 3, self.side, self.side]
        )
        infos = [helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in outputs]
        graph = helper.make_graph(self.nodes, "network", [picture], infos, self.constants)
        opsets = [helper.make_opsetid("", opset)]
        model = onnx.shape_inference.infer_shapes(
            helper.make_model(graph, opset_imports=opsets, ir_version=8)
        )
        onnx.checker.check_model(model)
        return model


def plain() -> onnx.ModelProto:
    """A stack with unfused normalisation and a linear head on the flattened map."""
    net = Network()
    x = net.add("Relu", [net.norm(net.conv("images", 3, 16), 16)])
    x = net.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = net.silu(net.conv(x, 16, 32, stride=2, bias=False))
    x = net.add("Flatten", [x])
    weight = net.constant(net.normal(10, 32 * 16))
    return net.model(net.add("Gemm", [x, weight], transB=1))


def residual() -> onnx.ModelProto:
    """Two blocks whose sums couple three layers."""
    net = Network(1)
    x = net.add("Relu", [net.conv("images", 3, 16)])
    for _ in range(2):
        inner = net.add("Relu", [net.conv(x, 16, 24)])
        x = net.add("Relu", [net.add("Add", [x, net.conv(inner, 24, 16, 1)])])
    return net.model(net.conv(x, 16, 5, 1))


def branches() -> onnx.ModelProto:
    """Concatenation, its parts by Slice and Split, upsampling: the neck of a detector."""
    net = Network(2)
    stem = net.silu(net.conv("images", 3, 16))
    down = net.silu(net.conv(stem, 16, 24, stride=2))
    scales = net.constant(np.array([1, 1, 2, 2], np.float32))
    up = net.add("Resize", [down, "", scales], mode="nearest")
    joined = net.add("Concat", [up, stem, stem], axis=1)
    late, early = net.slice(joined, 16, 56), net.slice(joined, 0, 16)
    halves = net.constant(np.array([16, 24], np.int64))
    first, second = f"split{len(net.nodes)}a", f"split{len(net.nodes)}b"
    net.nodes.append(helper.make_node("Split", [late, halves], [first, second], "Split", axis=1))
    x = net.add("Concat", [net.silu(net.conv(second, 24, 8)), first, early], axis=1)
    return net.model(net.conv(x, 40, 6, 1), net.conv(down, 24, 4, 1))


def depthwise() -> onnx.ModelProto:
    """Depthwise with a multiplier, grouped, and squeeze-and-excitation gates."""
    net = Network(3)
    x = net.add("Relu", [net.conv("images", 3, 16)])
    x = net.add("Relu", [net.conv(x, 16, 32, groups=16)])
    x = net.add("LeakyRelu", [net.conv(x, 32, 32, 1, groups=4)])
    gate = net.add("GlobalAveragePool", [x])
    gate = net.add("Relu", [net.conv(gate, 32, 8, 1)])
    gate = net.add("HardSigmoid", [net.conv(gate, 8, 32, 1)])
    x = net.add("Mul", [x, gate])
    x = net.add("PRelu", [x, net.constant(net.rng.uniform(0, 1, (32, 1, 1)).astype(np.float32))])
    return net.model(net.conv(x, 32, 7, 1))


def shuffled() -> onnx.ModelProto:
    """ShuffleNet's unit: half passes, half is worked on, then the channels are interleaved."""
    net = Network(4)
    x = net.add("Relu", [net.conv("images", 3, 32)])
    left, right = net.slice(x, 0, 16), net.slice(x, 16, 32)
    right = net.add("Relu", [net.conv(right, 16, 16, 1)])
    right = net.conv(right, 16, 16, 3, groups=16)
    right = net.add("Relu", [net.conv(right, 16, 16, 1)])
    x = net.shuffle(net.add("Concat", [left, right], axis=1), 32)
    return net.model(net.conv(x, 32, 6, 1))


def linear() -> onnx.ModelProto:
    """Pooled features through MatMul layers with biases added after."""
    net = Network(5)
    x = net.add("Relu", [net.conv("images", 3, 24)])
    x = net.add("ReduceMean", [x], axes=[2, 3], keepdims=0)
    x = net.add("MatMul", [x, net.constant(net.normal(24, 40))])
    x = net.add("Relu", [net.add("Add", [x, net.constant(net.normal(40))])])
    x = net.add("Unsqueeze", [x, net.constant(np.array([2], np.int64))])
    x = net.add("Squeeze", [x, net.constant(np.array([2], np.int64))])
    return net.model(net.add("MatMul", [x, net.constant(net.normal(40, 6))]))


NETWORKS = (plain, residual, branches, depthwise, shuffled, linear)


def pictures(count: int, seed: int = 0, side: int = SIDE) -> list[dict[str, NDArray[np.float32]]]:
    """Smooth random pictures: neighbouring pixels are alike, as in real ones."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 1, (count, 1, 3, side // 4, side // 4)).astype(np.float32)
    fine = coarse.repeat(4, axis=3).repeat(4, axis=4)
    return [{"images": x + rng.normal(0, 0.05, x.shape).astype(np.float32)} for x in fine]


def random_removal(analysis: Analysis, seed: int, share: float = 0.5) -> AtomArray:
    """Up to ``share`` of each group's free atoms, no run of channels left empty."""
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(x.free, rng.integers(1, max(int(len(x.free) * share), 2)), replace=False)
        for x in analysis.groups
        if len(x.free) > 1
    ]
    removed = np.concatenate(chosen) if chosen else np.array([], np.int64)
    for part in analysis.parts():
        if np.isin(part, removed).all():
            removed = removed[removed != part[0]]
    return removed


def zeroed(analysis: Analysis, removed: AtomArray) -> onnx.ModelProto:
    """What pruning must equal: the whole network, its layers blind for the removed channels."""
    graph = Graph(analysis.graph.model)
    for layer in analysis.trace.layers:
        if layer.reads is None or not layer.mixes:
            continue
        weight = np.array(graph.constant(layer.weight))
        blind = ~analysis.kept(layer.reads, removed)
        if layer.groups == 1:
            np.moveaxis(weight, layer.read_axis, 0)[blind] = 0
        else:  # each group's filters see the group's own channels
            for group, gone in enumerate(blind.reshape(layer.groups, -1)):
                filters = len(weight) // layer.groups
                weight[group * filters : (group + 1) * filters, gone] = 0
        graph.set_constant(layer.weight, weight)
    return graph.model
