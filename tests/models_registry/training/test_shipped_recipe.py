"""The recipe of the detector that ships, on few of its pictures and for few steps."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from models_registry.builtin import PARENT
from models_registry.training.extra import with_torch
from models_registry.training.recipe import AugmentationRecipe, Recipe
from models_registry.training.recipe_file import load_recipe
from tests.models_registry.training.rectangles import needs_torch
from tests.shared_data import SHARED, needs_shared_data

pytestmark = [needs_torch, needs_shared_data]
RECIPE = Path(__file__).parents[3] / "recipes" / "detector-pasted.toml"

AS_THEY_ARE = AugmentationRecipe(
    mosaic=0,
    scale=(0.95, 1.05),
    aspect=0,
    flip=0,
    colour=0,
    blur=0,
    noise=0,
    rain=0,
    snow=0,
    fog=0,
    night=0,
)


def shortened(steps: int) -> Recipe:
    """Two of its sources, begun with the file that ships, examined on what it learns from."""
    recipe = load_recipe(RECIPE)
    sources = tuple(replace(x, most=24) for x in recipe.sources if x.name in ("highway", "cctv"))
    schedule = replace(
        recipe.schedule,
        steps=steps,
        batch=8,
        rate=0.0005,  # what is learnt already is not to be lost in so few steps
        warm_up_steps=5,
        average=0.9,
        evaluate_every=steps,
        precision="float32",
        workers=0,
        threads=1,
    )
    start = os.path.relpath(PARENT, SHARED)
    return replace(
        recipe,
        sources=sources,
        evaluation=sources,
        schedule=schedule,
        network=replace(recipe.network, start=start),
        augmentation=AS_THEY_ARE,
    )


def test_it_gets_better_on_what_it_is_shown(tmp_path: Path) -> None:
    run, examine = with_torch("run"), with_torch("evaluation").examine
    recipe, said = shortened(steps=60), list[str]()
    places = run.Places(SHARED, tmp_path / "out", tmp_path / "kept")
    path = run.train(recipe, places, distil=True, said=said.append)
    assert path is not None
    _, examinations = run.prepare(recipe, places, None, said.append)
    before, after = (
        [examine(x, examination).mean_ap50 for examination in examinations] for x in (PARENT, path)
    )
    assert sum(after) > sum(before), (before, after)
    small = path.with_name(f"{path.stem}-int8.onnx")
    assert small.stat().st_size < 0.5 * path.stat().st_size
    card = path.with_suffix(".md").read_text()
    assert "recipe" in card.lower()
    assert "448 × 256 or 384 × 288 or 352 × 352" in card
