"""Graphs that are damaged, greedy, endless or foreign, as serialized models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests import onnx_zoo

Node = onnx.NodeProto
PICTURE = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])


def good() -> bytes:
    """A detector in YOLOX's layout."""
    return onnx_zoo.build({"output": onnx_zoo.yolox_output()})


def model(
    nodes: Sequence[Node],
    *,
    inputs: Sequence[onnx.ValueInfoProto] = (PICTURE,),
    outputs: Sequence[str] = ("out",),
    constants: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """A model that nothing has checked."""
    declared = [helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in outputs]
    graph = helper.make_graph(list(nodes), "hostile", list(inputs), declared, list(constants))
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(x, 1) for x in domains]
    built = helper.make_model(graph, opset_imports=imports, ir_version=8)
    built.functions.extend(functions)
    return built


def relu(**options: Any) -> onnx.ModelProto:
    """The smallest model that takes a picture."""
    return model([helper.make_node("Relu", ["images"], ["out"])], **options)


def weighted(tensor: onnx.TensorProto) -> bytes:
    """A model that adds ``tensor``, called "w"."""
    node = helper.make_node("Add", ["images", "w"], ["out"])
    return model([node], constants=[tensor]).SerializeToString()


def declaring(dims: Sequence[int], raw: bytes = b"", data_type: int = TensorProto.FLOAT) -> bytes:
    """A model whose weight says ``dims`` and holds ``raw``."""
    return weighted(TensorProto(name="w", data_type=data_type, dims=dims, raw_data=raw))


def external_initializer() -> bytes:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return weighted(tensor)


def external_constant_in_a_branch() -> bytes:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secrets/key")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=tensor)],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])],
    )
    return conditional(branch)


def conditional(branch: onnx.GraphProto) -> bytes:
    truth = numpy_helper.from_array(np.array(True), "truth")
    node = helper.make_node("If", ["truth"], ["out"], then_branch=branch, else_branch=branch)
    return model([node], constants=[truth]).SerializeToString()


def nested_branches(depth: int) -> bytes:
    """A branch in a branch in a branch; written byte by byte, for onnx itself refuses to."""
    value = helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])
    relu_node = helper.make_node("Relu", ["images"], ["b"])
    graph = plain = helper.make_graph([relu_node], "g", [], [value]).SerializeToString()
    for _ in range(depth):
        node = helper.make_node("If", ["truth"], ["b"]).SerializeToString()
        for name, branch in ((b"then_branch", graph), (b"else_branch", plain)):
            kind = b"\xa0\x01\x05"  # type: a graph
            node += _field(5, _field(1, name) + kind + _field(6, branch))
        graph = _field(1, node) + _field(2, b"g") + _field(12, value.SerializeToString())
    outer = helper.make_graph([], "outer", [PICTURE], [value]).SerializeToString()
    imports = helper.make_opsetid("", 17).SerializeToString()
    return b"\x08\x08" + _field(7, outer + graph) + _field(8, imports)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def loop(body: Sequence[Node], carried: onnx.TensorProto) -> bytes:
    """Runs ``body`` (state → next) until it says otherwise, which it never does."""
    state = helper.make_tensor_value_info("state", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), *body],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            state,
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    truth = numpy_helper.from_array(np.array(True), "truth")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "start"], ["seen"]),
        helper.make_node("Loop", ["", "truth", "seen"], ["out"], body=graph),
    ]
    return model(nodes, constants=[truth, carried]).SerializeToString()


def endless_loop() -> bytes:
    start = numpy_helper.from_array(np.zeros(1, np.float32), "start")
    return loop([helper.make_node("Relu", ["state"], ["next"])], start)


def doubling_loop() -> bytes:
    start = numpy_helper.from_array(np.zeros(1024, np.float32), "start")
    return loop([helper.make_node("Concat", ["state", "state"], ["next"], axis=0)], start)


def exploding_constant() -> bytes:
    sides = numpy_helper.from_array(np.array([60_000, 60_000], np.int64), "sides")
    nodes = [
        helper.make_node("ConstantOfShape", ["sides"], ["huge"]),
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Add", ["huge", "mean"], ["out"]),
    ]
    return model(nodes, constants=[sides]).SerializeToString()


def exploding_resize() -> bytes:
    scales = numpy_helper.from_array(np.array([1, 1, 500, 500], np.float32), "scales")
    node = helper.make_node("Resize", ["images", "", "scales"], ["out"], mode="nearest")
    return model([node], constants=[scales]).SerializeToString()


def function_bomb(levels: int, calls: int) -> bytes:
    """Each function calls the next ``calls`` times: calls ** levels nodes."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    for level in range(levels):
        name = "Relu" if level == levels - 1 else f"F{level + 1}"
        domain = "" if level == levels - 1 else "own"
        names = ["x", *(f"v{i}" for i in range(calls - 1)), "y"]
        body = [
            helper.make_node(name, [names[i]], [names[i + 1]], domain=domain) for i in range(calls)
        ]
        functions.append(helper.make_function("own", f"F{level}", ["x"], ["y"], body, imports))
    node = helper.make_node("F0", ["images"], ["out"], domain="own")
    return model([node], functions=functions, domains=["own"]).SerializeToString()


def recursive_function() -> bytes:
    imports = [helper.make_opsetid("own", 1)]
    body = [helper.make_node("F", ["x"], ["y"], domain="own")]
    function = helper.make_function("own", "F", ["x"], ["y"], body, imports)
    node = helper.make_node("F", ["images"], ["out"], domain="own")
    return model([node], functions=[function], domains=["own"]).SerializeToString()


def circle() -> bytes:
    nodes = [
        helper.make_node("Add", ["images", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["out"]),
    ]
    return model(nodes).SerializeToString()


def made_twice() -> bytes:
    node = helper.make_node("Relu", ["images"], ["out"])
    return model([node, node]).SerializeToString()


def many_nodes() -> bytes:
    nodes = [helper.make_node("Relu", ["images"], [f"n{i}"]) for i in range(50_001)]
    return model(nodes, outputs=["n0"]).SerializeToString()


def many_weights() -> bytes:
    constants = [TensorProto(name=f"w{i}", data_type=1, dims=[0]) for i in range(50_001)]
    return relu(constants=constants).SerializeToString()


def classifier() -> bytes:
    weight = numpy_helper.from_array(np.ones((3, 10), np.float32), "w")
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["out"]),
    ]
    return model(nodes, constants=[weight]).SerializeToString()


def fails_on_every_frame() -> bytes:
    """The index comes from the picture, so that no check before the run can see it."""
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Add", ["most", "far"], ["index"]),
        helper.make_node("Cast", ["index"], ["at"], to=TensorProto.INT64),
        helper.make_node("Gather", ["images", "at"], ["out"], axis=2),
    ]
    far = numpy_helper.from_array(np.float32(1e6), "far")
    return model(nodes, constants=[far]).SerializeToString()


def one_input(element: int, shape: Sequence[int] | None) -> bytes:
    value = helper.make_tensor_value_info("images", element, shape)
    return model(
        [helper.make_node("Identity", ["images"], ["out"])], inputs=[value]
    ).SerializeToString()


def sequence_input() -> bytes:
    value = helper.make_tensor_sequence_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])
    node = helper.make_node("SequenceLength", ["images"], ["out"])
    return model([node], inputs=[value]).SerializeToString()


def two_pictures() -> bytes:
    second = helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 3, 64, 64])
    node = helper.make_node("Add", ["images", "more"], ["out"])
    return model([node], inputs=[PICTURE, second]).SerializeToString()


def sparse_giant() -> bytes:
    built = relu()
    sparse = built.graph.sparse_initializer.add(dims=[2**40])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "giant"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), ""))
    return built.SerializeToString()


def long_metadata() -> bytes:
    built = relu()
    helper.set_model_props(built, {"names": "x" * 5_000_000})
    return built.SerializeToString()
