"""Classifiers: the split, the loop, the file, and what a teacher changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from models_registry.inspection.recognition import Seen, recognise
from models_registry.training.classifier_file import ClassifierFile
from models_registry.training.classifier_pictures import WEATHERS, KindBatches, examined, read_kinds
from models_registry.training.classifier_recipe import (
    PicturesRecipe,
    SoftTargetRecipe,
    load_training,
    read_classifier_recipe,
)
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe import Recipe
from tests.models_registry.training.kinds import KINDS, draw_kinds, kinds_document, kinds_recipe
from tests.models_registry.training.rectangles import needs_torch, places


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    draw_kinds(root / "kinds")
    return root


def train(data: Path, out: Path, recipe: Any, **options: Any) -> Any:
    said: list[str] = []
    run, where = with_torch("classifier_run"), places(data)
    where = replace(where, out=out, kept=out)
    return run.train_classifier(recipe, where, said=said.append, **options), said


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, _ = train(data, tmp_path_factory.mktemp("trained"), kinds_recipe())
    return Path(path)


def test_the_end_of_each_folder_is_held_out_in_one_piece(data: Path) -> None:
    recipe = PicturesRecipe("kinds", hold_out=0.25)
    learnt = read_kinds(recipe, data, held_out=False)
    held_out = read_kinds(recipe, data, held_out=True)
    assert learnt.classes == held_out.classes == KINDS
    assert [x.stem for x in held_out.paths] == [f"{n:03}" for n in range(15, 20)] * 2
    assert held_out.kinds.tolist() == [0] * 5 + [1] * 5
    assert not {*learnt.paths} & {*held_out.paths}
    assert len(learnt.paths) == 30


@pytest.mark.parametrize(
    "recipe",
    [PicturesRecipe("none"), PicturesRecipe("kinds", classes=("lying", "star"))],
    ids=["no folder", "no such class"],
)
def test_folders_that_are_not_there_are_named(data: Path, recipe: PicturesRecipe) -> None:
    with pytest.raises(TrainingFailed, match="expected") as caught:
        read_kinds(recipe, data, held_out=False)
    assert caught.value.code == "labels_invalid"


def test_batches_depend_on_seed_and_number_alone(data: Path) -> None:
    recipe = kinds_recipe()
    learnt = read_kinds(recipe.pictures, data, held_out=False)
    one, other = (KindBatches(recipe, learnt) for _ in range(2))
    one.draw(0)
    for mine, theirs in zip(one.draw(3), other.draw(3), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    pixels, kinds = one.draw(3)
    assert pixels.shape == (16, 3, 64, 64)
    assert set(kinds.tolist()) == {0, 1}
    assert not np.array_equal(pixels, KindBatches(replace(recipe, seed=2), learnt).draw(3)[0])


def test_examined_weather_is_always_the_same_and_differs_by_kind(data: Path) -> None:
    held_out = read_kinds(PicturesRecipe("kinds"), data, held_out=True)
    shown = {x: examined(held_out, (64, 64), x) for x in WEATHERS}
    for weather, pixels in shown.items():
        np.testing.assert_array_equal(pixels, examined(held_out, (64, 64), weather))
        assert weather == "clean" or not np.array_equal(pixels, shown["clean"])
    assert shown["night"].mean() < shown["clean"].mean()


@needs_torch
def test_a_short_training_tells_kinds_apart_that_it_never_saw(data: Path, trained: Path) -> None:
    held_out = read_kinds(PicturesRecipe("kinds"), data, held_out=True)
    file = ClassifierFile(trained)
    assert file.classes == KINDS
    assert file.accuracy(examined(held_out, (64, 64), "clean"), held_out.kinds) >= 0.8
    card = trained.with_suffix(".md").read_text()
    assert "lying, standing" in card
    assert "30 learnt from, 10 held out" in card


@needs_torch
def test_the_file_answers_as_torch_does_and_says_what_it_is(data: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    recipe = kinds_recipe()
    torch.manual_seed(1)
    net = with_torch("classifier_network").ClassifierNet(recipe.network, 2)
    for _ in range(3):
        net(torch.rand(8, 3, 64, 64))
    path = tmp_path / "net.onnx"
    with_torch("classifier_run").export_classifier(net.eval(), recipe, KINDS, path, {"step": "1"})
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), np.uint8)
    with torch.no_grad():
        expected = net(torch.from_numpy(pixels).float() / 255).numpy()
    np.testing.assert_allclose(ClassifierFile(path).logits(pixels), expected, rtol=1e-3, atol=1e-4)
    notes = {x.key: x.value for x in onnx.load(path).metadata_props}
    assert notes["step"] == "1"
    seen = Seen(64, 64, ["output"], [(1, 2)], frozenset({"Conv"}), notes["task"])
    assert recognise(seen).task == "classification"


@needs_torch
def test_a_training_broken_off_ends_with_the_same_weights(data: Path, tmp_path: Path) -> None:
    network = {**kinds_document()["network"], "stem": "gated_bands"}
    recipe = kinds_recipe(network=network, schedule={**kinds_document()["schedule"], "steps": 6})
    whole, _ = train(data, tmp_path / "whole", recipe)
    asked = iter([False, False, True])
    stopped, said = train(data, tmp_path / "parts", recipe, stop=lambda: next(asked))
    assert stopped is None
    assert any("stopped after step 3" in x for x in said)
    with pytest.raises(TrainingFailed, match="--resume"):
        train(data, tmp_path / "parts", recipe)
    changed = replace(recipe, seed=2)
    with pytest.raises(TrainingFailed, match="changed: \\['seed'\\]"):
        train(data, tmp_path / "parts", changed, resume=True)
    parts, _ = train(data, tmp_path / "parts", recipe, resume=True)
    assert onnx.load(parts).graph == onnx.load(whole).graph


@needs_torch
def test_a_student_learns_from_a_teacher_what_labels_do_not_say(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    """Only the teacher's word counts here: the labels are those of the other kind."""
    teacher = SoftTargetRecipe(str(trained.resolve()), part=1.0)
    recipe = replace(
        kinds_recipe(), teacher=teacher, pictures=PicturesRecipe("kinds", classes=KINDS[::-1])
    )
    path, _ = train(data, tmp_path / "taught", recipe, distil=True)
    held_out = read_kinds(recipe.pictures, data, held_out=True)
    pixels = examined(held_out, (64, 64), "clean")
    student, told = ClassifierFile(path), ClassifierFile(trained)
    assert student.classes == KINDS[::-1]
    same = student.logits(pixels)[:, ::-1].argmax(1) == told.logits(pixels).argmax(1)
    assert same.mean() >= 0.8


@needs_torch
def test_distilling_wants_a_teacher_that_knows_the_classes(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingFailed, match=r"expected a \[teacher\]"):
        train(data, tmp_path, kinds_recipe(), distil=True)
    soft = with_torch("soft_targets")
    with pytest.raises(TrainingFailed, match="expected it to know \\['star'\\]"):
        soft.file_teacher(SoftTargetRecipe(str(trained)), ("lying", "star"), data)
    strange = tmp_path / "strange.onnx"
    strange.write_bytes(b"no model")
    with pytest.raises(TrainingFailed) as caught:
        soft.file_teacher(SoftTargetRecipe(str(strange)), KINDS, data)
    assert caught.value.code == "teacher_unusable"


def test_the_task_says_whose_recipe_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    text = 'name = "x"\n[pictures]\npath = "kinds"\n[schedule]\nsteps = 1\n'
    path.write_text('task = "classify"\n' + text)
    recipe = load_training(path)
    assert not isinstance(recipe, Recipe)
    assert recipe.augmentation.mosaic == 0.0
    path.write_text('task = "paint"\n' + text)
    with pytest.raises(TrainingFailed, match="task: expected"):
        load_training(path)
    path.write_text(text)
    with pytest.raises(TrainingFailed, match="pictures"):
        load_training(path)


@pytest.mark.parametrize(
    ("table", "value", "named"),
    [
        ("augmentation", {"mosaic": 0.5}, "augmentation.mosaic"),
        ("augmentation", {"scale": [2.0, 1.0]}, "augmentation.scale"),
        ("network", {"stem": "wavelet"}, "network.stem"),
        ("network", {"input_width": 33}, "network.input_width"),
        ("schedule", {"steps": 1, "workers": 1}, "schedule"),
        ("seed", -1, "seed"),
        ("name", 3, "name"),
        ("colour", 1, "recipe"),
    ],
)
def test_a_wrong_recipe_is_refused_by_its_place(table: str, value: object, named: str) -> None:
    with pytest.raises(TrainingFailed, match=f"^{named}"):
        read_classifier_recipe({**kinds_document(), table: value})
