from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models_registry.training.batches import Batches
from models_registry.training.geometry import Drawn
from models_registry.training.labelled import (
    LabelledPicture,
    LabelledSource,
    Objects,
    make_objects,
)
from models_registry.training.pasting import LEAST_SEEN, MOST, Stock
from models_registry.training.pictures import PictureStore
from models_registry.training.recipe_file import read_recipe
from models_registry.training.sources import read_source
from tests.models_registry.training.rectangles import NAMES, draw_set, recipe_document

BLUE, GREY = (255, 0, 0), 90
KNOWN = np.array([True, False])
BLUE_BOX = (60 / 200, 30 / 120, 110 / 200, 90 / 120)


def stock(tmp_path: Path, objects: Objects, *, paste: bool = True) -> Stock:
    """Of one grey picture with a blue rectangle."""
    picture = np.full((120, 200, 3), GREY, np.uint8)
    cv2.rectangle(picture, (60, 30), (109, 89), BLUE, -1)
    path = tmp_path / "blue.png"
    cv2.imwrite(str(path), picture)
    source = LabelledSource("blue", (LabelledPicture(path, objects, KNOWN),), 1.0, paste)
    return Stock([source], PictureStore([path], (400, 400), 10))


def canvas(objects: Objects | None = None) -> Drawn:
    picture = np.full((256, 448, 3), GREY, np.uint8)
    return Drawn(picture, objects or make_objects([]), KNOWN)


def blueness(picture: np.ndarray) -> np.ndarray:
    return picture[..., 0].astype(int) - picture[..., 2]


@pytest.mark.parametrize("seed", range(12))
def test_a_pasted_object_lies_in_its_box_and_nowhere_else(tmp_path: Path, seed: int) -> None:
    found = stock(tmp_path, make_objects([(BLUE_BOX, 0, 1.0, False)]))
    before = canvas()
    laid = found.lay_on(before, np.random.default_rng(seed))
    assert (before.picture == GREY).all()  # what was given is not written into
    assert 1 <= len(laid.objects) <= MOST
    blue = blueness(laid.picture)
    outside = blue.copy()
    for box in laid.objects.xyxy:
        x1, y1, x2, y2 = box.round().astype(int)
        core = blue[y1 + 2 : y2 - 2, x1 + (x2 - x1) // 4 : x2 - (x2 - x1) // 4]
        assert core.mean() > 150
        outside[max(0, y1 - 3) : y2 + 3, max(0, x1 - 3) : x2 + 3] = 0
    assert outside.max() < 60


@pytest.mark.parametrize("seed", range(12))
def test_what_was_there_stays_in_sight(tmp_path: Path, seed: int) -> None:
    found = stock(tmp_path, make_objects([(BLUE_BOX, 0, 1.0, False)]))
    rows = [((40.0 + 90 * i, 80.0, 110.0 + 90 * i, 180.0), 1, 1.0, False) for i in range(4)]
    laid = found.lay_on(canvas(make_objects(rows)), np.random.default_rng(seed))
    assert laid.objects.kind[:4].tolist() == [1] * 4
    for box in laid.objects.xyxy[:4].astype(int):
        hidden = blueness(laid.picture)[box[1] : box[3], box[0] : box[2]] > 80
        assert hidden.mean() <= MOST * (1 - LEAST_SEEN)


@pytest.mark.parametrize(
    "objects",
    [
        make_objects([(BLUE_BOX, 0, 1.0, True)]),  # counts neither way
        make_objects([(BLUE_BOX, 0, 0.4, False)]),  # a teacher's guess
        make_objects([((0.3, 0.3, 0.33, 0.33), 0, 1.0, False)]),  # too small to be seen
        make_objects([(BLUE_BOX, 0, 1.0, False), (BLUE_BOX, 1, 1.0, False)]),  # two in one
    ],
    ids=["ignored", "unsure", "small", "crowded"],
)
def test_unfit_objects_stay_where_they_are(tmp_path: Path, objects: Objects) -> None:
    laid = stock(tmp_path, objects).lay_on(canvas(), np.random.default_rng(0))
    assert len(laid.objects) == 0
    assert (laid.picture == GREY).all()


def test_only_sources_that_say_so_are_pasted(tmp_path: Path) -> None:
    found = stock(tmp_path, make_objects([(BLUE_BOX, 0, 1.0, False)]), paste=False)
    assert len(found.lay_on(canvas(), np.random.default_rng(0)).objects) == 0


@pytest.mark.parametrize("paste", [False, True])
def test_a_recipe_asks_for_it(tmp_path: Path, paste: bool) -> None:
    draw_set(tmp_path / "train", 6)
    document = recipe_document()
    document["augmentation"] = {"mosaic": 0.0, "paste": float(paste), "scale": [1.0, 1.0]}
    document["schedule"]["calm_share"] = 0.25
    document["source"][0]["paste"] = paste
    recipe = read_recipe(document)
    batches = Batches(recipe, (read_source(recipe.sources[0], NAMES, tmp_path / "train"),))

    def objects(step: int) -> float:
        return len(batches[step].rows) / recipe.schedule.batch

    last = recipe.schedule.steps - 1
    assert (objects(0) > 3) == paste  # a picture has one to three of its own
    assert objects(last) <= 3  # the end is calm
