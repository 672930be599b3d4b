"""Graphs as torch modules: the answers of ONNX Runtime, and the weights back in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.cleanup import Cleanup
from models_registry.compression.graph import random_feeds
from models_registry.compression.step import Context
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from tests.models_registry.compression.nets import detector
from tests.models_registry.training.rectangles import needs_torch
from tests.shared_data import SHARED

pytestmark = needs_torch
FEED = np.random.default_rng(1).normal(0, 1, (1, 4, 8, 8)).astype(np.float32)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def of(*nodes: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """From ``x`` (N, 4, 8, 8) to ``y``, behind one convolution, since a graph wants weights."""
    weight = np.random.default_rng(2).normal(0, 0.4, (4, 4, 3, 3)).astype(np.float32)
    bias = np.linspace(-0.1, 0.2, 4, dtype=np.float32)
    first = helper.make_node(
        "Conv", ["x", "first.weight", "first.bias"], ["a"], "first", pads=[1] * 4
    )
    stored = {"first.weight": weight, "first.bias": bias, **constants}
    graph = helper.make_graph(
        [first, *nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'car'}"})
    return model


def node(kind: str, *inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [output], f"the {kind}", **attributes)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


ENLARGED = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
NETS = {
    "relu": of(node("Relu", "a")),
    "leaky": of(node("LeakyRelu", "a", alpha=0.2)),
    "clip": of(node("Clip", "a", "low", "high"), low=floats(-0.5)[0], high=floats(0.3)[0]),
    "silu": of(node("Sigmoid", "a", output="b"), node("Mul", "a", "b")),
    "numbers": of(
        node("Exp", "a", output="b"),
        node("Sub", "b", "shift", output="c"),
        node("Div", "c", "shift", output="d"),
        node("Min", "d", "shift"),
        shift=floats(2.5, 0.5, 1.5, 3.0).reshape(1, 4, 1, 1),
    ),
    "slope": of(node("PRelu", "a", "slope"), slope=floats(0.1, 0.2, 0.3, 0.4).reshape(4, 1, 1)),
    "softmax": of(node("Softmax", "a", axis=1)),
    "hard": of(node("HardSigmoid", "a", alpha=0.3, beta=0.4)),
    "uneven convolution": of(
        node("Conv", "a", "w", strides=[2, 2], pads=[0, 1, 1, 2], dilations=[1, 2], group=2),
        w=FEED[0, :, :6, :2].reshape(4, 2, 2, 3).copy(),
    ),
    "norm": of(
        node("BatchNormalization", "a", "g", "s", "m", "v", epsilon=1e-3),
        g=floats(1, 2, 3, 4), s=floats(0, 1, 0, 1), m=floats(0.1, 0, 0.2, 0), v=floats(1, 2, 1, 3),
    ),
    "max pool": of(node("MaxPool", "a", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])),
    "average pool": of(node("AveragePool", "a", kernel_shape=[3, 3], pads=[1] * 4)),
    "mean": of(node("GlobalAveragePool", "a", output="b"), node("Flatten", "b")),
    "reduced": of(node("ReduceMean", "a", axes=[2, 3], keepdims=0)),
    "enlarged": of(
        node("Resize", "a", "", "scales", nearest_mode="floor", **ENLARGED),
        scales=floats(1, 1, 2, 2),
    ),
    "enlarged smoothly": of(
        node("Resize", "a", "", "", "sizes", mode="linear"), sizes=ints(1, 4, 16, 12)
    ),
    "rows": of(
        node("Reshape", "a", "shape", output="b"),
        node("Transpose", "b", perm=[0, 2, 1]),
        shape=ints(0, 4, -1),
    ),
    "parts": of(
        node("Slice", "a", "from", "to", "axes", "steps", output="b"),
        node("Concat", "b", "b", axis=1),
        **{"from": ints(1, -4), "to": ints(2**62, -1), "axes": ints(1, 3), "steps": ints(2, 1)},
    ),
    "halves": of(
        helper.make_node("Split", ["a", "sizes"], ["b", "c"], axis=1),
        node("Add", "b", "c"),
        sizes=ints(2, 2),
    ),
    "shuffled": of(node("Gather", "a", "order", axis=1), order=ints(2, 0, 3, 1)),
    "edges": of(
        node("Pad", "a", "pads", "value"), pads=ints(0, 0, 1, 2, 0, 0, 3, 0), value=floats(7)[0]
    ),
    "dense": of(
        node("Flatten", "a", output="b"),
        node("Gemm", "b", "w", "s", transB=1, alpha=0.5, beta=2.0, output="c"),
        node("MatMul", "c", "m", output="d"),
        node("Add", "d", "t"),
        w=np.tile(FEED.reshape(1, -1), (3, 1)) * floats(1, -1, 2)[:, None],
        s=floats(1, 2, 3), m=floats(1, 2, 3, 4, 5, 6).reshape(3, 2), t=floats(0.5, -0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_it_computes_what_the_runtime_computes(torch: Any, name: str) -> None:
    net = with_torch("from_onnx").GraphNet(NETS[name])
    expected = run(loaded(NETS[name]), {"x": FEED})["y"]
    found = net(torch.from_numpy(FEED))[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_a_batch_is_its_pictures(torch: Any, name: str) -> None:
    net = with_torch("from_onnx").GraphNet(NETS[name])
    pictures = torch.from_numpy(np.concatenate([FEED, 2 * FEED, FEED]))
    both, alone = net(pictures)[0], net(pictures[1:2])[0]
    torch.testing.assert_close(both[1:2], alone, rtol=1e-4, atol=1e-5)


def test_what_counts_as_a_weight(torch: Any) -> None:
    """Not the limits, shifts and scales that say what an answer means."""
    learnt = {
        name: len(with_torch("from_onnx").GraphNet(NETS[name]).weights)
        for name in ("numbers", "norm", "dense", "slope")
    }
    assert learnt == {"numbers": 2, "norm": 4, "dense": 6, "slope": 3}


def test_the_weights_go_back_to_where_they_came_from(torch: Any) -> None:
    model = NETS["dense"]
    net = with_torch("from_onnx").GraphNet(model)
    assert net.model() == model
    with torch.no_grad():
        for weight in net.weights:
            weight.mul_(1.5)
    learnt = net.model()
    assert [x.name for x in learnt.graph.node] == [x.name for x in model.graph.node]
    assert learnt.metadata_props == model.metadata_props
    old = {x.name: numpy_helper.to_array(x) for x in model.graph.initializer}
    for constant in learnt.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(constant), 1.5 * old[constant.name])
    expected = run(loaded(learnt), {"x": FEED})["y"]
    found = net(torch.from_numpy(FEED))[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_zeros_that_were_put_there_stay(torch: Any) -> None:
    model = NETS["relu"]
    model = with_torch("from_onnx").GraphNet(model).model()
    weight = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[np.abs(weight) < np.median(np.abs(weight))] = 0
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "first.weight"))
    net = with_torch("from_onnx").GraphNet(model)
    optimiser = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        optimiser.zero_grad()
        net(torch.from_numpy(FEED))[0].square().mean().backward()
        optimiser.step()
    learnt = numpy_helper.to_array(net.model().graph.initializer[0])
    np.testing.assert_array_equal(learnt == 0, weight == 0)
    assert not np.array_equal(learnt, weight)


def test_an_operation_without_a_counterpart_is_told_by_name() -> None:
    with pytest.raises(TrainingFailed, match="found Sin") as caught:
        with_torch("from_onnx").GraphNet(of(node("Sin", "a")))
    assert caught.value.code == "graph_unsupported"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (node("Resize", "a", "", "scales", mode="cubic"), "mode cubic"),
        (node("MaxPool", "a", kernel_shape=[2, 2], auto_pad="SAME_UPPER"), "auto_pad"),
        (node("Flatten", "a", axis=2), "axis"),
    ],
)
def test_what_it_cannot_do_exactly_it_does_not_do(
    torch: Any, changed: onnx.NodeProto, words: str
) -> None:
    net = with_torch("from_onnx").GraphNet(of(changed, scales=floats(1, 1, 2, 2)))
    with pytest.raises(TrainingFailed, match=words):
        net(torch.from_numpy(FEED))


def test_a_graph_without_weights_has_nothing_to_learn() -> None:
    model = of(node("Relu", "x"))
    del model.graph.node[0]
    with pytest.raises(TrainingFailed, match="found none"):
        with_torch("from_onnx").GraphNet(model)


def test_a_small_detector(torch: Any) -> None:
    model = detector()
    feeds = random_feeds(model, np.random.default_rng(0))
    expected = run(loaded(model), feeds)["output"]
    net = with_torch("from_onnx").GraphNet(model)
    found = net(torch.from_numpy(feeds["pictures"]))[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["yolox_nano_416", "nanodet_m_320", "fastestdet_352"])
def test_detectors_from_elsewhere(torch: Any, name: str) -> None:
    path = SHARED / "models" / f"{name}.onnx"
    if not path.is_file():
        pytest.skip("the shared data are not here")
    model = Cleanup().apply(onnx.load(path), Context()).model
    feeds = random_feeds(model, np.random.default_rng(0))
    expected = run(loaded(model), feeds)
    with torch.no_grad():
        found = with_torch("from_onnx").GraphNet(model)(*map(torch.from_numpy, feeds.values()))
    for one, other in zip(expected.values(), found, strict=True):
        np.testing.assert_allclose(other.numpy(), one, rtol=1e-2, atol=1e-4 * np.abs(one).max())
