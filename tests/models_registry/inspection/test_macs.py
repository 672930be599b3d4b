"""Multiply-accumulates and parameters are those that a person counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.inspection.macs import count_macs, count_parameters, macs_by_node
from tests.hostile_graphs import endless_loop, function_bomb, model

Node = onnx.NodeProto


def weight(name: str, *sides: int, dtype: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(sides, dtype), name)


def takes(*sides: int | str, element: int = TensorProto.FLOAT) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info("x", element, sides)]


SCALES = [weight("s"), weight("z", dtype=np.uint8), weight("zw", dtype=np.int8)]
CASES = {
    # 16×16 outputs, 8 filters of 3×3 over 3 channels
    "convolution": (
        [helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1])],
        takes(1, 3, 32, 32),
        [weight("w", 8, 3, 3, 3)],
        16 * 16 * 8 * 27,
        216,
    ),
    "convolution in groups, with bias, open batch": (
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], group=4)],
        takes("batch", 4, 10, 10),
        [weight("w", 4, 1, 3, 3), weight("b", 4)],
        8 * 8 * 4 * 9,
        36 + 4,
    ),
    # each of 5×5×4 inputs is spread by a 2×2 filter into 6 channels
    "transposed convolution": (
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])],
        takes(1, 4, 5, 5),
        [weight("w", 4, 6, 2, 2)],
        5 * 5 * 4 * 6 * 4,
        96,
    ),
    "fully connected, stored the other way round": (
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        takes(7, 20),
        [weight("w", 11, 20), weight("b", 11)],
        7 * 11 * 20,
        231,
    ),
    "fully connected, its input turned": (
        [helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)],
        takes(20, 7),
        [weight("w", 20, 11)],
        7 * 11 * 20,
        220,
    ),
    "product of stacks": (
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        takes(2, 3, 4, 5),
        [weight("w", 5, 6)],
        2 * 3 * 4 * 6 * 5,
        30,
    ),
    "quantized convolution": (
        [helper.make_node("QLinearConv", ["x", "s", "z", "w", "s", "zw", "s", "z"], ["y"])],
        takes(1, 3, 8, 8, element=TensorProto.UINT8),
        [weight("w", 2, 3, 3, 3, dtype=np.int8), *SCALES],
        6 * 6 * 2 * 27,
        54,
    ),
    "convolution of dynamic quantization": (
        [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
            helper.make_node("ConvInteger", ["q", "w", "qz", "zw"], ["y"]),
        ],
        takes(1, 3, 8, 8),
        [weight("w", 2, 3, 3, 3, dtype=np.int8), SCALES[2]],
        6 * 6 * 2 * 27,
        54,
    ),
    "convolution between quantizers": (
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
            helper.make_node("DequantizeLinear", ["w", "s", "zw"], ["dw"]),
            helper.make_node("Conv", ["d", "dw"], ["y"]),
        ],
        takes(1, 3, 8, 8),
        [weight("w", 2, 3, 3, 3, dtype=np.int8), *SCALES],
        6 * 6 * 2 * 27,
        54,
    ),
    "quantized product": (
        [helper.make_node("QLinearMatMul", ["x", "s", "z", "w", "s", "zw", "s", "z"], ["y"])],
        takes(4, 5, element=TensorProto.UINT8),
        [weight("w", 5, 6, dtype=np.int8), *SCALES],
        4 * 5 * 6,
        30,
    ),
    "convolution behind operators that only ONNX Runtime knows": (
        [
            helper.make_node(
                "QLinearSigmoid", ["x", "s", "z", "s", "z"], ["g"], domain="com.microsoft"
            ),
            helper.make_node(
                "QLinearConcat",
                ["s", "z", "x", "s", "z", "g", "s", "z"],
                ["c"],
                domain="com.microsoft",
                axis=1,
            ),
            helper.make_node("QLinearConv", ["c", "s", "z", "w", "s", "zw", "s", "z"], ["y"]),
        ],
        takes(1, 3, 8, 8, element=TensorProto.UINT8),
        [weight("w", 2, 6, 1, 1, dtype=np.int8), *SCALES],
        8 * 8 * 2 * 6,
        12,
    ),
    "convolution behind an upsampling whose scale is computed": (
        [
            helper.make_node("Shape", ["x"], ["shape"]),
            helper.make_node("Cast", ["shape"], ["sides"], to=TensorProto.FLOAT),
            helper.make_node("Div", ["twice", "sides"], ["scale"]),
            helper.make_node("Resize", ["x", "", "scale"], ["big"]),
            helper.make_node("Conv", ["big", "w"], ["y"]),
        ],
        takes(1, 3, 8, 8),
        [weight("w", 2, 3, 1, 1), numpy_helper.from_array(np.float32([1, 3, 16, 16]), "twice")],
        16 * 16 * 2 * 3,
        6 + 4,
    ),
    "a recurrent layer of four gates, both ways": (
        [
            helper.make_node(
                "LSTM", ["x", "w", "r"], ["", "y"], hidden_size=6, direction="bidirectional"
            )
        ],
        takes(10, 1, 5),
        [weight("w", 2, 24, 5), weight("r", 2, 24, 6)],
        10 * 2 * 4 * 6 * (5 + 6),
        2 * 24 * 11,
    ),
    "sums over named indices": (
        [helper.make_node("Einsum", ["x", "w"], ["y"], equation="bij,jk->bik")],
        takes(2, 3, 4),
        [weight("w", 4, 5)],
        2 * 3 * 4 * 5,
        20,
    ),
    "no product at all": ([helper.make_node("Relu", ["x"], ["y"])], takes(1, 3), [], 0, 0),
}


def build(
    nodes: Sequence[Node],
    inputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    built = model(
        nodes, inputs=inputs, outputs=["y"], constants=constants, domains=["com.microsoft"]
    )
    # Element types of quantized outputs are not at stake here.
    built.graph.output[0].type.Clear()
    built.graph.output[0].type.tensor_type.elem_type = TensorProto.UNDEFINED
    return built


@pytest.mark.parametrize("name", CASES)
def test_a_graph_multiplies_as_often_as_counted_by_hand(name: str) -> None:
    nodes, inputs, constants, macs, parameters = CASES[name]
    built = build(nodes, inputs, constants)
    before = built.SerializeToString()
    assert count_macs(built) == macs
    assert count_parameters(built) == parameters
    assert built.SerializeToString() == before


def test_open_sides_have_no_count_until_they_are_settled() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    built = build([node], takes(1, 3, "height", "width"), [weight("w", 2, 3, 1, 1)])
    assert count_macs(built) is None
    assert count_macs(built, {"x": (1, 3, 10, 20)}) == 10 * 20 * 2 * 3


def test_the_dearer_branch_counts_and_loops_do_not() -> None:
    def branch(width: int) -> onnx.GraphProto:
        return helper.make_graph(
            [helper.make_node("MatMul", ["x", f"w{width}"], ["b"])],
            f"branch{width}",
            [],
            [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
            [weight(f"w{width}", 4, width)],
        )

    node = helper.make_node("If", ["t"], ["y"], then_branch=branch(5), else_branch=branch(9))
    built = build([node], takes(3, 4), [weight("t", dtype=np.bool_)])
    assert count_macs(built) == 3 * 4 * 9
    assert count_parameters(built) == 4 * 5 + 4 * 9
    assert count_macs(onnx.load_from_string(endless_loop())) == 0  # nothing in it multiplies


def test_a_loop_with_products_inside_has_no_count() -> None:
    looping = onnx.load_from_string(endless_loop())
    (loop,) = (x for x in looping.graph.node if x.op_type == "Loop")
    body = next(x.g for x in loop.attribute if x.HasField("g"))
    body.node[1].CopyFrom(helper.make_node("MatMul", ["state", "state"], ["next"]))
    assert count_macs(looping) is None


def test_local_functions_are_unfolded() -> None:
    unfolded = onnx.load_from_string(function_bomb(2, 3))
    assert count_macs(unfolded) == 0
    body = unfolded.functions[-1].node
    body[0].CopyFrom(helper.make_node("MatMul", ["x", "x"], ["v0"]))
    assert count_macs(unfolded) == 3 * (3 * 64 * 64 * 64)  # once in each of three calls


def test_each_node_that_multiplies_is_listed_in_order() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["y"], name="second"),
    ]
    built = build(nodes, takes(1, 3, 4, 4), [weight("w", 2, 3, 1, 1), weight("v", 5, 2, 1, 1)])
    assert [(x.node.name, x.macs) for x in macs_by_node(built)] == [("first", 96), ("second", 160)]
