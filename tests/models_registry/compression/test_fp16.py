"""Half precision: the file halves, inputs and outputs stay, outputs hardly move."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models_registry.compression.capture import loaded, run
from models_registry.compression.fp16 import Fp16
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression import nets

BOTH = pytest.mark.parametrize("storage_only", [True, False])


@BOTH
def test_the_file_halves_and_the_outputs_hardly_move(storage_only: bool) -> None:
    model = nets.detector()
    before = model.SerializeToString()

    outcome = Fp16(storage_only).apply(model, Context(nets.pictures(3)))

    onnx.checker.check_model(outcome.model)
    assert outcome.model.ByteSize() < 0.55 * model.ByteSize()
    assert 0 < outcome.figures["drift"] < 0.01
    assert model.SerializeToString() == before


@BOTH
def test_inputs_and_outputs_keep_names_and_types(storage_only: bool) -> None:
    model = nets.detector()
    session = loaded(Fp16(storage_only).apply(model, Context()).model)
    given = loaded(model)
    assert (session.inputs, session.outputs) == (given.inputs, given.outputs)


def test_storage_casts_each_weight_back_and_computing_casts_only_at_the_border() -> None:
    stored = Fp16(True).apply(nets.detector(), Context()).model
    computed = Fp16(False).apply(nets.detector(), Context()).model
    casts = [sum(x.op_type == "Cast" for x in m.graph.node) for m in (stored, computed)]
    assert casts == [8, 2]  # weights of 64 or more; one at the input, one at the output
    types = {x: y.dtype for x, y in nets.weights(computed).items()}
    assert types.pop("rows") == np.int64
    assert set(types.values()) == {np.dtype(np.float16)}


def with_a_huge_weight() -> onnx.ModelProto:
    model = nets.detector()
    wide = next(x for x in model.graph.initializer if x.name == "wide.w")
    values = numpy_helper.to_array(wide).copy()
    values[0, 0, 0, 0] = 70_000
    wide.CopyFrom(numpy_helper.from_array(values, "wide.w"))
    return model


@BOTH
def test_weights_beyond_the_range_of_float16_stay_in_float32(storage_only: bool) -> None:
    result = Fp16(storage_only).apply(with_a_huge_weight(), Context()).model
    assert nets.weights(result)["wide.w"].dtype == np.float32


def test_storing_takes_no_harm_from_large_numbers_inside_and_computing_is_refused() -> None:
    model, feeds = with_a_huge_weight(), nets.pictures(1)
    result = Fp16(True).apply(model, Context(feeds)).model
    expected, got = (run(loaded(x), feeds[0])["output"] for x in (model, result))
    np.testing.assert_allclose(got, expected, rtol=0.02, atol=0.02 * np.abs(expected).max())
    with pytest.raises(StepFailed, match="choose storage_only") as refused:
        Fp16(False).apply(model, Context(feeds))
    assert refused.value.code == "result_broken"


@BOTH
def test_weights_that_are_declared_as_inputs_do_not_become_inputs_to_feed(
    storage_only: bool,
) -> None:
    result = Fp16(storage_only).apply(nets.detector(declared=True), Context()).model
    assert [x.name for x in loaded(result).inputs] == ["pictures"]
    assert result.ByteSize() < 0.55 * nets.detector(declared=True).ByteSize()


def test_the_dry_run_tells_the_very_size() -> None:
    model = nets.detector()
    for step in (Fp16(True), Fp16(False)):
        assert step.predict(model).size_bytes == step.apply(model, Context()).model.ByteSize()


def test_quantized_and_already_halved_models_are_refused() -> None:
    quantized = Int8().apply(nets.detector(), Context(nets.pictures(2))).model
    with pytest.raises(StepFailed, match="float parent") as refused:
        Fp16().apply(quantized, Context())
    assert refused.value.code == "graph_unsupported"
    halved = Fp16(True).apply(nets.detector(), Context()).model
    with pytest.raises(StepFailed) as refused:
        Fp16(True).apply(halved, Context())
    assert refused.value.code == "nothing_to_do"


def test_parameters_are_checked_at_birth() -> None:
    with pytest.raises(StepFailed) as refused:
        Fp16("yes")  # type: ignore[arg-type]
    assert refused.value.code == "parameters_invalid"
