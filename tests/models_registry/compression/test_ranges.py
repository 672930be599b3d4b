"""Ranges of activations: what each method leaves out, and what the readers make useless."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.ranges import activation_ranges, as_rounded
from models_registry.compression.step import StepFailed
from tests.models_registry.compression import nets


def reading(*operators: str) -> onnx.ModelProto:
    """Input ``x`` scaled by one to ``y``, which the operators read, each to an output."""
    nodes = [helper.make_node("Mul", ["x", "one"], ["y"], "scale")]
    outputs = []
    for at, kind in enumerate(operators):
        given = ["y", "out0"] if kind == "Mul" else ["y"]
        nodes.append(helper.make_node(kind, given, [f"out{at}"], f"op{at}"))
        outputs.append(helper.make_tensor_value_info(f"out{at}", TensorProto.FLOAT, [1, 4000]))
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4000])]
    graph = helper.make_graph(nodes, "reading", inputs, outputs, [one])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def feed(low: float, high: float) -> list[dict[str, np.ndarray]]:
    return [{"x": np.linspace(low, high, 4000, dtype=np.float32)[None]}]


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (["Relu"], (-90, 50)),
        (["Sigmoid"], (-10, 10)),
        (["Sigmoid", "Mul"], (-8, 50)),  # y·σ(y)
        (["HardSwish"], (-3, 50)),
        (["Sigmoid", "Relu"], (-90, 50)),
        (["Tanh"], (-90, 50)),  # only what is known to be flat is cut
    ],
)
def test_no_bits_are_spent_where_every_reader_is_flat(
    operators: list[str], expected: tuple[float, float]
) -> None:
    ranges = activation_ranges(reading(*operators), feed(-90, 50), "minmax")
    assert ranges["y"] == pytest.approx(expected)
    assert ranges["x"] == pytest.approx((-90, 50))


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_a_lone_outlier_does_not_set_the_range(method: str) -> None:
    feeds = [{"x": x} for x in np.random.default_rng(0).normal(0, 1, (16, 1, 4000)).astype("f4")]
    feeds[0]["x"][0, 0] = 60
    assert activation_ranges(reading("Relu"), feeds, "minmax")["x"][1] == 60
    low, high = activation_ranges(reading("Relu"), feeds, method)["x"]
    assert 2 < high < 30
    assert low < -2


def test_the_default_weighs_outliers_against_rounding() -> None:
    values = np.random.default_rng(0).standard_t(4, (16, 1, 4000)).astype("f4")
    feeds = [{"x": x} for x in values]
    lost = {}
    for method in ("error", "minmax"):
        limits = activation_ranges(reading("Relu"), feeds, method)["x"]
        lost[method] = float(((as_rounded(values, limits) - values) ** 2).mean())
    assert lost["error"] < 0.97 * lost["minmax"]


@pytest.mark.parametrize("method", ["error", "minmax", "percentile", "entropy"])
@pytest.mark.parametrize(("low", "high"), [(3, 9), (-9, -3), (0, 0)])
def test_every_range_holds_zero(method: str, low: float, high: float) -> None:
    ranges = activation_ranges(reading("Relu"), feed(low, high), method)
    assert all(a <= 0 <= b for a, b in ranges.values())


def test_rounding_is_what_the_runtime_does() -> None:
    low, high = -1.7, 4.1
    scale = (high - low) / 255
    constants = [
        helper.make_tensor("s", TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("z", TensorProto.UINT8, [], [round(-low / scale)]),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    infos = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 4000]) for x in "xy"]
    graph = helper.make_graph(nodes, "rounding", infos[:1], infos[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.random.default_rng(0).uniform(-3, 6, (1, 4000)).astype(np.float32)
    got = run(loaded(model), {"x": x})["y"]
    np.testing.assert_allclose(as_rounded(x, (low, high)), got, atol=1e-5)


def test_activations_that_are_not_finite_are_refused_by_name() -> None:
    feeds = [{"x": np.full((1, 4000), np.inf, np.float32)}]
    with pytest.raises(StepFailed, match="tensor x is not finite"):
        activation_ranges(reading("Relu"), feeds)


def test_detectors_get_a_range_for_every_float_tensor() -> None:
    model = nets.detector()
    ranges = activation_ranges(model, nets.pictures(2))
    assert set(ranges) == {"pictures", *(x for n in model.graph.node for x in n.output)}
    assert ranges["shares"][1] <= 1.0
