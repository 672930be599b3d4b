"""An exported file loaded back into the network: it answers as before, and training goes on."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from django.core.management import call_command
from onnx import numpy_helper

from models_registry.runtime.session import Session
from models_registry.training.batches import Batches
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.made_sets import no_renderer
from models_registry.training.recipe import Recipe
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import (
    RECIPE,
    Trained,
    needs_torch,
    places,
    recipe_document,
    train,
)

pytestmark = needs_torch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def begun_with(trained: Trained, **schedule: Any) -> dict[str, Any]:
    document = recipe_document(**schedule)
    document["network"]["start"] = "out/rectangles.onnx"
    return document


def net_of(trained: Trained, recipe: Recipe) -> Any:
    sources, _ = with_torch("run").prepare(recipe, places(trained.data), no_renderer, print)
    start = with_torch("start")
    net, new = start.started(recipe, trained.data, trained.data / "other" / "rectangles.onnx")
    start.see(net, Batches(recipe, sources), new)
    return net


def test_exported_loaded_and_exported_it_answers_the_same(trained: Trained, tmp_path: Path) -> None:
    recipe = read_recipe(begun_with(trained))
    with_torch("export").export(net_of(trained, recipe).eval(), recipe, tmp_path / "a.onnx", {})
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 96)).astype(np.float32)
    before, after = (
        Session(x.read_bytes()).run({"images": pixels})[0]
        for x in (trained.path, tmp_path / "a.onnx")
    )
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)


def test_while_it_trains_it_answers_nearly_the_same(trained: Trained, torch: Any) -> None:
    """Normalisations follow the batch then: blank ones would turn the net into another."""
    recipe = read_recipe(begun_with(trained))
    net = net_of(trained, recipe)
    sources, _ = with_torch("run").prepare(recipe, places(trained.data), no_renderer, print)
    pixels = torch.from_numpy(Batches(recipe, sources)[11].pixels).float() / 255
    with torch.no_grad():
        calm = net.eval()(pixels)[:, 4:].sigmoid()
        moved = net.train()(pixels)[:, 4:].sigmoid()
    assert (calm - moved).abs().max() < 0.5
    assert (calm - moved).abs().mean() < 0.01


def test_training_from_it_starts_where_it_had_come_to(trained: Trained) -> None:
    document = begun_with(trained, steps=20, rate=0.001)
    train(trained.data, document, "started")
    del document["network"]["start"]
    train(trained.data, document, "fresh")
    load = with_torch("checkpoint").load
    started, fresh, whole = (
        load(trained.data / x).history["steps"] for x in ("started", "fresh", "out")
    )
    assert started[0]["loss"] < 0.6 * fresh[0]["loss"]
    assert started[0]["loss"] < 1.3 * whole[-1]["loss"]


def test_a_network_of_more_blocks_begins_with_all_that_the_file_knows(
    trained: Trained, torch: Any
) -> None:
    recipe = read_recipe(begun_with(trained))
    more = replace(recipe, network=replace(recipe.network, more_blocks=(0, 1)))
    same, deeper = (net_of(trained, x).eval() for x in (recipe, more))
    assert len(deeper.stages[-1]) == len(same.stages[-1]) + 1
    for name, weight in same.state_dict().items():
        if name.endswith("0.weight"):
            torch.testing.assert_close(deeper.state_dict()[name], weight)
    sources, _ = with_torch("run").prepare(recipe, places(trained.data), no_renderer, print)
    pixels = torch.from_numpy(Batches(recipe, sources)[0].pixels).float() / 255
    known, new = (x(pixels)[:, 4:].sigmoid() for x in (same, deeper))
    assert (known - new).abs().max() > 0
    assert (known - new).abs().mean() < 0.02
    new.sum().backward()
    assert deeper.stages[-1][-1].second[1].weight.grad.abs().max() > 0


def test_a_run_that_goes_on_does_not_begin_again(trained: Trained) -> None:
    asked = iter([False, True])
    document = begun_with(trained, steps=3)
    train(trained.data, document, "parts", stop=lambda: next(asked))
    document["network"]["start"] = "out/rectangles.onnx"
    path, said = train(trained.data, document, "parts", resume=True)
    assert path is not None
    assert "goes on after step 2" in said
    document["network"]["start"] = "out/another.onnx"
    with pytest.raises(TrainingFailed, match=r"network\.start"):
        train(trained.data, document, "parts", resume=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 1.0}, r"net\.stem\.0\.0\.weight \(16, 3, 3, 3\).*got \(8, 3, 3, 3\)"),
        ({"strides": (8, 16, 32)}, "got nothing of that name"),
        ({"stem": "gated_bands"}, "normalisations each follow a convolution"),
    ],
)
def test_a_file_of_another_network_is_told(
    trained: Trained, change: dict[str, Any], words: str
) -> None:
    recipe = read_recipe(begun_with(trained))
    recipe = replace(recipe, network=replace(recipe.network, **change))
    with pytest.raises(TrainingFailed, match=words) as caught:
        net_of(trained, recipe)
    assert caught.value.code == "start_unusable"


def test_the_command_starts_from_a_file(trained: Trained, tmp_path: Path) -> None:
    recipe = tmp_path / "further.toml"
    recipe.write_text(RECIPE.replace("steps = 2", "steps = 1").replace("batch = 2", "batch = 4"))
    words = [str(recipe), "--data", str(trained.data), "--start", str(trained.path)]
    words += ["--out", str(tmp_path / "out"), "--kept", str(tmp_path / "kept")]
    call_command("train", *words, stdout=StringIO(), stderr=StringIO())
    whole, began = (
        with_torch("checkpoint").load(x) for x in (trained.path.parent, tmp_path / "out")
    )
    assert began.recipe["network"]["start"] == str(Path("out", "rectangles.onnx"))
    assert began.history["steps"][0]["loss"] < 2 * whole.history["steps"][-1]["loss"]


def test_an_int8_file_is_for_finetuning(trained: Trained, tmp_path: Path) -> None:
    model = onnx.load(trained.path)
    first = next(x for x in model.graph.initializer if x.name.endswith(".weight"))
    integers = numpy_helper.to_array(first).astype(np.int8)
    first.CopyFrom(numpy_helper.from_array(integers, first.name))
    onnx.save(model, tmp_path / "int8.onnx")
    recipe = read_recipe(begun_with(trained))
    recipe = replace(recipe, network=replace(recipe.network, start=str(tmp_path / "int8.onnx")))
    with pytest.raises(TrainingFailed, match=r"in int8.*finetune takes any other"):
        net_of(trained, recipe)


def test_a_file_that_cannot_be_read_is_told(trained: Trained) -> None:
    recipe = read_recipe(begun_with(trained))
    recipe = replace(recipe, network=replace(recipe.network, start="nowhere.onnx"))
    with pytest.raises(TrainingFailed, match=r"nowhere\.onnx"):
        net_of(trained, recipe)


def test_the_finished_file_is_mixed_with_what_it_began_with(trained: Trained) -> None:
    document = begun_with(trained, steps=3, rate=0.01)
    learnt, _ = train(trained.data, document, "learnt")
    document["network"]["start_share"] = 0.25
    mixed, _ = train(trained.data, document, "mixed")
    began, ended, between = (
        {x.name: numpy_helper.to_array(x) for x in onnx.load(path).graph.initializer}
        for path in (trained.path, learnt, mixed)
    )
    weights = [x for x in between if x.startswith("net.")]
    assert any(np.abs(ended[x] - began[x]).max() > 1e-2 for x in weights)
    for name in weights:
        wanted = 0.25 * began[name] + 0.75 * ended[name]
        np.testing.assert_allclose(between[name], wanted, atol=1e-5)
    assert between.keys() == ended.keys()
    assert "25% of each weight" in mixed.with_suffix(".md").read_text()


@pytest.mark.parametrize("start", [None, "out/rectangles.onnx"])
def test_what_cannot_be_mixed_is_told_before_anything_is_learnt(
    trained: Trained, start: str | None
) -> None:
    document = begun_with(trained)
    document["network"] |= {"start_share": 0.5, "more_blocks": [0, 1], "start": start}
    if start is None:
        del document["network"]["start"]
    with pytest.raises(TrainingFailed, match=r"start_share|every block of the network"):
        train(trained.data, document, "never")
    assert not (trained.data / "never" / "checkpoint.pt").exists()
