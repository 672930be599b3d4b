"""manage.py train, distill and evaluate, as they are called from a shell."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from models_registry.benchmarking.accuracy import SCORE_FLOOR
from tests.models_registry.training.rectangles import NAMES, RECIPE, draw_set, needs_torch
from tests.onnx_zoo import build, yolox_output


def call(name: str, *words: object) -> str:
    out = StringIO()
    call_command(name, *map(str, words), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    draw_set(tmp_path / "train", 3)
    path = tmp_path / "short.toml"
    path.write_text(RECIPE)
    return path


@needs_torch
def test_train_writes_a_model_with_contract_and_card(recipe: Path) -> None:
    out, kept = recipe.parent / "out", recipe.parent / "kept"
    assert call("train", recipe, "--out", out, "--kept", kept).strip() == str(out / "short.onnx")
    assert {x.name for x in out.iterdir()} >= {"short.onnx", "short.json", "short.md"}
    with pytest.raises(CommandError, match=r"output_exists.*--resume"):
        call("train", recipe, "--out", out, "--kept", kept)
    assert call("train", recipe, "--out", out, "--kept", kept, "--resume").strip() == str(
        out / "short.onnx"
    )


@needs_torch
def test_distill_wants_a_teacher(recipe: Path) -> None:
    with pytest.raises(CommandError, match=r"recipe_invalid: expected a \[teacher\]"):
        call("distill", recipe, "--out", recipe.parent, "--kept", recipe.parent)


def test_train_says_what_is_missing_without_torch(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "models_registry.training.run", raising=False)
    with pytest.raises(CommandError, match=r"torch_missing.*\[train\]"):
        call("train", recipe)


def test_train_tells_what_is_wrong_with_a_recipe(recipe: Path) -> None:
    recipe.write_text(RECIPE + "colour = 1\n")
    with pytest.raises(CommandError, match=r"recipe_invalid: source\[0\]: expected fields"):
        call("train", recipe)


def test_evaluate_prints_a_table_for_any_model(tmp_path: Path) -> None:
    model = tmp_path / "zoo.onnx"
    model.write_bytes(build({"output": yolox_output()}))
    folder = draw_set(tmp_path / "set", 3)
    told = call("evaluate", model, folder, "--labelled", ",".join(NAMES), "--most", 2)
    assert told.startswith("set: 2 pictures")
    assert "any vehicle" in told
    assert f"{SCORE_FLOOR}" not in told


def test_evaluate_leaves_out_what_nobody_seems_to_have_labelled(tmp_path: Path) -> None:
    model = tmp_path / "zoo.onnx"
    model.write_bytes(build({"output": yolox_output()}))
    folder = draw_set(tmp_path / "set", 3, drawn=("bus",))
    found = json.loads(call("evaluate", model, folder, "--json"))
    assert list(found["set"]["classes"]) == ["bus"]
    stated = json.loads(call("evaluate", model, folder, "--json", "--labelled", "bus,Car"))
    assert stated["set"]["classes"]["car"]["objects"] == 0


@pytest.mark.parametrize(
    ("model", "words"), [("none.onnx", "model_unusable"), ("bad.onnx", "model_unusable")]
)
def test_evaluate_tells_why_it_cannot(tmp_path: Path, model: str, words: str) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    folder = draw_set(tmp_path / "set", 1)
    with pytest.raises(CommandError, match=words):
        call("evaluate", tmp_path / model, folder)
    with pytest.raises(CommandError, match="labels_invalid"):
        call("evaluate", tmp_path / model, tmp_path / "nowhere")


def zoo(folder: Path, *names: str) -> Path:
    """A model of these classes."""
    path = folder / "zoo.onnx"
    path.write_bytes(build({"output": yolox_output((), classes=len(names))}))
    path.with_suffix(".json").write_text(json.dumps({"labels": names}))
    return path


def test_evaluate_looks_for_the_classes_of_a_model_that_knows_no_road_users(
    tmp_path: Path,
) -> None:
    folder = draw_set(tmp_path / "set", 3)
    (folder / "classes.txt").write_text("Dog\ncat\n")
    found = json.loads(call("evaluate", zoo(tmp_path, "cow", "cat", "dog"), folder, "--json"))
    classes = found["set"]["classes"]
    assert list(classes) == ["cat", "dog"]  # as the model lists them; nobody looked for cows
    assert all(x["objects"] and x["ap50"] == 0 for x in classes.values())


@pytest.mark.parametrize(
    ("names", "more", "words"),
    [
        (("dog", "cow"), (), r"a class that the model names \(dog, cow\), found bus, car$"),
        (("dog", "cow"), ("--labelled", "car"), r"\(dog, cow\), found car$"),
        (("truck", "bicycle"), (), r"\(truck, bicycle\), found bus, car$"),
    ],
)
def test_evaluate_refuses_where_model_and_set_share_no_class(
    tmp_path: Path, names: tuple[str, ...], more: tuple[str, ...], words: str
) -> None:
    folder = draw_set(tmp_path / "set", 3)
    with pytest.raises(CommandError, match=rf"^labels_invalid: .*{words}"):
        call("evaluate", zoo(tmp_path, *names), folder, *more)


def test_evaluate_refuses_a_recipe_whose_sets_share_no_class_with_the_model(recipe: Path) -> None:
    recipe.write_text(RECIPE + RECIPE.partition("[[source]]")[2].join(["[[evaluation]]", ""]))
    with pytest.raises(CommandError, match=r"short\.toml: expected labels .* found bus, car$"):
        call("evaluate", zoo(recipe.parent, "dog", "cow"), recipe)


@pytest.mark.parametrize("most", [0, -1, 1_000_000])
def test_evaluate_says_how_many_pictures_it_can_take(tmp_path: Path, most: int) -> None:
    folder = draw_set(tmp_path / "set", 1)
    with pytest.raises(CommandError, match=f"--most: expected 1 to 100000, got {most}$"):
        call("evaluate", zoo(tmp_path, "car", "bus"), folder, "--most", most)


@needs_torch
@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_cannot_be_read_is_told_in_one_line(recipe: Path, workers: int) -> None:
    for path in (recipe.parent / "train" / "images").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    recipe.write_text(RECIPE.replace("steps = 2", f"steps = 2\nworkers = {workers}\nmemory_mb = 0"))
    with pytest.raises(CommandError) as caught:
        call("train", recipe, "--out", recipe.parent / "out", "--kept", recipe.parent / "kept")
    assert re.fullmatch(
        r"picture_unreadable: .*/00\d\.png: .* expected a whole picture, .*", str(caught.value)
    )


@needs_torch
def test_train_stops_after_the_step_when_it_is_told_to(recipe: Path) -> None:
    class Impatient(StringIO):
        def write(self, text: str) -> int:
            if "steps of" in text:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().write(text)

    recipe.write_text(RECIPE.replace("steps = 2", "steps = 100000"))
    out, said, before = recipe.parent / "out", Impatient(), signal.getsignal(signal.SIGTERM)
    words = [str(recipe), "--out", str(out), "--kept", str(out)]
    with pytest.raises(SystemExit) as caught:
        call_command("train", *words, stdout=StringIO(), stderr=said)
    assert caught.value.code == 130
    assert "stopped after step 1;" in said.getvalue()
    assert (out / "checkpoint.pt").is_file()
    assert signal.getsignal(signal.SIGTERM) is before
