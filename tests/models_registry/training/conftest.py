from __future__ import annotations

from pathlib import Path

import pytest

from models_registry.training.extra import with_torch
from tests.models_registry.training.rectangles import Trained, draw_set, recipe_document, train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained once for all tests that only look at it."""
    data = tmp_path_factory.mktemp("trained")
    draw_set(data / "train", 24, seed=1)
    draw_set(data / "valid", 8, seed=2)
    recipe = recipe_document(steps=120, evaluate_every=20) | {"quantize": {"pictures": 16}}
    path, said = train(data, recipe)
    return Trained(data, path, said, with_torch("checkpoint").load(data / "out").history)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A few pictures to learn from, and fewer to be examined on."""
    draw_set(tmp_path / "train", 4, seed=1)
    draw_set(tmp_path / "valid", 2, seed=2)
    return tmp_path
