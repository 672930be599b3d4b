"""What somebody may do by mistake to a training: nothing is lost, and the words say what came."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from onnx import numpy_helper

from models_registry.management.commands import train as command
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe_file import load_recipe, read_recipe
from tests.models_registry.training.rectangles import (
    RECIPE,
    Trained,
    needs_torch,
    places,
    recipe_document,
    train,
)

pytestmark = needs_torch


def spoilt(path: Path, to: Path) -> Path:
    """A copy with a weight that is no number."""
    model = onnx.load(path)
    held = next(x for x in model.graph.initializer if x.name.endswith("weight"))
    weights = numpy_helper.to_array(held).copy()
    weights.flat[0] = np.nan
    held.CopyFrom(numpy_helper.from_array(weights, held.name))
    onnx.save(model, to)
    shutil.copy(path.with_suffix(".json"), to.with_suffix(".json"))
    return to


def from_file(path: Path, **fields: Any) -> dict[str, Any]:
    document = recipe_document(steps=1, **fields)
    document["network"]["start"] = str(path.resolve())
    document["evaluation"] = []
    return document


def test_a_further_loss_that_is_no_number_spoils_neither_net_nor_checkpoint(data: Path) -> None:
    torch = pytest.importorskip("torch")
    run, recipe = with_torch("run"), read_recipe(recipe_document(save_every=1))
    sources, _ = run.prepare(recipe, places(data), run.no_renderer, lambda words: None)
    answers = iter([0.0, float("nan")])
    trainer = with_torch("trainer").Trainer(
        recipe,
        data / "nan",
        lambda net, step: [],
        lambda words: None,
        beside=lambda pixels, answer: answer.sum() * next(answers),
    )
    (data / "nan").mkdir()
    with pytest.raises(TrainingFailed, match=r"step 2: expected a finite loss.*--resume goes on"):
        trainer.run(with_torch("batches").Batches(recipe, sources))
    saved = with_torch("checkpoint").load(data / "nan")
    for weights in (trainer.net.state_dict(), saved.net, saved.average):
        assert all(torch.isfinite(x).all() for x in weights.values())


def test_the_file_that_it_begins_with_is_not_overwritten(trained: Trained, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    start = Path(shutil.copy(trained.path, out / trained.path.name))
    with pytest.raises(TrainingFailed, match=r"rectangles\.onnx: expected") as caught:
        train(trained.data, from_file(start), out=str(out))
    assert caught.value.code == "output_exists"
    assert start.read_bytes() == trained.path.read_bytes()


def test_a_parent_is_not_overwritten_by_what_is_trained_further(
    trained: Trained, tmp_path: Path
) -> None:
    parent = Path(shutil.copy(trained.path, tmp_path))
    shutil.copy(trained.path.with_suffix(".json"), tmp_path)
    to = with_torch("run").Places(trained.data, tmp_path, trained.data / "kept")
    recipe = read_recipe(recipe_document())
    with pytest.raises(TrainingFailed, match="expected another folder"):
        with_torch("finetune").finetune(trained.path, recipe, to, parent=parent)
    assert parent.read_bytes() == trained.path.read_bytes()


def test_a_run_taught_by_its_teacher_does_not_go_on_without(trained: Trained) -> None:
    document = recipe_document(steps=2)
    document["evaluation"] = []
    document["teacher"] = {"path": str(trained.path.resolve()), "soften": 0.0, "cells": 1.0}
    stop = {"stop": lambda: True}
    assert train(trained.data, document, "taught", distil=True, **stop)[0] is None
    with pytest.raises(TrainingFailed, match=r"changed: \['teacher\.cells'\]"):
        train(trained.data, document, "taught", resume=True)


def test_a_damaged_answer_of_a_teacher_is_asked_for_again(trained: Trained) -> None:
    document = recipe_document(steps=1)
    document["evaluation"] = []
    document["source"][0]["labelled"] = ["car"]
    document["teacher"] = {"path": str(trained.path.resolve())}
    train(trained.data, document, "first")
    (kept,) = (trained.data / "kept").glob("teacher-*.npz")
    whole = kept.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        kept.write_bytes(damaged)
        _, said = train(trained.data, document, f"again-{len(damaged)}")
        assert "train: the teacher looks at picture 1 of" in " ".join(said)
        assert kept.read_bytes() != damaged


ROLES = {
    "start": ("run", "train", False),
    "teacher": ("run", "train", False),
    "finetune": ("finetune", "finetune", True),
}


@pytest.mark.parametrize("role", list(ROLES))
def test_a_file_with_weights_that_are_no_numbers_is_refused(
    role: str, trained: Trained, tmp_path: Path
) -> None:
    bad = spoilt(trained.path, tmp_path / "bad.onnx")
    document = from_file(bad) if role == "start" else recipe_document(steps=1)
    if role == "teacher":
        document["teacher"] = {"path": str(bad)}
    recipe, to = read_recipe(document), places(trained.data, "refused")
    module, name, begin = ROLES[role]
    with pytest.raises(TrainingFailed, match="expected weights that are numbers, got NaN in net"):
        getattr(with_torch(module), name)(*([bad] if begin else []), recipe, to)


def test_where_nothing_was_begun_that_is_said(data: Path) -> None:
    document = recipe_document(steps=1)
    document["evaluation"] = []
    _, said = train(data, document, "typo", resume=True)
    assert f"{data / 'typo'}: nothing to go on from yet, begins with step 1" in said


def test_a_model_of_somebody_else_is_not_overwritten(data: Path) -> None:
    (data / "theirs").mkdir()
    (data / "theirs" / "rectangles.onnx").write_bytes(b"theirs")
    for resume in (False, True):
        with pytest.raises(TrainingFailed, match="which would be overwritten"):
            train(data, recipe_document(steps=1), "theirs", resume=resume)
    assert (data / "theirs" / "rectangles.onnx").read_bytes() == b"theirs"


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_read(data: Path) -> None:
    (data / "file").write_bytes(b"")
    with pytest.raises(TrainingFailed, match=r"--out .*file: expected a folder to write to") as no:
        train(data, recipe_document(steps=1), "file")
    assert no.value.code == "output_unusable"


def test_what_is_wrong_with_toml_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("name = 1\nhello world ===")
    with pytest.raises(TrainingFailed, match=r"r\.toml: expected TOML: .*line 2, column"):
        load_recipe(path)
    path.write_bytes(b"\xef\xbb\xbf" + RECIPE.encode())  # as some editors on Windows save it
    assert load_recipe(path).name == "short"


def test_a_file_to_begin_with_is_found_from_a_folder_behind_a_link(
    trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "sets").symlink_to(trained.data)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er" / "sets")
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.replace("steps = 2", "steps = 1"))
    out = {"out": tmp_path / "out", "kept": tmp_path / "kept", "start": trained.path}
    call_command("train", recipe, data=tmp_path / "link", **out)
    assert (tmp_path / "out" / "short.onnx").is_file()


def test_who_stops_twice_is_told_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    asked: list[int] = []
    said: list[str] = []
    stop = command._stop_once(asked, said.append)
    stop(15, None)
    assert said == ["stopping after this step; once more stops at once"]
    with pytest.raises(KeyboardInterrupt):
        stop(15, None)

    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Command, "trained", interrupted)
    with pytest.raises(SystemExit) as ended:
        call_command("train", recipe, data=data)
    assert ended.value.code == command.STOPPED
    assert "stopped at once" in capsys.readouterr().err


def test_a_file_in_place_of_a_folder_is_one_line_of_the_command(data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    with pytest.raises(CommandError, match=r"^output_unusable: --kept .*: expected a folder"):
        call_command("train", recipe, data=data, out=tmp_path / "out", kept=recipe)
