from __future__ import annotations

from pathlib import Path

import pytest

from models_registry.training.errors import TrainingFailed
from models_registry.training.recipe_file import load_recipe
from models_registry.training.recipe_toml import read_toml
from tests.models_registry.training.rectangles import RECIPE


def write(folder: Path, **files: str) -> Path:
    """The last one's path."""
    for name, text in files.items():
        path = folder / f"{name}.toml"
        path.write_text(text)
    return path


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path: Path) -> None:
    first = RECIPE
    second = """
base = "first.toml"
seed = 2
[schedule]
steps = 7
[[source]]
name = "train"
share = 3
[[source]]
name = "more"
format = "stills"
path = "more"
[teacher]
path = "teacher.onnx"
"""
    third = 'base = "second.toml"\nclasses = ["bus", "car"]\n[[source]]\nname = "more"\nshare = 1\n'
    recipe = load_recipe(write(tmp_path, first=first, second=second, third=third))
    below = load_recipe(tmp_path / "first.toml")
    assert (recipe.name, recipe.seed, recipe.classes) == ("short", 2, ("bus", "car"))
    assert (recipe.schedule.steps, recipe.schedule.batch) == (7, below.schedule.batch)
    assert recipe.network == below.network
    assert [(x.name, x.format, x.share) for x in recipe.sources] == [
        ("train", "yolo", 3.0),
        ("more", "stills", 1.0),
    ]
    assert recipe.sources[0].labelled == below.sources[0].labelled


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"one": 'base = "gone.toml"'}, "gone.toml: expected a file that can be read"),
        ({"one": "base = 7"}, "one.toml: base: expected the name of a recipe's file, got 7"),
        ({"one": 'base = "one.toml"'}, "base: expected a recipe that does not build on this one"),
        (
            {"two": 'base = "one.toml"', "one": 'base = "two.toml"'},
            "two.toml: base: expected a recipe that does not build on this one",
        ),
        ({"two": "a = ", "one": 'base = "two.toml"'}, "two.toml: expected TOML"),
    ],
)
def test_a_base_that_cannot_be_is_refused(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    with pytest.raises(TrainingFailed) as refused:
        read_toml(write(tmp_path, **files))
    assert refused.value.code == "recipe_invalid"
    assert words in str(refused.value)


def test_a_list_of_plain_values_is_replaced_and_a_table_for_a_value_is_told(tmp_path: Path) -> None:
    first = 'name = "x"\nclasses = ["a", "b"]\n[schedule]\nsteps = 3\n'
    path = write(tmp_path, first=first, second='base = "first.toml"\nclasses = ["c"]\nschedule = 4')
    assert read_toml(path) == {"name": "x", "classes": ["c"], "schedule": 4}
    with pytest.raises(TrainingFailed, match="schedule: expected a table"):
        load_recipe(path)
