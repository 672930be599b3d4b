from __future__ import annotations

import numpy as np
import onnx
import pytest

from models_registry.compression.cleanup import check_valid
from models_registry.compression.drift import measure_drift
from models_registry.compression.lowrank import LowRank
from models_registry.compression.step import Context, StepFailed
from models_registry.inspection.macs import count_macs
from tests.models_registry.compression.networks import NETWORKS, Network, pictures

EXACT = 1e-4


def drift(first: onnx.ModelProto, second: onnx.ModelProto) -> float:
    value = measure_drift(first, second, pictures(3, seed=5)).relative
    assert value is not None
    return value


def bottlenecked(kernel: int, stride: int, dilation: int = 1) -> onnx.ModelProto:
    """A second layer whose weight has rank 4 as outputs × window."""
    net = Network(1)
    x = net.add("Relu", [net.conv("images", 3, 16)])
    weight = (net.normal(24, 4) @ net.normal(4, 16 * kernel**2)).reshape(24, 16, kernel, kernel)
    bias = net.constant(net.normal(24))
    x = net.add(
        "Conv", [x, net.constant(weight), bias], kernel_shape=[kernel] * 2, pads=[1, 2, 0, 1],
        strides=[stride] * 2, dilations=[dilation] * 2,
    )  # fmt: skip
    return net.model(x)


def separable(stride: int) -> onnx.ModelProto:
    """A second layer that is a column window onto 4 channels and a row window onto all."""
    net = Network(2)
    x = net.add("Relu", [net.conv("images", 3, 16)])
    columns, rows = net.normal(16, 3, 4), net.normal(24, 3, 4)
    weight = np.einsum("iyr,oxr->oiyx", columns, rows).astype(np.float32)
    x = net.add(
        "Conv", [x, net.constant(weight)], kernel_shape=[3, 3], pads=[1, 0, 2, 1],
        strides=[stride, stride],
    )  # fmt: skip
    return net.model(x)


def dense(op_type: str, flipped: int = 0) -> onnx.ModelProto:
    net = Network(3)
    x = net.add(
        "Flatten", [net.add("AveragePool", ["images"], kernel_shape=[2, 2], strides=[2, 2])]
    )
    weight = (net.normal(192, 4) @ net.normal(4, 100)).astype(np.float32)
    if op_type == "Gemm":
        given = [x, net.constant(weight.T.copy() if flipped else weight)]
        return net.model(net.add("Gemm", [*given, net.constant(net.normal(100))], transB=flipped))
    return net.model(net.add("MatMul", [x, net.constant(weight)]))


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize(
    ("model", "scheme"),
    [
        (bottlenecked(1, 1), "bottleneck"),
        (bottlenecked(3, 2), "bottleneck"),
        (bottlenecked(3, 1, dilation=2), "bottleneck"),
        (separable(1), "separable"),
        (separable(2), "separable"),
        (dense("Gemm"), "bottleneck"),
        (dense("Gemm", flipped=1), "bottleneck"),
        (dense("MatMul"), "bottleneck"),
    ],
)
def test_a_layer_of_low_rank_becomes_two_thin_ones_that_say_the_same(
    model: onnx.ModelProto, scheme: str, calibrated: bool
) -> None:
    step = LowRank(energy=0.99999, multiple=1, reconstruct=False, max_drift=None)
    outcome = step.apply(model, Context(pictures(6) if calibrated else ()))
    told = [x for x in outcome.changes if x.action == "factorised"]
    assert len(told) == 1
    if not calibrated:  # on few pictures a layer may need even less than its rank
        assert told[0].detail.startswith(f"{scheme}, rank 4")
        assert drift(model, outcome.model) < EXACT
    assert drift(model, outcome.model) < 0.02
    check_valid(outcome.model)
    before, after = count_macs(model), count_macs(outcome.model)
    assert before is not None
    assert after is not None
    assert after < before


def test_layers_that_need_their_rank_stay() -> None:
    net = Network(4)
    x = net.add("Relu", [net.conv("images", 3, 16)])
    model = net.model(net.conv(x, 16, 16))
    with pytest.raises(StepFailed) as refusal:
        LowRank(energy=0.999, multiple=1).apply(model, Context())
    assert refusal.value.code == "nothing_to_do"


@pytest.mark.parametrize("build", NETWORKS)
def test_a_saving_asked_for_is_kept_in_every_layer(build: object) -> None:
    assert callable(build)
    model = build()
    step = LowRank(saving=0.5, multiple=1, max_drift=None)
    outcome = step.apply(model, Context(pictures(8)))
    before, after = count_macs(model), count_macs(outcome.model)
    assert before is not None
    assert after is not None
    assert after < before
    assert step.predict(model).size_bytes < model.ByteSize()


def test_refitting_and_calibration_lose_less_than_the_weights_alone() -> None:
    net = Network(5)
    x = net.add("Relu", [net.conv("images", 3, 24)])
    x = net.add("Relu", [net.conv(x, 24, 32)])
    model = net.model(net.conv(x, 32, 8, 1))
    loss = []
    for context, refit in ((Context(), False), (Context(pictures(12)), True)):
        step = LowRank(saving=0.5, multiple=1, max_drift=None, reconstruct=refit)
        loss.append(drift(model, step.apply(model, context).model))
    assert loss[1] < 0.5 * loss[0]


def test_a_layer_that_moves_the_outputs_too_far_stays_and_is_named() -> None:
    model = bottlenecked(3, 1)
    context = Context(pictures(6))
    strict = LowRank(saving=0.9, multiple=1, max_drift=0.01)
    with pytest.raises(StepFailed) as refusal:
        strict.apply(model, context)
    assert refusal.value.code == "nothing_to_do"
    lax = LowRank(saving=0.9, multiple=1, max_drift=None).apply(model, context)
    assert lax.figures["layers_factorised"] >= 1


def test_a_shared_weight_is_left_alone() -> None:
    net = Network(6)
    shared = net.constant((net.normal(16, 2) @ net.normal(2, 16)).reshape(16, 16, 1, 1))
    x = net.conv("images", 3, 16)
    for _ in range(2):
        x = net.add("Relu", [net.add("Conv", [x, shared], kernel_shape=[1, 1])])
    with pytest.raises(StepFailed):
        LowRank(energy=0.99, multiple=1).apply(net.model(x), Context())
