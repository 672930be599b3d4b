"""int8: smaller and near the float model; layers that suffer are found by measuring."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from models_registry.compression.bias_correction import corrected, input_means, rounded_weight
from models_registry.compression.capture import Probe, loaded, run
from models_registry.compression.graph import Graph
from models_registry.compression.quantization import Int8
from models_registry.compression.ranges import METHODS
from models_registry.compression.sensitivity import (
    TAIL,
    Block,
    Effect,
    Reference,
    blocks,
    worst_to_leave_out,
)
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression import nets

FEEDS = nets.pictures(16)


def in_float(figures: dict[str, Any]) -> set[str]:
    return {x["layer"] for x in figures["effects"] if x["in_float"]}


@pytest.mark.parametrize("method", METHODS)
def test_the_model_shrinks_and_its_outputs_stay_near(method: str) -> None:
    model = nets.detector()
    before = model.SerializeToString()

    outcome = Int8(method=method).apply(model, Context(FEEDS))

    onnx.checker.check_model(outcome.model)
    assert outcome.figures["size_ratio"] < 0.4
    assert outcome.figures["drift"] < 0.1
    held_out = Reference(model, nets.pictures(4, seed=99)).drift(outcome.model)
    assert 0 < held_out < 0.15
    assert model.SerializeToString() == before


def test_names_types_and_labels_stay_and_no_foreign_operator_comes_in() -> None:
    model = nets.detector()
    result = Int8().apply(model, Context(FEEDS[:4])).model
    made, given = loaded(result), loaded(model)
    assert (made.inputs, made.outputs) == (given.inputs, given.outputs)
    assert made.metadata == {"names": "person,car"}
    assert [x.domain for x in result.opset_import] == [""]
    kinds = {x.dtype for x in nets.weights(result).values() if x.size > 1000}
    assert kinds == {np.dtype(np.int8)}


def test_scores_beside_boxes_in_pixels_keep_their_steps() -> None:
    """In 8 bits a tensor with numbers up to 400 has steps of 1.6: every score would be 0."""
    model = nets.detector()
    stretched = next(x for x in model.graph.initializer if x.name == "boxes.w")
    pixels = 3000 * nets.weights(model)["boxes.w"]
    stretched.CopyFrom(onnx.numpy_helper.from_array(pixels, "boxes.w"))
    result = Int8(max_float_share=0.0, drift_limit=1.0).apply(model, Context(FEEDS[:4])).model
    expected, found = (run(loaded(x), FEEDS[5])["output"] for x in (model, result))
    assert np.abs(expected[:, :4]).max() > 200
    assert np.abs(found[:, 4:] - expected[:, 4:]).max() < 0.1
    kinds = {name: x.op_type for x in result.graph.node for name in x.output}
    assert kinds["shares"] == "Sigmoid"
    assert kinds["output"] == "Reshape"


def test_a_layer_that_8_bits_ruin_is_found_and_left_in_float() -> None:
    model = nets.detector(outlier=2000.0)

    outcome = Int8(drift_limit=0.05, max_float_share=0.5).apply(model, Context(FEEDS))

    # The blown-up channel leaves the depthwise layer and enters the pointwise one.
    assert {"depthwise", "pointwise"} & in_float(outcome.figures)
    assert outcome.figures["drift"] < 0.05 < outcome.figures["drift_all_int8"]
    refused = {x.subject: x.detail for x in outcome.changes if x.action == "kept in float"}
    assert set(refused) == in_float(outcome.figures)
    assert any("moves the outputs by" in x for x in refused.values())
    worst = outcome.figures["effects"][0]
    assert worst["layer"] in refused
    assert outcome.figures["layers_in_float"] <= 3


def test_the_layer_on_the_picture_s_few_channels_stays_in_float_because_it_is_faster_there() -> (
    None
):
    model = nets.detector()
    first = next(x.name for x in model.graph.node if x.op_type == "Conv")
    outcome = Int8(drift_limit=1.0).apply(model, Context(FEEDS[:4]))
    assert in_float(outcome.figures) == {first}
    kept = {x.subject: x.detail for x in outcome.changes if x.action == "kept in float"}
    assert list(kept) == [first]
    assert "takes longer" in kept[first]


def test_no_layer_stays_in_float_where_none_may_and_the_report_says_that_it_drifts() -> None:
    model = nets.detector(outlier=2000.0)
    step = Int8(drift_limit=0.05, max_float_share=0.0)
    outcome = step.apply(model, Context(FEEDS[:4]))
    assert outcome.figures["layers_in_float"] == 0
    assert outcome.figures["drift"] > 0.05
    actions = {x.action for x in outcome.changes}
    assert {"drifts", "few inputs"} <= actions


def test_weights_of_7_bits_are_taken_only_where_they_are_nearer() -> None:
    outcome = Int8().apply(nets.detector(), Context(FEEDS[:4]))
    drifts = outcome.figures["drift_by_reduce_range"]
    assert outcome.figures["drift"] == min(drifts.values())
    assert set(drifts) == {"false", "true"}


def test_progress_rises_and_the_same_inputs_give_the_same_model() -> None:
    told: list[float] = []
    context = Context(FEEDS[:3], lambda share, words: told.append(share))
    first = Int8().apply(nets.detector(), context)
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1
    second = Int8().apply(nets.detector(), Context(FEEDS[:3]))
    assert first.model.SerializeToString() == second.model.SerializeToString()


@pytest.mark.parametrize(
    ("model", "feeds", "code", "words"),
    [
        (nets.detector(opset=12), FEEDS, "graph_unsupported", "clean-up step first"),
        (nets.detector(), [], "needs_calibration", "stills"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    model: onnx.ModelProto, feeds: list[Any], code: str, words: str
) -> None:
    with pytest.raises(StepFailed, match=words) as refused:
        Int8().apply(model, Context(feeds))
    assert refused.value.code == code


def test_quantizing_twice_and_graphs_without_weights_are_refused() -> None:
    once = Int8().apply(nets.detector(), Context(FEEDS[:3])).model
    with pytest.raises(StepFailed, match="float parent"):
        Int8().apply(once, Context(FEEDS[:3]))
    bare = nets.detector()
    del bare.graph.initializer[:-1]
    with pytest.raises(StepFailed) as refused:
        Int8().predict(bare)
    assert refused.value.code == "nothing_to_do"


@pytest.mark.parametrize(
    "wrong", [{"method": "guess"}, {"drift_limit": -1}, {"reduce_range": True}]
)
def test_parameters_are_checked_at_birth(wrong: dict[str, Any]) -> None:
    with pytest.raises(StepFailed) as refused:
        Int8(**wrong)
    assert refused.value.code == "parameters_invalid"


def test_the_dry_run_comes_near_the_size() -> None:
    model = nets.detector()
    made = Int8().apply(model, Context(FEEDS[:3])).model.ByteSize()
    assert Int8().predict(model).size_bytes == pytest.approx(made, rel=0.25)


def test_blocks_hold_every_node_once_with_the_layer_it_follows() -> None:
    model = Graph(nets.detector()).model
    found = blocks(model)
    nodes = [x for block in found for x in block.nodes]
    assert sorted(nodes) == sorted(x.name for x in model.graph.node)
    by_name = {x.name: x for x in found}
    assert by_name["depthwise"].nodes == ("depthwise", "relu")
    assert by_name[TAIL].nodes == ("shares", "join", "flatten")
    assert [by_name[x].layers for x in ("stem", TAIL)] == [1, 0]


@pytest.mark.parametrize(
    ("drifts", "limit", "max_layers", "expected"),
    [
        ([0.05], 0.1, 9, 0),  # good as it is
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05], 0.1, 9, 4),
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05], 0.1, 2, 2),  # no more are allowed
        ([0.5, 0.3, 0.4], 0.1, 2, 1),  # never reached: the best of what was tried
        ([0.5, 0.4], 0.1, 0, 0),
    ],
)
def test_no_more_layers_than_needed_are_left_out(
    drifts: list[float], limit: float, max_layers: int, expected: int
) -> None:
    ranked = [Effect(Block(str(i), (str(i),), 1), 1 - 0.01 * i) for i in range(9)]
    assert worst_to_leave_out(ranked, drifts.__getitem__, limit, max_layers) == expected


def test_correcting_biases_brings_channel_means_back() -> None:
    model = nets.detector()
    ranges = {"pictures": (0.0, 255.0)}
    means = input_means(model, ranges, FEEDS)
    others = {x.name for x in model.graph.node} - {"stem"}

    def mean_of_stem(source: onnx.ModelProto, coarse: bool) -> np.ndarray:
        copy = onnx.ModelProto()
        copy.CopyFrom(source)
        graph = Graph(copy)
        if coarse:  # few bits, so that the shift is plain to see
            weight = nets.weights(model)["stem.w"].astype(np.float64)
            graph.set_constant("stem.w", rounded_weight(weight, 0, reduced=True).astype("f4"))
        probe = Probe(graph.model, ["stem.y"])
        # Padding's edge is left out of the sum, as it is in the correction.
        inner = [probe(x)["stem.y"][:, :, 1:, 1:].mean((0, 2, 3)) for x in FEEDS]
        return np.mean(inner, axis=0)

    true = mean_of_stem(model, False)
    shifted = np.abs(mean_of_stem(model, True) - true)
    mended = corrected(model, means, others, reduced=True)
    assert np.abs(mean_of_stem(mended, True) - true).sum() < 0.2 * shifted.sum()
    feeds = FEEDS[0]
    untouched = corrected(model, means, {"stem", *others}, reduced=True)
    expected, got = (run(loaded(x), feeds)["output"] for x in (model, untouched))
    np.testing.assert_array_equal(got, expected)
