from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models_registry.compression.cleanup import SAME, Cleanup
from models_registry.compression.drift import measure_drift
from models_registry.compression.graph import Graph
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression.networks import NETWORKS, Network, pictures, plain


def cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    outcome = Cleanup().apply(model, Context())
    drift = measure_drift(model, outcome.model, pictures(2)).relative
    assert drift is not None
    assert drift < SAME
    return outcome.model


def operators(model: onnx.ModelProto) -> list[str]:
    return [x.op_type for x in model.graph.node]


@pytest.mark.parametrize("build", NETWORKS)
def test_a_clean_network_computes_the_same(build: object) -> None:
    assert callable(build)
    model = build()
    assert len(cleaned(model).graph.node) <= len(model.graph.node)


def test_batch_normalisation_is_fused_into_its_convolution() -> None:
    assert "BatchNormalization" in operators(plain())
    assert "BatchNormalization" not in operators(cleaned(plain()))


@pytest.mark.parametrize("where", ["output", "read twice", "no convolution"])
def test_batch_normalisation_stays_where_others_need_what_it_reads(where: str) -> None:
    net = Network()
    conv = net.conv("images", 3, 8)
    if where == "no convolution":
        conv = net.add("Relu", [conv])
    norm = net.norm(conv, 8)
    if where == "output":
        model = cleaned(net.model(norm))
        assert operators(model) == ["Conv", "Identity"]
        return
    other = [net.add("Neg", [conv])] if where == "read twice" else []
    assert "BatchNormalization" in operators(cleaned(net.model(norm, *other)))


def test_sizes_read_from_closed_shapes_are_folded() -> None:
    net = Network()
    x = net.conv("images", 3, 8)
    batch = net.add("Gather", [net.add("Shape", [x]), net.constant(np.array([0], np.int64))])
    size = net.add("Concat", [batch, net.constant(np.array([-1], np.int64))], axis=0)
    model = cleaned(net.model(net.add("Reshape", [x, size])))
    assert operators(model) == ["Conv", "Reshape"]


def test_random_numbers_are_not_folded() -> None:
    net = Network()
    noise = net.add("RandomUniformLike", [net.constant(np.zeros(4, np.float32))])
    zero = net.add("Mul", [noise, net.constant(np.float32(0))])
    size = net.add("ReduceSum", [zero], keepdims=0)
    model = cleaned(net.model(net.add("Add", ["images", size])))
    assert "RandomUniformLike" in operators(model)


def test_old_operators_are_raised_and_weights_leave_the_inputs() -> None:
    net = Network()
    x = net.add("Relu", [net.conv("images", 3, 8)])
    model = net.model(net.conv(x, 8, 4, 1), opset=11)
    for tensor in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims)
        )
    model.graph.node[0].doc_string = "a note " * 50
    outcome = Cleanup().apply(model, Context())
    assert Graph(outcome.model).opset == 17
    assert [x.name for x in outcome.model.graph.input] == ["images"]
    assert outcome.model.ByteSize() < model.ByteSize() - 300
    told = {(x.action, x.detail) for x in outcome.changes}
    assert ("raised", "operator set 11 → 17") in told
    assert ("dropped", "4 weights from the list of inputs") in told


def test_constants_stored_twice_are_shared_and_idle_nodes_dropped() -> None:
    net = Network()
    two = [net.constant(np.full((8, 1, 1), 2, np.float32)) for _ in range(2)]
    x = net.add("Identity", [net.conv("images", 3, 8)])
    model = cleaned(net.model(net.add("Mul", [net.add("Mul", [x, two[0]]), two[1]])))
    assert operators(model) == ["Conv", "Mul", "Mul"]
    assert len(model.graph.initializer) == 3


def test_the_dry_run_tells_the_size_exactly() -> None:
    step = Cleanup()
    size = step.apply(plain(), Context()).model.ByteSize()
    assert step.predict(plain()).size_bytes == size


@pytest.mark.parametrize("opset", [12, 23, 17.5, True])
def test_an_operator_set_that_is_not_supported_is_refused(opset: int) -> None:
    with pytest.raises(StepFailed) as refusal:
        Cleanup(opset=opset)
    assert refusal.value.code == "parameters_invalid"
