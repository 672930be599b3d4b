from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from models_registry.benchmarking.stills import read_still
from models_registry.runtime.detector import load_detector
from models_registry.training.batches import Batches
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.history import shown
from models_registry.training.made_sets import no_renderer
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import (
    Trained,
    needs_torch,
    places,
    recipe_document,
    train,
)

pytestmark = needs_torch
FILES = {"rectangles.onnx", "rectangles.json", "rectangles.md", "rectangles.html", "checkpoint.pt"}
SMALL = {"rectangles-int8.onnx", "rectangles-int8.json", "rectangles-int8.md"}


def weights(folder: Path) -> dict[str, np.ndarray]:
    found = with_torch("checkpoint").load(folder)
    return {name: value.numpy() for name, value in found.average.items()}


def test_it_finds_what_it_could_not_find_at_first(trained: Trained) -> None:
    start, *_, end = trained.history["evaluations"]
    assert end["mean_ap50"] > start["mean_ap50"] + 0.5
    assert {x.name for x in trained.path.parent.iterdir()} == FILES | SMALL
    assert any("AP50" in line for line in trained.said)
    card = (trained.path.parent / "rectangles.md").read_text()
    assert f"| valid | 8 | {shown(end['mean_ap50'])} |" in card
    assert "| train | 24 |" in card
    assert "after step 120;" in card
    report = (trained.path.parent / "rectangles.html").read_text()
    assert "Plotly.newPlot" in report
    assert "learning rate" in report
    assert "Unfinished" not in report
    assert '<td>valid</td>\n<td style="text-align:right">8</td>' in report


def test_the_file_is_what_the_gateway_runs(trained: Trained) -> None:
    detector = load_detector(trained.path)
    found = detector.detect(read_still(trained.data / "valid" / "images" / "000.png"), 0.0)
    assert len(found.select(found.confidence > 0.3))
    contract = json.loads(trained.path.with_suffix(".json").read_text())
    assert (contract["layout"], contract["labels"]) == ("yolov8", ["car", "bus"])


def test_the_int8_file_finds_what_its_parent_finds(trained: Trained) -> None:
    small = trained.path.with_name("rectangles-int8.onnx")
    assert small.stat().st_size < 0.6 * trained.path.stat().st_size
    end = trained.history["evaluations"][-1]
    card = small.with_suffix(".md").read_text()
    assert f"| valid, before | 8 | {shown(end['mean_ap50'])} |" in card
    assert f"{small.stat().st_size:,} bytes (int8)" in card
    out = StringIO()
    words = (small, trained.data / "valid", "--labelled", "car,bus", "--json")
    call_command("evaluate", *map(str, words), stdout=out)
    own = json.loads(out.getvalue())["valid"]["mean_ap50"]
    assert own > end["mean_ap50"] - 0.2
    assert f"| valid | 8 | {shown(own)} |" in card


def test_evaluate_gives_the_figures_that_the_training_gave(trained: Trained) -> None:
    out = StringIO()
    words = (trained.path, trained.data / "valid", "--labelled", "car,bus", "--json")
    call_command("evaluate", *map(str, words), stdout=out)
    found = json.loads(out.getvalue())["valid"]
    end = trained.history["evaluations"][-1]
    assert found["mean_ap50"] == pytest.approx(end["mean_ap50"])
    assert found["pictures"] == 8


def test_a_run_that_was_broken_off_ends_with_the_same_weights(data: Path) -> None:
    document = recipe_document(steps=8, save_every=3)
    train(data, document, "whole")
    asked = iter([False, False, False, False, True])
    path, said = train(data, document, "parts", stop=lambda: next(asked))
    assert path is None
    assert "stopped after step 5" in said[-1]
    report = data / "parts" / "rectangles.html"
    assert "stopped after step 5 of 8" in report.read_text()
    path, said = train(data, document, "parts", resume=True)
    assert path is not None
    assert "goes on after step 5" in said
    assert "stopped after" not in report.read_text()
    whole, parts = weights(data / "whole"), weights(data / "parts")
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_processes_that_prepare_pictures_change_nothing(data: Path) -> None:
    document = recipe_document(steps=3)
    train(data, document, "none")
    document["schedule"]["workers"] = 2
    train(data, document, "two")
    none, two = weights(data / "none"), weights(data / "two")
    assert all(np.array_equal(none[name], two[name]) for name in none)


def test_what_is_there_already_is_not_overwritten(data: Path) -> None:
    document = recipe_document(steps=1)
    train(data, document)
    with pytest.raises(TrainingFailed, match="--resume"):
        train(data, document)


def test_a_training_does_not_go_on_by_another_recipe(data: Path) -> None:
    train(data, recipe_document(steps=1))
    changed = recipe_document(steps=1, rate=0.5)
    with pytest.raises(TrainingFailed, match=r"schedule\.rate"):
        train(data, changed, resume=True)


def test_a_damaged_checkpoint_is_told(data: Path) -> None:
    (data / "out").mkdir()
    (data / "out" / "checkpoint.pt").write_bytes(b"half a fi")
    with pytest.raises(TrainingFailed, match=r"checkpoint\.pt"):
        train(data, recipe_document(steps=1), resume=True)


def test_a_loss_that_is_no_number_stops_the_training(data: Path) -> None:
    train(data, recipe_document(steps=2))
    recipe = read_recipe(recipe_document(steps=2))
    longer = replace(recipe, schedule=replace(recipe.schedule, save_every=1))
    sources, _ = with_torch("run").prepare(longer, places(data), no_renderer, print)
    (data / "other").mkdir()
    trainer = with_torch("trainer").Trainer(longer, data / "other", lambda net, step: [], print)
    next(trainer.net.parameters()).data.fill_(float("nan"))
    with pytest.raises(TrainingFailed) as caught:
        trainer.run(Batches(longer, sources))
    assert caught.value.code == "loss_not_finite"
    assert not list((data / "other").iterdir())


def test_a_student_is_taught_by_another_model(trained: Trained) -> None:
    document = recipe_document(steps=110)
    document["source"][0] = {"name": "bare", "format": "stills", "path": "train/images"}
    document["teacher"] = {"path": "out/rectangles.onnx", "least": 0.1, "sure": 0.2}
    train(trained.data, document, "student", distil=True)
    end = with_torch("checkpoint").load(trained.data / "student").history["evaluations"][-1]
    assert end["mean_ap50"] > 0.4  # without a single label of its own
    assert "valid, the teacher" in (trained.data / "student" / "rectangles.md").read_text()


def test_distilling_needs_a_teacher(data: Path) -> None:
    with pytest.raises(TrainingFailed, match="teacher"):
        train(data, recipe_document(steps=1), distil=True)
