from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.training.classifier_recipe import load_training
from models_registry.training.errors import TrainingFailed
from models_registry.training.recipe import Recipe
from models_registry.training.recipe_file import load_recipe, read_recipe
from models_registry.training.regions_recipe import load_regions_recipe
from tests.models_registry.training.rectangles import recipe_document
from tests.shared_data import ROOT

Change = Callable[[dict[str, Any]], object]


READERS: dict[str, Callable[[Path], Any]] = {"attention": load_regions_recipe}


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda x: x.stem)
def test_the_recipes_that_ship_can_be_read(path: Path) -> None:
    recipe = READERS.get(path.stem, load_training)(path)
    assert recipe.name
    if isinstance(recipe, Recipe):
        assert recipe.evaluation
        assert recipe.classes == ("person", "bicycle", "motorcycle", "car", "bus", "truck")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.update(colour=1), r"recipe: expected fields among .*, got \['colour'\]"),
        (lambda x: x.pop("schedule"), r"\[schedule\] with steps"),
        (lambda x: x["schedule"].pop("steps"), "schedule: expected the fields"),
        (lambda x: x["schedule"].update(steps="many"), "schedule.steps: expected a whole number"),
        (lambda x: x["schedule"].update(steps=0), "schedule.steps: expected 1 to 1e"),
        (lambda x: x["schedule"].update(steps=True), "schedule.steps: expected a whole number"),
        (lambda x: x["schedule"].update(device="tpu"), "schedule.device: expected one of"),
        (lambda x: x["schedule"].update(stepps=3), "schedule: expected fields among"),
        (lambda x: x["network"].update(strides=[8, 64]), "network.strides: expected one of"),
        (lambda x: x["network"].update(more_blocks=[0, 1, 2]), r"one number for each of \[8, 16\]"),
        (lambda x: x["network"].update(input_width=100), "network.input_width: expected a multip"),
        (lambda x: x["network"].update(canvases=[[64, 100]]), r"canvases\[0\]: expected multiples"),
        (lambda x: x["network"].update(canvases=[[64]]), r"canvases\[0\]: expected 2 values"),
        (lambda x: x["network"].update(canvases=[[64, 0]]), r"canvases\[0\]: expected multiples"),
        (
            lambda x: x["augmentation"].update(scale=[2, 1]),
            "augmentation.scale: expected the small",
        ),
        (lambda x: x["augmentation"].update(scale=[1]), "augmentation.scale: expected 2 values"),
        (lambda x: x["augmentation"].update(flip=1.5), "augmentation.flip: expected 0 to 1"),
        (lambda x: x["source"][0].update(format="voc"), r"source\[0\].format: expected one of"),
        (lambda x: x["source"][0].pop("labelled"), r"source\[0\].labelled: expected the classes"),
        (lambda x: x["source"][0].update(labelled=["dog"]), r"got \['dog'\]"),
        (lambda x: x["source"][0].update(path=""), r"source\[0\].path: expected a folder"),
        (lambda x: x["source"][0].update(format="stills"), r"source\[0\]: expected a \[teacher\]"),
        (lambda x: x["source"][0].update(format="simulation"), r"source\[0\].urls: expected sim"),
        (
            lambda x: x["source"][0].update(format="crops", names=[]),
            r"source\[0\].names: expected a folder",
        ),
        (lambda x: x.update(source=[]), r"expected at least one \[\[source\]\], got none$"),
        (
            lambda x: x["source"].append(x["source"][0]),
            r"source\[1\].name: expected names that differ, got 'train'",
        ),
        (
            lambda x: x["evaluation"].append(x["evaluation"][0]),
            r"evaluation\[1\].name: expected names that differ, got 'valid'",
        ),
        (
            lambda x: x["source"][0].update(rename={"van": "lorry"}),
            r"source\[0\].rename: expected words for classes among .*, got \['truck'\]",
        ),
        (
            lambda x: x["schedule"].update(multi_scale=[]),
            r"schedule.multi_scale: expected at least one value, got \[\]",
        ),
        (lambda x: x.update(name="../x"), r"name: expected a name of letters, .*, got '\.\./x'"),
        (lambda x: x.pop("name"), "name: expected a name of letters, .* got none$"),
        (lambda x: x.update(classes=[]), r"classes: expected at least one class, got \[\]"),
        (lambda x: x.update(classes=["car", "Car"]), "classes: expected names that differ"),
        (lambda x: x.update(seed=-1), "seed: expected 0 or more"),
        (
            lambda x: x.update(teacher={"path": "x", "least": 0.5}),
            "teacher.least: expected at most",
        ),
    ],
)
def test_a_wrong_recipe_is_told_what_and_where(change: Change, words: str) -> None:
    document = recipe_document()
    change(document)
    with pytest.raises(TrainingFailed, match=words) as caught:
        read_recipe(document)
    assert caught.value.code == "recipe_invalid"


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x["evaluation"][0].update(name="train"),  # learnt from and examined on
        lambda x: x["source"][0].update(rename={"van": "dont care"}, ignored=["Dont_care"]),
        lambda x: x["source"][0].update(labelled=[], names=[]),
        lambda x: x["network"].update(more_blocks=[], canvases=[]),
    ],
)
def test_what_is_unusual_and_meant_is_taken(change: Change) -> None:
    document = recipe_document()
    change(document)
    assert read_recipe(document).name == "rectangles"


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("steps = = 3")
    with pytest.raises(TrainingFailed, match=r"r\.toml: expected TOML"):
        load_recipe(path)
    with pytest.raises(TrainingFailed, match="expected a file"):
        load_recipe(tmp_path / "none.toml")
