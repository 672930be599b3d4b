"""Classes that are taken for each other are named as often as they are labelled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import (
    NAMES,
    Trained,
    needs_torch,
    places,
    recipe_document,
    train,
)

pytestmark = needs_torch


def asking(**adjust: Any) -> dict[str, Any]:
    return recipe_document(steps=4) | {"adjust": {"classes": list(NAMES), **adjust}}


def test_a_shift_names_each_class_as_often_as_it_is_labelled() -> None:
    rng = np.random.default_rng(3)
    kind = rng.choice(3, 3000, p=[0.8, 0.15, 0.05])
    logits = rng.normal(0, 1, (3000, 3)).astype(np.float32)
    logits[:, 0] += 1.5  # the common class is named in doubt
    logits[np.arange(3000), kind] += 1.0
    before = np.bincount(logits.argmax(1), minlength=3)
    moved = with_torch("adjustment").shift(logits, kind)
    after, true = np.bincount((logits + moved).argmax(1), minlength=3), np.bincount(kind)
    assert before[1] < 0.6 * true[1]
    assert after == pytest.approx(true, rel=0.03)
    assert float((moved * true).sum()) / 3000 == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("count", [0, 2])
def test_a_few_labels_prove_nothing(count: int) -> None:
    logits = np.tile(np.array([[1.0, 0.0]], np.float32), (count, 1))
    moved = with_torch("adjustment").shift(logits, np.ones(count, np.int64))
    assert moved.tolist() == [0.0, 0.0]


def test_a_file_that_names_everything_the_same_is_put_right(
    trained: Trained, tmp_path: Path
) -> None:
    adjustment, recipe = with_torch("adjustment"), read_recipe(asking(pictures=64))
    spoilt = Path(shutil.copy(trained.path, tmp_path / "rectangles.onnx"))
    model = onnx.load(spoilt)
    for held in model.graph.initializer:
        if held.name.endswith("kinds.bias"):
            bias = numpy_helper.to_array(held) + np.array([3.0, *[0.0] * (len(NAMES) - 1)])
            held.CopyFrom(numpy_helper.from_array(bias.astype(np.float32), held.name))
    onnx.save(model, spoilt)
    sources, _ = with_torch("run").prepare(
        replace(recipe, evaluation=()), places(trained.data), None, lambda said: None
    )
    batches = with_torch("batches").calm_batches(recipe, sources, 64)

    start, count = with_torch("start"), len(NAMES)

    def looked() -> Any:
        net = with_torch("network").DetectorNet(recipe.network, count)
        start.take_weights(net, start.constants_of(spoilt), spoilt.name)
        return adjustment.sightings(net.eval(), batches, list(range(count)))

    def biases() -> np.ndarray:
        heads = range(len(recipe.network.strides))
        held = start.constants_of(spoilt)
        return np.stack([held[f"{start.PREFIX}heads.{x}.kinds.bias"] for x in heads])

    def named(logits: np.ndarray) -> np.ndarray:
        return np.bincount(logits.argmax(1), minlength=count)

    seen, were = looked(), biases()
    true, before = np.bincount(seen.kind, minlength=count), named(seen.logits)
    adjustment.adjust(spoilt, recipe, sources)
    assert before[0] > 1.2 * true[0]
    moved = (biases() - were)[seen.stride]
    assert named(seen.logits + moved) == pytest.approx(true, abs=3)
    # Looked at anew it is not quite so many: an object's best cell may be another one.
    assert abs(named(looked().logits)[0] - true[0]) < 0.2 * abs(before[0] - true[0])


def test_a_recipe_that_asks_for_it_says_so_on_the_card(data: Path) -> None:
    path, said = train(data, asking(pictures=8))
    assert any("taken for each other" in x for x in said)
    assert f"{', '.join(NAMES)}: each named as often" in path.with_suffix(".md").read_text()


def test_a_finished_file_is_adjusted_without_learning(trained: Trained) -> None:
    document = asking(pictures=64, alone=True)
    document["network"]["start"] = "out/rectangles.onnx"
    document["quantize"] = {"pictures": 8}
    path, said = train(trained.data, document, "adjusted")
    before, after = (
        {x.name: numpy_helper.to_array(x) for x in onnx.load(file).graph.initializer}
        for file in (trained.path, path)
    )
    weights = [x for x in before if x.startswith("net.") and not x.endswith("kinds.bias")]
    for name in weights:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-5, atol=1e-6)
    assert any("step 0 valid" in x for x in said)
    card = path.with_suffix(".md").read_text()
    assert "none, as the file it was begun with" in card
    assert "The figures are those of this file" in card
    assert path.with_name("rectangles-int8.onnx").is_file()
    assert path.with_suffix(".html").is_file()


def test_adjusting_alone_needs_a_file(data: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"network\.start.*--start"):
        train(data, asking(alone=True))


def test_a_finished_training_may_be_adjusted_later(data: Path) -> None:
    """The figures are then those of the adjusted file."""
    plain = asking(pictures=8)
    asked = plain.pop("adjust")
    train(data, plain)
    path, said = train(data, plain | {"adjust": asked}, resume=True)
    history = with_torch("checkpoint").load(data / "out").history
    assert any("taken for each other" in x for x in said)
    assert [x["step"] for x in history["evaluations"]] == [4]
    assert "adjusted" in path.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("adjust", "expected"),
    [
        ({"classes": ["car"]}, "two or more"),
        ({"classes": ["car", "submarine"]}, "two or more"),
        ({"classes": ["car", "car"]}, "two or more"),
        ({"pictures": 0}, "8 to"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(adjust: dict[str, Any], expected: str) -> None:
    with pytest.raises(TrainingFailed, match=expected):
        read_recipe(asking(**adjust))


def test_a_class_that_nobody_labelled_is_refused_before_anything_is_learnt(data: Path) -> None:
    document = asking()
    document["classes"] = [*NAMES, "submarine"]
    document["adjust"]["classes"] = [NAMES[0], "submarine"]
    with pytest.raises(TrainingFailed, match=r"adjust\.classes.*submarine"):
        train(data, document)
    assert not (data / "out" / "checkpoint.pt").exists()
