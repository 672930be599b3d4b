"""A YOLOX file as a teacher: its cells on the student's canvas, in the student's classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.runtime.detector import load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe import NetworkRecipe, Recipe, ScheduleRecipe, TeacherRecipe
from tests.models_registry.training.rectangles import needs_torch

pytestmark = needs_torch
WIDTH, HEIGHT, STRIDES = 96, 64, (8, 16, 32)  # the student's canvas; the file's own is 64×64
LABELS = ["person", "dog", "motorbike"]
RECIPE = Recipe(
    name="student",
    classes=("motorcycle", "truck", "person"),
    sources=(),
    evaluation=(),
    schedule=ScheduleRecipe(steps=1),
    network=NetworkRecipe(input_width=WIDTH, input_height=HEIGHT, strides=STRIDES),
    teacher=TeacherRecipe("yolox.onnx", cells=2.0),
)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def yolox(path: Path, labels: list[str] = LABELS) -> Path:
    """Every cell tells a box, surely: .6 of the last class, of the first as much as its blue."""
    width = 5 + len(labels)
    nodes, constants, rows = [], [], []
    for stride in STRIDES:
        weight = np.zeros((width, 3, stride, stride), np.float32)
        weight[5, 0] = 1 / (255 * stride**2)  # of BGR
        bias = np.array([0.5, 0.5, np.log(2), np.log(4), 1.0, 0.0, *([0.3, 0.6])], np.float32)
        constants += [
            numpy_helper.from_array(weight, f"w{stride}"),
            numpy_helper.from_array(bias[:width], f"b{stride}"),
        ]
        nodes += [
            helper.make_node(
                "Conv",
                ["images", f"w{stride}", f"b{stride}"],
                [f"map{stride}"],
                strides=[stride] * 2,
                kernel_shape=[stride] * 2,
            ),
            helper.make_node("Reshape", [f"map{stride}", "shape"], [f"cells{stride}"]),
        ]
        rows.append(f"cells{stride}")
    constants.append(numpy_helper.from_array(np.array([1, width, -1], np.int64), "shape"))
    nodes += [
        helper.make_node("Concat", rows, ["all"], axis=2),
        helper.make_node("Transpose", ["all"], ["output"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 84, width])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    contract = {"layout": "yolox", "labels": labels, "input_width": 64, "input_height": 64}
    contract |= {"input_name": "images", "colour_order": "bgr", "scale": 1.0, "fit": "top_left"}
    path.with_suffix(".json").write_text(json.dumps(contract))
    return path


def teacher(folder: Path, recipe: Recipe = RECIPE) -> Any:
    yolox(folder / "yolox.onnx")
    net = with_torch("network").DetectorNet(recipe.network, len(recipe.classes))
    return with_torch("beside").beside_labels(recipe, folder, net)


def scores_of(folder: Path, pixels: Any, recipe: Recipe = RECIPE) -> Any:
    contract = load_detector(yolox(folder / "yolox.onnx"), warm_up=False).contract
    sizes = recipe.network.sizes
    run = with_torch("teacher_run").TeacherRun(folder / "yolox.onnx", contract, sizes)
    grid = with_torch("grid_teacher").GridTeacher(run, contract.labels, recipe)
    return grid.scores(run(pixels)[0])


def test_it_speaks_of_the_student_s_cells_and_classes(torch: Any, tmp_path: Path) -> None:
    pixels = torch.zeros(2, 3, HEIGHT, WIDTH)
    pixels[1, 2] = 0.8  # blue, of RGB
    scores = scores_of(tmp_path, pixels)
    assert scores.shape == (2, 3, 96 + 24 + 6)
    torch.testing.assert_close(scores[:, 0], torch.full((2, 126), 0.6))  # motorbike
    assert scores[:, 1].max() == 0  # it knows no trucks
    torch.testing.assert_close(scores[1, 2], torch.full((126,), 0.8))
    assert scores[0, 2].max() < 1e-5


def test_it_speaks_on_every_canvas_that_the_student_learns_on(torch: Any, tmp_path: Path) -> None:
    network = replace(RECIPE.network, canvases=((64, 64),))
    recipe = replace(RECIPE, network=network)
    for (width, height), cells in (((64, 64), 64 + 16 + 4), ((WIDTH, HEIGHT), 126)):
        scores = scores_of(tmp_path, torch.zeros(1, 3, height, width), recipe)
        assert scores.shape == (1, 3, cells)


def test_a_student_is_raised_to_it_and_never_pushed_below(torch: Any, tmp_path: Path) -> None:
    answer = torch.zeros(1, 7, 126)  # every class .5
    answer[:, 4, :60] = 4.0
    answer.requires_grad_()
    loss = teacher(tmp_path)(torch.zeros(1, 3, HEIGHT, WIDTH), answer)
    loss.backward()
    assert loss.item() > 0
    slope = answer.grad[0]
    assert (slope[4, 60:] < 0).all()  # .6 beside .5
    assert (slope[4, :60] == 0).all()  # .98: the student is surer
    assert (slope[5:] == 0).all()
    assert (slope[:4] == 0).all()  # boxes are the labels' matter


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (replace(RECIPE, schedule=ScheduleRecipe(steps=1, multi_scale=(0.5, 1.0))), "multi_scale"),
        (
            replace(RECIPE, network=replace(RECIPE.network, strides=(8, 16))),
            r"expected \(1, 120, 8\) on the student's canvas, got \(1, 126, 8\)",
        ),
    ],
)
def test_a_canvas_that_it_cannot_speak_of_is_told(
    tmp_path: Path, recipe: Recipe, words: str
) -> None:
    with pytest.raises(TrainingFailed, match=words) as caught:
        teacher(tmp_path, recipe)
    assert caught.value.code == "teacher_unusable"
