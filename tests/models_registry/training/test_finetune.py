"""Finished files trained further: pruned, in int8, refused; detectors and classifiers."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from django.core.management import CommandError, call_command
from onnx import TensorProto, helper, numpy_helper

from models_registry.benchmarking.stills import read_still
from models_registry.compression.capture import loaded, run
from models_registry.compression.packing import Pack
from models_registry.compression.pruning import Prune
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context
from models_registry.runtime.detector import load_detector
from models_registry.runtime.preprocess import Preprocessor
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe import ScheduleRecipe
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import (
    Trained,
    needs_torch,
    places,
    recipe_document,
)
from tests.onnx_zoo import build, yolox_output

pytestmark = needs_torch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def document(**further: Any) -> dict[str, Any]:
    whole = recipe_document()
    stated = {"steps": 40, "rate": 0.002, "warm_up_steps": 3, "average": 0.9, **further}
    return {**whole, "finetune": stated}


def finetuned(trained: Trained, path: Path, out: str, **options: Any) -> tuple[Path, Any]:
    """The file and what its evaluations gave, before and after."""
    recipe = read_recipe(document(**options.pop("further", {})))
    said: list[str] = []
    to = places(trained.data, out)
    made = with_torch("finetune").finetune(path, recipe, to, said=said.append, **options)
    assert made is not None
    found = with_torch("checkpoint").load(trained.data / out).history["evaluations"]
    return made, (found[0]["mean_ap50"], found[-1]["mean_ap50"])


def saved(model: onnx.ModelProto, trained: Trained, path: Path) -> Path:
    onnx.save(model, path)
    path.with_suffix(".json").write_text(trained.path.with_suffix(".json").read_text())
    return path


@pytest.fixture(scope="session")
def quantized(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    contract = load_detector(trained.path).contract
    preprocess, feeds = Preprocessor(contract), []
    for picture in sorted((trained.data / "train" / "images").glob("*.png"))[:6]:
        preprocess(read_still(picture))
        feeds.append({contract.input_name: preprocess.tensor.copy()})
    step = Int8(max_float_share=0.1, reduce_range="never")
    model = step.apply(onnx.load(trained.path), Context(feeds)).model
    return saved(model, trained, tmp_path_factory.mktemp("int8") / "small.onnx")


def test_a_file_is_seen_as_the_net_it_was_made_of(trained: Trained, torch: Any) -> None:
    recipe = read_recipe(recipe_document())
    net = with_torch("network").DetectorNet(recipe.network, 2)
    net.load_state_dict(with_torch("checkpoint").load(trained.data / "out").average)
    contract = load_detector(trained.path).contract
    graph = with_torch("finetune_detector").DetectorGraph(onnx.load(trained.path), contract)
    pixels = torch.rand(3, 3, 64, 96)
    with torch.no_grad():
        expected, found = net.eval()(pixels), graph(pixels)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-3)


def test_a_pruned_file_wins_back_what_it_lost(trained: Trained, tmp_path: Path) -> None:
    step = Prune(share=0.5, floor=0.3, multiple=1, importance="l1")
    pruned = step.apply(onnx.load(trained.path), Context()).model
    path = saved(pruned, trained, tmp_path / "pruned.onnx")
    made, (before, after) = finetuned(trained, path, "pruned", parent=trained.path)
    assert before < 0.5
    assert after > before + 0.2
    learnt = onnx.load(made)
    assert [x.name for x in learnt.graph.node] == [x.name for x in pruned.graph.node]
    shapes = {x.name: list(x.dims) for x in pruned.graph.initializer}
    assert {x.name: list(x.dims) for x in learnt.graph.initializer} == shapes
    words = {x.key: x.value for x in learnt.metadata_props}
    assert words["task"] == "detect"
    assert words["step"] == "40 of 40"
    contract = json.loads(made.with_suffix(".json").read_text())
    assert contract == json.loads(trained.path.with_suffix(".json").read_text())
    card = made.with_suffix(".md").read_text()
    assert "Trained further from pruned.onnx" in card
    assert "bytes (fp32)" in card


def test_an_int8_file_learns_and_stays_int8(trained: Trained, quantized: Path) -> None:
    made, (before, after) = finetuned(
        trained, quantized, "quantized", parent=trained.path, further={"steps": 25}
    )
    assert after > before - 0.05
    old, new = (onnx.load(x) for x in (quantized, made))
    assert [x.op_type for x in new.graph.node] == [x.op_type for x in old.graph.node]
    changed = [
        not np.array_equal(numpy_helper.to_array(x), numpy_helper.to_array(y))
        for x, y in zip(old.graph.initializer, new.graph.initializer, strict=True)
        if x.data_type == TensorProto.INT8
    ]
    assert changed
    assert any(changed)
    assert made.stat().st_size < 1.1 * quantized.stat().st_size
    assert "bytes (int8)" in made.with_suffix(".md").read_text()
    assert Pack().apply(new, Context()).packed


def test_a_run_that_was_broken_off_goes_on(trained: Trained) -> None:
    recipe, to = read_recipe(document(steps=4)), places(trained.data, "further")
    asked = iter([False, True])
    finetune, said = with_torch("finetune").finetune, []
    stop: Any = lambda: next(asked)  # noqa: E731
    assert finetune(trained.path, recipe, to, said=said.append, stop=stop) is None
    assert finetune(trained.path, recipe, to, said=said.append, resume=True) is not None
    assert "goes on after step 2" in said


def test_what_it_refuses(trained: Trained, tmp_path: Path) -> None:
    finetune, recipe = with_torch("finetune").finetune, read_recipe(document())
    to = places(trained.data, "refused")
    with pytest.raises(TrainingFailed, match="another folder"):
        finetune(trained.path, recipe, places(trained.data))
    other = read_recipe({**document(), "classes": ["bus", "car"]})
    with pytest.raises(TrainingFailed, match="the recipe's classes bus, car"):
        finetune(trained.path, other, to)
    (tmp_path / "zoo.onnx").write_bytes(build({"output": yolox_output()}))
    labels = load_detector(tmp_path / "zoo.onnx").contract.labels
    plain = {**document(), "classes": list(labels), "source": [], "evaluation": []}
    plain["source"] = [{"name": "x", "format": "yolo", "path": "x", "labelled": [labels[0]]}]
    with pytest.raises(TrainingFailed, match="layout yolov8"):
        finetune(tmp_path / "zoo.onnx", read_recipe(plain), to)
    with pytest.raises(TrainingFailed, match=r"nowhere\.onnx"):
        finetune(tmp_path / "nowhere.onnx", recipe, to)
    model = onnx.load(trained.path)
    model.graph.node[-1].op_type = "Softsign"
    with pytest.raises(TrainingFailed, match="found Softsign"):
        finetune(saved(model, trained, tmp_path / "strange.onnx"), recipe, to)
    smaller = json.loads(trained.path.with_suffix(".json").read_text())
    assert smaller["input_width"] == 96


def test_the_command(trained: Trained, tmp_path: Path) -> None:
    recipe = tmp_path / "further.toml"
    recipe.write_text(
        """
name = "further"
classes = ["car", "bus"]
[schedule]
steps = 1000
batch = 4
threads = 1
[finetune]
steps = 2
[[source]]
name = "train"
format = "yolo"
path = "train"
labelled = ["car", "bus"]
"""
    )
    out, words = StringIO(), ["--data", str(trained.data), "--out", str(tmp_path / "out")]
    words += ["--kept", str(tmp_path / "kept"), "--parent", str(trained.path)]
    call_command("finetune", str(trained.path), str(recipe), *words, stdout=out, stderr=StringIO())
    made = tmp_path / "out" / "rectangles.onnx"
    assert out.getvalue().strip() == str(made)
    assert load_detector(made).contract == load_detector(trained.path).contract
    with pytest.raises(CommandError, match="output_exists"):
        call_command("finetune", str(trained.path), str(recipe), *words, stderr=StringIO())


def classifier() -> onnx.ModelProto:
    """(N, 6) → (N, 3) by way of 16."""
    rng = np.random.default_rng(4)
    stored = {
        "one": rng.normal(0, 0.5, (16, 6)),
        "first": rng.normal(0, 0.1, 16),
        "two": rng.normal(0, 0.3, (3, 16)),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "one", "first"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Gemm", ["b", "two"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(x.astype(np.float32), name) for name, x in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def rows(step: int, count: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """The class is which pair of numbers has the largest sum."""
    x = np.random.default_rng(step).normal(0, 1, (count, 6)).astype(np.float32)
    return x, x.reshape(count, 3, 2).sum(2).argmax(1)


def right(model: onnx.ModelProto) -> float:
    x, kinds = rows(10_000, 500)
    return float((run(loaded(model), {"x": x})["y"].argmax(1) == kinds).mean())


SCHEDULE = ScheduleRecipe(
    steps=150, rate=0.01, warm_up_steps=5, weight_decay=0.0, average=0.9, precision="float32"
)


def test_a_classifier_learns_from_labels_and_from_its_parent() -> None:
    tune = with_torch("finetune_classifier").tune_classifier
    model = classifier()
    parent = tune(model, rows, SCHEDULE)
    assert right(model) < 0.6
    assert right(parent) > 0.9
    wrong = lambda step: (rows(step)[0], np.zeros(32, np.int64))  # noqa: E731
    child = tune(model, wrong, SCHEDULE, parent=parent, taught=1.0)
    assert right(child) > 0.9  # not one label was right


def test_little_by_little_most_weights_become_zero() -> None:
    tune = with_torch("finetune_classifier").tune_classifier
    from_onnx = with_torch("from_onnx")
    large, from_onnx.LARGE = from_onnx.LARGE, 32
    try:
        thin = tune(classifier(), rows, SCHEDULE, thinned=0.5)
    finally:
        from_onnx.LARGE = large
    zeros = {x.name: float((numpy_helper.to_array(x) == 0).mean()) for x in thin.graph.initializer}
    assert zeros["one"] == pytest.approx(0.5, abs=0.02)
    assert zeros["two"] == pytest.approx(0.5, abs=0.03)
    assert zeros["first"] == 0
    assert right(thin) > 0.85
