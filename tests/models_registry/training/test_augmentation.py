from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.training.batches import Batches
from models_registry.training.geometry import Drawn, four_pictures, one_picture
from models_registry.training.labelled import LabelledSource, make_objects
from models_registry.training.recipe import AugmentationRecipe, Recipe
from models_registry.training.recipe_file import read_recipe
from models_registry.training.sources import read_source
from models_registry.training.weather import EFFECTS, weathered
from tests.models_registry.training.rectangles import NAMES, draw_set, recipe_document

BLUE = np.array([255, 0, 0])
CANVAS = (160, 96)
LABELLED = np.array([True, False])


def marked(seed: int, width: int = 200, height: int = 120) -> Drawn:
    """A grey picture with a blue rectangle, which is its only object."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 90, np.uint8)
    x, y = int(rng.integers(10, width - 70)), int(rng.integers(10, height - 60))
    picture[y : y + 40, x : x + 50] = BLUE
    share = (x / width, y / height, (x + 50) / width, (y + 40) / height)
    return Drawn(picture, make_objects([(share, 0, 1.0, False)]), LABELLED)


def blue_box(picture: np.ndarray) -> tuple[float, float, float, float]:
    """Round the pixels that are more blue than grey."""
    blue = picture[..., 0].astype(int) - picture[..., 2] > 90
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.mark.parametrize("seed", range(40))
def test_boxes_stay_on_their_objects(seed: int) -> None:
    recipe = AugmentationRecipe(scale=(0.4, 2.5), keep_share=0.0, least_side_px=0.0)
    drawn = one_picture(marked(seed), *CANVAS, recipe, np.random.default_rng(seed))
    assert drawn.picture.shape == (CANVAS[1], CANVAS[0], 3)
    if not len(drawn.objects):
        assert not (drawn.picture[..., 0].astype(int) - drawn.picture[..., 2] > 90).any()
        return
    np.testing.assert_allclose(blue_box(drawn.picture), drawn.objects.xyxy[0], atol=1.3)


@pytest.mark.parametrize("seed", range(10))
def test_four_pictures_in_one_keep_their_boxes_and_what_is_not_known(seed: int) -> None:
    recipe = AugmentationRecipe(scale=(0.9, 1.1), keep_share=0.0, least_side_px=0.0)
    masks = iter([LABELLED, ~LABELLED, LABELLED, LABELLED])

    def draw() -> Drawn:
        return replace(marked(seed), labelled=next(masks))

    drawn = four_pictures(draw, *CANVAS, recipe, np.random.default_rng(seed))
    assert drawn.labelled.all()
    objects, regions = (drawn.objects.select(x) for x in _split(drawn))
    for box in objects.xyxy.round().astype(int):
        inside = drawn.picture[box[1] + 2 : box[3] - 2, box[0] + 2 : box[2] - 2]
        if inside.size:
            np.testing.assert_allclose(inside.reshape(-1, 3).mean(axis=0), BLUE, atol=12)
    # Three corners do not know the second class, one does not know the first.
    assert sorted(regions.kind.tolist()) == [0, 1, 1, 1]
    area = (regions.xyxy[:, 2] - regions.xyxy[:, 0]) * (regions.xyxy[:, 3] - regions.xyxy[:, 1])
    assert area.sum() == pytest.approx(CANVAS[0] * CANVAS[1])


def _split(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    return ~drawn.objects.ignored, drawn.objects.ignored


def test_what_hardly_shows_counts_neither_way() -> None:
    picture = np.full((96, 160, 3), 90, np.uint8)
    objects = make_objects(
        [((0.0, 0.4, 0.1, 0.6), 0, 1.0, False), ((0.5, 0.5, 0.505, 0.51), 0, 1.0, False)]
    )
    recipe = AugmentationRecipe(scale=(1.0, 1.0), aspect=0.0, flip=0.0, least_side_px=3.0)
    same = one_picture(Drawn(picture, objects, LABELLED), *CANVAS, recipe, _rng())
    assert same.objects.ignored.tolist() == [False, True]  # .8 by 1 pixel
    wide = AugmentationRecipe(scale=(8.0, 8.0), aspect=0.0, flip=0.0, keep_share=0.999)
    for seed in range(30):
        near = one_picture(
            Drawn(picture, objects, LABELLED), *CANVAS, wide, np.random.default_rng(seed)
        )
        whole = near.objects.xyxy[:, 2] - near.objects.xyxy[:, 0] > 127
        assert (near.objects.ignored | whole | (near.objects.xyxy[:, 2] < 161)).all()


@pytest.mark.parametrize("name", EFFECTS)
def test_weather_changes_the_picture_and_nothing_else(name: str) -> None:
    picture = np.random.default_rng(0).integers(60, 200, (96, 160, 3), np.uint8)
    before, boxes = picture.copy(), np.array([[20, 20, 90, 80]], np.float32)
    only = AugmentationRecipe(**{x: float(x == name) for x in EFFECTS})
    first, second = (weathered(picture, boxes, only, np.random.default_rng(5)) for _ in range(2))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(picture, before)
    assert np.array_equal(first, second)  # by its seed alone
    assert np.abs(first.astype(int) - before).mean() > 1


def test_hue_turns_colours_and_keeps_brightness() -> None:
    picture = np.random.default_rng(0).integers(100, 150, (24, 40, 3), np.uint8)
    turned = EFFECTS["hue"](picture, np.zeros((0, 4), np.float32), _rng())
    brightness = [x.astype(float).mean(axis=2) for x in (picture, turned)]
    np.testing.assert_allclose(brightness[0], brightness[1], atol=1)
    grey = np.full((4, 4, 3), 77, np.uint8)
    assert np.abs(EFFECTS["hue"](grey, np.zeros((0, 4), np.float32), _rng()) - 77.0).max() <= 1


def test_fog_takes_contrast_and_night_takes_light() -> None:
    picture = np.random.default_rng(0).integers(60, 200, (96, 160, 3), np.uint8)
    none = np.zeros((0, 4), np.float32)
    foggy = EFFECTS["fog"](picture, none, _rng()).astype(float)
    assert foggy[:30].std() < 0.9 * foggy[-30:].std()
    assert foggy[-30:].std() < picture[-30:].std()
    assert EFFECTS["night"](picture, none, _rng()).mean() < 0.6 * picture.mean()


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Recipe, tuple[LabelledSource, ...]]:
    draw_set(tmp_path / "train", 6)
    document = recipe_document()
    document["augmentation"]["mosaic"] = 0.5
    document["schedule"]["multi_scale"] = [1.0, 1.5]
    recipe = read_recipe(document)
    return recipe, (read_source(recipe.sources[0], NAMES, tmp_path / "train"),)


def test_a_batch_depends_on_seed_and_step_alone(
    sources: tuple[Recipe, tuple[LabelledSource, ...]],
) -> None:
    recipe, found = sources
    first, again = Batches(recipe, found), Batches(recipe, found)
    for step in (4, 0):
        one, other = first[step], again[step]
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.ignored, other.ignored)
    other_seed = Batches(replace(recipe, seed=2), found)[0]
    assert one.pixels.shape != other_seed.pixels.shape or (one.pixels != other_seed.pixels).any()


def test_batches_have_the_sizes_and_numbers_that_the_net_needs(
    sources: tuple[Recipe, tuple[LabelledSource, ...]],
) -> None:
    recipe, found = sources
    batches = Batches(recipe, found)
    shapes = set()
    for step in range(12):
        batch = batches[step]
        count, _, height, width = batch.pixels.shape
        shapes.add((width, height))
        assert count == recipe.schedule.batch
        assert batch.labelled.shape == (count, 2)
        assert batch.rows.shape[1:] == (7,)
        assert (batch.rows[:, 0] < count).all()
        assert (batch.rows[:, 2:6] >= 0).all()
        assert (batch.rows[:, 4] <= width).all()
        assert (batch.rows[:, 5] <= height).all()
    assert shapes == {(96, 64), (144, 96)}
    with pytest.raises(IndexError):
        batches[len(batches)]


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)
