"""Latency reports hold what was asked for, and say what could not be had."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.benchmarking.latency import Effort, measure_latency
from models_registry.benchmarking.percentiles import times
from models_registry.benchmarking.ratio import measure_ratio, rounds_agree
from models_registry.benchmarking.stills import drawn_stills
from models_registry.runtime.errors import ModelUnusable
from tests.models_registry.benchmarking.pictures import model
from tests.onnx_zoo import FOR_UNITS, build, detr, save, yolov5_output

STILLS = drawn_stills(2, 320, 180)


def growing(folder: Path, repeats: int = 1, weight_mb: int = 0) -> Path:
    """YOLOX outputs whose batch size is open; ``repeats`` of its work, so much weight."""
    side, cells = 64, 84
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, side, side])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", cells, 85])
    rng = np.random.default_rng(0)
    constants = [
        numpy_helper.from_array(rng.normal(0, 0.01, (3, 3, 9, 9)).astype(np.float32), "filters"),
        numpy_helper.from_array(np.full((1, cells, 85), 0.1, np.float32), "rows"),
        numpy_helper.from_array(np.float32(0), "zero"),
    ]
    nodes = []
    seen = "images"
    for number in range(repeats):
        nodes.append(helper.make_node("Conv", [seen, "filters"], [f"c{number}"], pads=[4, 4, 4, 4]))
        seen = f"c{number}"
    nodes += [
        helper.make_node("ReduceMean", [seen], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axes"], ["column"]),
        helper.make_node("Add", ["rows", "column"], ["sum"]),
    ]
    constants.append(numpy_helper.from_array(np.array([1, 2]), "axes"))
    last = "sum"
    if weight_mb:
        weight = np.zeros(weight_mb * 250_000, np.float32)
        constants.append(numpy_helper.from_array(weight, "weight"))
        nodes.append(helper.make_node("ReduceSum", ["weight"], ["total"], keepdims=0))
        nodes.append(helper.make_node("Add", ["sum", "total"], ["all"]))
        last = "all"
    nodes.append(helper.make_node("Identity", [last], ["output"]))
    graph = helper.make_graph(nodes, "growing", [picture], [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return save(made.SerializeToString(), folder, f"growing{repeats}_{weight_mb}")


def test_every_thread_count_is_timed(tmp_path: Path) -> None:
    told: list[float] = []
    result = measure_latency(
        model(tmp_path),
        None,
        STILLS,
        threads=(1, 2),
        effort=Effort(frames=25, warm_up_frames=2),
        progress=lambda share, words: told.append(share),
    )
    assert [run.threads for run in result.runs] == [1, 2]
    for run in result.runs:
        assert run.end_to_end.frames == run.inference.frames == 25
        whole = run.end_to_end
        assert 0 < whole.min_ms <= whole.p50_ms <= (whole.p95_ms or 0) <= whole.max_ms
        assert whole.p99_ms is None  # 25 frames have none
        assert 0 < run.inference.min_ms <= run.inference.p50_ms <= run.inference.max_ms
        assert run.frames_per_s == pytest.approx(1000 / whole.mean_ms)
        assert run.load_ms > 0
        assert run.first_frame_ms > 0
        assert run.cpu_ms_per_frame > 0
        assert 0 <= run.waited_share < 1
        assert not run.cut_short
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert (result.layout, result.input_width_px, result.input_height_px) == ("yolox", 224, 224)
    assert result.model_bytes == (tmp_path / "zoo.onnx").stat().st_size
    assert (result.stills, result.still_sizes_px) == (2, ((320, 180),))


def test_the_machine_is_named(tmp_path: Path) -> None:
    facts = measure_latency(model(tmp_path), None, STILLS, effort=Effort(frames=3)).machine
    assert facts.onnxruntime == onnxruntime.__version__
    assert facts.cores == os.cpu_count()
    assert 1 <= facts.cores_usable <= facts.cores
    assert facts.processor


def test_the_time_limit_ends_a_run_that_is_then_called_cut_short(tmp_path: Path) -> None:
    effort = Effort(frames=10_000, warm_up_frames=0, seconds=0.05)
    (run,) = measure_latency(model(tmp_path), None, STILLS, effort=effort).runs
    assert 3 <= run.end_to_end.frames < 10_000
    assert run.cut_short


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by /proc only")
def test_a_heavier_model_needs_more_memory(tmp_path: Path) -> None:
    light, heavy = (
        measure_latency(growing(tmp_path, weight_mb=size), None, STILLS, effort=Effort(frames=3))
        for size in (0, 64)
    )
    assert light.memory.peak_is_exact
    assert (light.memory.model_peak_bytes or 0) < 40e6
    assert (heavy.memory.model_peak_bytes or 0) > 64e6
    assert (heavy.memory.peak_bytes or 0) >= (heavy.memory.running_bytes or 0)
    for use in (light.memory, heavy.memory):
        assert use.baseline_bytes is not None
        assert use.peak_bytes is not None
        assert use.model_peak_bytes == use.peak_bytes - use.baseline_bytes


def test_an_open_batch_is_measured(tmp_path: Path) -> None:
    result = measure_latency(
        growing(tmp_path),
        {"input_width": 64, "input_height": 64},
        STILLS,
        batch_sizes=(1, 4),
        effort=Effort(frames=40),
    )
    (batch,) = result.batches
    assert (batch.batch_size, batch.threads, batch.refused) == (4, 1, "")
    assert batch.inference is not None
    assert batch.inference.frames == 10  # batches of four: forty frames
    assert batch.frames_per_s == pytest.approx(4000 / batch.inference.mean_ms)


REFUSED = {
    "fixed": (build({"output": yolov5_output()}, filter_size=FOR_UNITS), "fixed at 1"),
    "answers for one": (detr(), "fails on 2|does not answer for each"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_a_graph_without_batches_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    path = save(content, tmp_path)
    result = measure_latency(path, None, STILLS, batch_sizes=(2,), effort=Effort(frames=3))
    (batch,) = result.batches
    assert batch.inference is batch.frames_per_s is None
    assert any(words in batch.refused for words in why.split("|"))


def test_percentiles_need_enough_frames() -> None:
    few, some, many = (times([float(x) for x in range(count)]) for count in (5, 20, 101))
    assert (few.p50_ms, few.p95_ms, few.p99_ms) == (2.0, None, None)
    assert some.p95_ms == pytest.approx(18.05)
    assert some.p99_ms is None
    assert (many.p95_ms, many.p99_ms, many.max_ms, many.mean_ms) == (95.0, 99.0, 100.0, 50.0)


def test_the_ratio_of_a_model_with_eight_times_the_work_is_above_one(tmp_path: Path) -> None:
    one, eight = growing(tmp_path, 1), growing(tmp_path, 8)
    result = measure_ratio((one, None), (eight, None), STILLS, rounds=15)
    assert result.rounds == 15
    assert result.inference.p10 <= result.inference.median <= result.inference.p90
    assert result.inference.median > 1
    turned_round = measure_ratio((eight, None), (one, None), STILLS, rounds=15)
    assert turned_round.inference.median < 1


@pytest.mark.parametrize(
    ("ratios", "certain"),
    [
        ([0.5] * 9 + [1.5], True),
        ([0.5] * 8 + [1.5] * 2, False),
        ([1.01] * 10, True),
        ([1.0] * 10, False),
        ([0.9, 1.1] * 5, False),
    ],
)
def test_a_difference_is_certain_when_nine_of_ten_rounds_agree(
    ratios: list[float], certain: bool
) -> None:
    assert rounds_agree(ratios) is certain


def test_a_model_that_cannot_serve_is_refused(tmp_path: Path) -> None:
    path = save(b"no model", tmp_path)
    with pytest.raises(ModelUnusable) as no:
        measure_latency(path, None, STILLS)
    assert no.value.code == "not_onnx"
