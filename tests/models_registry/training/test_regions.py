from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models_registry.runtime.attention_regions import RegionModel
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.labelled import Objects, make_objects
from models_registry.training.regions_cameras import CameraStills
from models_registry.training.regions_pairs import Pair, Pairs
from models_registry.training.regions_recipe import (
    PairRecipe,
    load_regions_recipe,
    read_regions_recipe,
)
from tests.models_registry.runtime.region_models import save_lamp_finder
from tests.models_registry.training.rectangles import needs_torch

RECIPES = Path(__file__).parents[3] / "recipes"
CAR = 3


def document(**changes: Any) -> dict[str, Any]:
    source = {"name": "street", "format": "stills", "path": "videos", "every": 1}
    return {
        "name": "regions",
        "teacher": {"path": "lamps.onnx", "sure": 0.4, "soften": 0.0},
        "schedule": {"steps": 60, "batch": 16, "rate": 0.02, "warm_up_steps": 5, "average": 0.8},
        "network": {"input_width": 208, "input_height": 128, "channels": 8},
        "pairs": {"pool": 120, "paste": 0.0, "still": 0.1},
        "source": [source],
        "evaluation": [source],
        **changes,
    }


def camera(places: list[tuple[int, int]], side: int = 24) -> CameraStills:
    """A light square on grey, at these places one after another."""
    pictures, objects = [], list[Objects]()
    for x, y in places:
        picture = np.full((128, 208), 100, np.uint8)
        picture[y : y + side, x : x + side] = 220
        pictures.append(picture)
        box = (x / 208, y / 128, (x + side) / 208, (y + side) / 128)
        objects.append(make_objects([(box, CAR, 1.0, False)]))
    return CameraStills("square", tuple(pictures), tuple(objects))


def pairs_of(cameras: list[CameraStills], **changes: Any) -> Pairs:
    recipe = read_regions_recipe(document())
    return Pairs(replace(recipe, pairs=replace(recipe.pairs, **changes)), cameras, [])


def two_of(pairs: Pairs) -> Pair:
    """An example, as the camera gave it, of two pictures that are not the same one."""
    random = np.random.default_rng(1)
    made = (pairs.make(random, plain=True) for _ in range(50))
    return next(x for x in made if (x.pictures[0] != x.pictures[1]).any())


def test_what_moved_is_a_mark_where_it_was_and_where_it_is() -> None:
    pair = two_of(pairs_of([camera([(0, 0), (160, 96)])]))
    assert pair.target[:3, :3].tolist() == [[1] * 3] * 3
    assert pair.target[12:15, 20:23].tolist() == [[1] * 3] * 3
    assert (pair.target == 1).sum() == 18
    assert (pair.target == 0).sum() == pair.target.size - 18
    assert sorted(x.tolist() for x in pair.boxes) == [[0, 0, 24, 24], [160, 96, 184, 120]]


def test_what_stands_still_is_no_mark_whatever_the_light_does() -> None:
    pairs = pairs_of([camera([(80, 40)] * 4)], cloud=1.0, noise=20.0, light=0.5)
    random = np.random.default_rng(1)
    made = [pairs.make(random) for _ in range(20)]
    assert all((x.target == 0).all() and not len(x.boxes) for x in made)
    assert all(np.abs(x.pictures[0] - x.pictures[1]).mean() > 1 for x in made)


def test_what_may_have_moved_counts_neither_way() -> None:
    pair = two_of(pairs_of([camera([(80, 40), (81, 40)])]))
    assert not len(pair.boxes)
    assert (pair.target[5:8, 10:13] == -1).all()
    assert (pair.target == 1).sum() == 0


def test_an_object_that_changes_no_pixel_is_asked_of_nobody() -> None:
    unseen = camera([(0, 0), (160, 96)])
    grey = tuple(np.full_like(x, 100 + n) for n, x in enumerate(unseen.pictures))
    pair = two_of(pairs_of([replace(unseen, pictures=grey)]))
    assert not len(pair.boxes)
    assert (pair.target != 1).all()


def test_a_pasted_object_is_a_mark() -> None:
    recipe = read_regions_recipe(document())
    recipe = replace(recipe, pairs=replace(recipe.pairs, paste=1.0, part=(104, 64)))
    cut = np.full((30, 60), 250, np.uint8)
    pairs, random = Pairs(recipe, [camera([(0, 0)] * 2)], [cut]), np.random.default_rng(1)
    made = [pairs.make(random) for _ in range(30)]
    assert sum(bool((x.target == 1).any()) for x in made) > 20


def test_examples_follow_from_the_seed_alone() -> None:
    pairs = pairs_of([camera([(10, 10), (60, 40), (150, 90)])])
    first, again = (pairs.make(np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.pictures, again.pictures)
    assert np.array_equal(first.target, again.target)


def test_the_shipped_recipe_can_be_read() -> None:
    recipe = load_regions_recipe(RECIPES / "attention.toml")
    assert recipe.name == "attention"
    used = {url for x in recipe.sources for url in x.urls}
    examined = {url for x in recipe.evaluation for url in x.urls}
    assert examined
    assert not used & examined


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"network": {"input_width": 100}}, "multiples of 8"),
        ({"pairs": {"part": [100, 60]}}, "multiples of 8"),
        ({"pairs": {"noise": 500}}, "pairs.noise"),
        ({"source": {}}, "source"),
        ({"source": [{"name": "x", "format": "yolo", "path": "x"}]}, "cameras"),
        ({"more": 1}, "recipe"),
        ({"name": 3}, "name"),
    ],
)
def test_a_recipe_that_asks_for_the_impossible_is_refused(
    changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(TrainingFailed, match=place):
        read_regions_recipe(document(**changes))


def test_every_pair_wish_has_its_limits() -> None:
    assert set(PairRecipe.LIMITS) == {field.name for field in fields(PairRecipe)}


def _film(path: Path, places: Iterator[tuple[int, int]]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (416, 256))
    for x, y in places:
        frame = np.full((256, 416, 3), 60, np.uint8)
        frame[y : y + 32, x : x + 32] = 250
        writer.write(frame)
    writer.release()


@needs_torch
def test_a_short_training_makes_a_model_that_marks_what_moves(tmp_path: Path) -> None:
    contract = save_lamp_finder(tmp_path / "lamps.onnx")
    stated = contract.to_json() | {"labels": ["car"]}
    (tmp_path / "lamps.json").write_text(json.dumps(stated))
    (tmp_path / "videos").mkdir()
    _film(tmp_path / "videos" / "a.mp4", ((16 * n, 64) for n in range(20)))
    _film(tmp_path / "videos" / "b.mp4", ((320 - 16 * n, 160) for n in range(18)))
    regions, said = with_torch("regions"), list[str]()
    places = with_torch("run").Places(data=tmp_path, kept=tmp_path / "kept", out=tmp_path / "out")
    path = regions.train_regions(read_regions_recipe(document()), places, None, said.append)
    assert path.stat().st_size <= 64 * 1024
    assert "2 cameras to learn from, 38 stills" in "\n".join(said)
    assert "changed objects" in path.with_suffix(".md").read_text()
    model = RegionModel(path)
    frame = np.full((256, 416, 3), 60, np.uint8)
    model.see(frame)
    model.looked()
    assert model.marks().mean() < 0.1
    frame[96:128, 192:224] = 250
    model.see(frame)
    here = model.cells(np.array([[192, 96, 224, 128]], np.float32))
    assert model.marks()[here].any()
    assert model.marks()[~here].mean() < 0.2
