from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.channel_groups import Analysis
from models_registry.compression.cleanup import check_valid
from models_registry.compression.drift import measure_drift
from models_registry.compression.graph import Graph
from models_registry.compression.pruning import Prune
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression.networks import (
    NETWORKS,
    Network,
    branches,
    depthwise,
    linear,
    pictures,
    plain,
    random_removal,
    residual,
    shuffled,
    zeroed,
)

Build = Callable[[], onnx.ModelProto]


def relative(first: onnx.ModelProto, second: onnx.ModelProto, seed: int = 9) -> float:
    drift = measure_drift(first, second, pictures(3, seed)).relative
    assert drift is not None
    return drift


def filters(model: onnx.ModelProto) -> list[int]:
    graph = Graph(model)
    return [graph.constants[x.input[1]].dims[0] for x in graph.proto.node if x.op_type == "Conv"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("build", NETWORKS)
def test_a_pruned_network_equals_the_whole_one_made_blind_for_the_removed_channels(
    build: Build, seed: int
) -> None:
    model = build()
    analysis = Analysis(model)
    removed = random_removal(analysis, seed)
    assert len(removed)
    pruned, reference = analysis.without(removed), zeroed(analysis, removed)
    check_valid(pruned)
    assert pruned.ByteSize() < model.ByteSize()
    assert relative(reference, pruned) < 1e-5
    assert relative(model, reference) > 1e-3  # the removed channels did say something


@pytest.mark.parametrize(
    ("build", "coupled"),
    [
        (plain, []),
        (residual, [("Conv_0", "Conv_4", "Conv_9")]),  # the stem and the ends of both blocks
        (shuffled, [("Conv_0", "Conv_7")]),  # what passes, and what is worked on
    ],
)
def test_layers_whose_channels_meet_in_a_sum_or_a_shuffle_are_one_group(
    build: Build, coupled: list[tuple[str, ...]]
) -> None:
    groups = Analysis(build()).groups
    assert [x.layers for x in groups if len(x.layers) > 1] == coupled
    assert all(len(x.free) == x.channels for x in groups if len(x.layers) > 1)


@pytest.mark.parametrize("build", NETWORKS)
def test_outputs_keep_their_shape_and_filters_left_are_a_multiple(build: Build) -> None:
    model = build()
    pruned = Prune(share=0.3, multiple=4, importance="l2").apply(model, Context()).model
    for one in pictures(1):
        assert [x.shape for x in outputs(model, one)] == [x.shape for x in outputs(pruned, one)]
    before, after = filters(model), filters(pruned)
    assert after != before
    assert all(x % 4 == 0 or x == y for x, y in zip(after, before, strict=True))
    assert all(x >= y / 2 for x, y in zip(after, before, strict=True))


def outputs(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    return list(run(loaded(model), feeds).values())


def test_the_share_asked_for_is_saved_and_predicted() -> None:
    model = branches()
    step = Prune(share=0.25, multiple=1, importance="l2")
    outcome = step.apply(model, Context())
    assert 0.25 <= outcome.figures["macs_saved_share"] < 0.32
    assert step.predict(model).size_bytes == outcome.model.ByteSize()


def with_copies() -> onnx.ModelProto:
    """A network whose second half of filters says what the first half says."""
    net = Network(7)
    half = net.normal(16, 3, 3, 3)
    weight = net.constant(np.concatenate([half, half]))
    x = net.add("Relu", [net.add("Conv", ["images", weight], kernel_shape=[3, 3])])
    x = net.add("Relu", [net.conv(x, 32, 24)])
    return net.model(net.conv(x, 24, 5, 1))


def test_filters_that_repeat_others_go_first_and_cost_nothing() -> None:
    model = with_copies()
    step = Prune(share=0.4, multiple=16, floor=0.5, reconstruct=False)
    outcome = step.apply(model, Context(pictures(8)))
    assert filters(outcome.model) == [16, 24, 5]
    assert relative(model, outcome.model) < 0.01
    # The size of filters cannot see that: all of the second layer's look alike to it.
    by_size = Prune(share=0.4, multiple=16, importance="l2", reconstruct=False)
    assert relative(model, by_size.apply(model, Context()).model) > 0.1


@pytest.mark.parametrize("build", [plain, residual, depthwise])
def test_refitting_brings_the_outputs_nearer(build: Build) -> None:
    model = build()
    context = Context(pictures(12))
    drifts = []
    for reconstruct in (False, True):
        step = Prune(share=0.25, multiple=1, importance="l2", reconstruct=reconstruct)
        outcome = step.apply(model, context)
        drifts.append(relative(model, outcome.model, seed=77))
    assert outcome.figures["layers_refitted"] > 0
    assert drifts[1] < 0.8 * drifts[0]


def test_activations_choose_better_than_size() -> None:
    model = branches()
    context = Context(pictures(12))
    drifts = [
        relative(
            model,
            Prune(share=0.25, multiple=1, importance=x, reconstruct=False)
            .apply(model, context)
            .model,
            seed=77,
        )
        for x in ("activations", "l2")
    ]
    assert drifts[0] < 0.7 * drifts[1]


def test_the_same_seed_gives_the_same_file() -> None:
    files = {
        Prune(share=0.2, multiple=4)
        .apply(residual(), Context(pictures(6), seed=3))
        .model.SerializeToString()
        for _ in range(2)
    }
    assert len(files) == 1


def softmax_over_channels() -> onnx.ModelProto:
    net = Network(8)
    x = net.add("Softmax", [net.conv("images", 3, 16)], axis=1)
    return net.model(net.add("ReduceSum", [x], keepdims=0))


def quantized() -> onnx.ModelProto:
    model = plain()
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "scale"))
    model.graph.node.insert(0, helper.make_node("QuantizeLinear", ["images", "scale"], ["q"]))
    model.graph.node.insert(1, helper.make_node("DequantizeLinear", ["q", "scale"], ["d"]))
    model.graph.node[2].input[0] = "d"
    return model


def old_operators() -> onnx.ModelProto:
    net = Network(0)
    return net.model(net.conv("images", 3, 8), opset=11)


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        (softmax_over_channels(), "nothing_to_do", "Softmax"),
        (quantized(), "graph_unsupported", "quantized (DequantizeLinear, QuantizeLinear)"),
        (old_operators(), "graph_unsupported", "operator set 13"),
    ],
)
def test_what_cannot_be_pruned_is_refused_in_words(
    model: onnx.ModelProto, code: str, words: str
) -> None:
    for attempt in (Prune().predict, lambda x: Prune().apply(x, Context())):
        with pytest.raises(StepFailed) as refusal:
            attempt(model)
        assert refusal.value.code == code
        assert words in refusal.value.message


def test_groups_left_alone_are_named_with_their_reason() -> None:
    outcome = Prune(share=0.2, multiple=1, importance="l2").apply(residual(), Context())
    reasons = {x.subject: x.detail for x in outcome.changes if x.action == "left alone"}
    assert list(reasons.values()) == ["model output"]


def test_importance_by_activations_needs_pictures() -> None:
    with pytest.raises(StepFailed) as refusal:
        Prune(importance="activations").apply(linear(), Context())
    assert refusal.value.code == "needs_calibration"


def test_the_given_model_stays_as_it_is() -> None:
    model = residual()
    before = model.SerializeToString()
    Prune(share=0.3, multiple=4).apply(model, Context(pictures(4)))
    assert model.SerializeToString() == before


def test_a_size_that_the_graph_computes_from_channels_keeps_them() -> None:
    net = Network(10)
    x = net.conv("images", 3, 16)
    size = net.add("Cast", [net.add("Shape", [x])], to=TensorProto.FLOAT)
    y = net.conv(net.add("Relu", [x]), 16, 4, 1)
    total = net.add("ReduceSum", [size], keepdims=0)
    analysis = Analysis(net.model(net.add("Mul", [y, total])))
    stem = next(x for x in analysis.groups if x.name == "Conv_0")
    assert len(stem.free) == 0
    assert stem.reason.startswith("Shape")
