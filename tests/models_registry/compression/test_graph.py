from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.compression.graph import Graph, attribute, random_feeds, set_attribute
from tests.models_registry.compression.networks import Network, plain


def test_constant_nodes_become_initializers_and_nodes_get_names_of_their_own() -> None:
    value = numpy_helper.from_array(np.float32(2))
    nodes = [
        helper.make_node("Constant", [], ["two"], value=value),
        helper.make_node("Mul", ["images", "two"], ["a"]),
        helper.make_node("Mul", ["a", "two"], ["b"], name="Mul_a"),
    ]
    info = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1]) for x in ("images", "b")]
    model = helper.make_model(helper.make_graph(nodes, "g", info[:1], info[1:]))
    graph = Graph(model)
    assert graph.constant("two") == 2
    assert [x.name for x in graph.proto.node] == ["Mul_a", "Mul_a_2"]
    assert [x.name for x in graph.consumers["two"]] == ["Mul_a", "Mul_a_2"]
    assert len(model.graph.node) == 3  # the given one stays as it is


def test_what_no_output_depends_on_is_dropped() -> None:
    net = Network()
    used = net.conv("images", 3, 4)
    net.add("Relu", [net.conv("images", 3, 8)])
    graph = Graph(net.model(used))
    assert graph.remove_unused() == 2 + 2  # two nodes, a weight and a bias
    assert [x.op_type for x in graph.proto.node] == ["Conv"]
    assert graph.remove_unused() == 0


def test_a_tensor_that_only_a_subgraph_reads_is_kept() -> None:
    net = Network()
    inner = net.add("Relu", ["images"])
    info = [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)]
    branches = [
        helper.make_graph([helper.make_node(x, [inner], ["o"])], x, [], info)
        for x in ("Neg", "Abs")
    ]
    chosen = net.constant(np.array(True))
    out = net.add("If", [chosen], then_branch=branches[0], else_branch=branches[1])
    graph = Graph(net.model(out))
    assert [x.op_type for x in graph.consumers[inner]] == ["If"]
    assert graph.remove_unused() == 0


def test_a_node_is_replaced_where_it_stands() -> None:
    graph = Graph(plain())
    old = graph.proto.node[2]
    made = [
        helper.make_node("Neg", [old.input[0]], ["between"], "first"),
        helper.make_node("Neg", ["between"], [old.output[0]], "second"),
    ]
    names = [x.name for x in graph.proto.node]
    graph.replace_node(old, made)
    assert [x.name for x in graph.proto.node] == [*names[:2], "first", "second", *names[3:]]
    onnx.checker.check_model(graph.model)


def test_shapes_of_open_inputs_can_be_closed() -> None:
    net = Network()
    model = net.model(net.conv("images", 3, 4, stride=2))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    del model.graph.value_info[:]
    graph = Graph(model)
    out = graph.outputs[0]
    assert graph.shapes({"images": (1, 3, 40, 16)})[out] == (1, 4, 20, 8)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert Graph(model).shapes()[out] == (1, 4, None, 8)


def test_attributes_are_read_and_set() -> None:
    node = helper.make_node("Conv", ["a", "b"], ["c"], auto_pad="VALID", group=2)
    set_attribute(node, "group", 3)
    assert attribute(node, "group") == 3
    assert attribute(node, "auto_pad") == "VALID"
    assert attribute(node, "strides", [1]) == [1]


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        (TensorProto.FLOAT, ["n", 3, "h", 8], (1, 3, 64, 8)),
        (TensorProto.INT64, ["n", 2], (1, 2)),
        (TensorProto.UINT8, [1, 4, 4, 3], (1, 4, 4, 3)),
    ],
)
def test_random_inputs_fit_the_declared_ones(
    kind: int, shape: list[int | str], expected: tuple[int, ...]
) -> None:
    info = helper.make_tensor_value_info("x", kind, shape)
    out = helper.make_tensor_value_info("y", kind, None)
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "g", [info], [out]))
    values = random_feeds(model, np.random.default_rng(0))["x"]
    assert values.shape == expected
    assert values.dtype == helper.tensor_dtype_to_np_dtype(kind)
