"""A teacher whose cells are the student's: it is followed in each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed
from tests.models_registry.training.rectangles import (
    HEIGHT,
    WIDTH,
    Trained,
    needs_torch,
    recipe_document,
    train,
)

pytestmark = needs_torch


def taught_document(teacher: Path, **fields: Any) -> dict[str, Any]:
    """A narrower net, few steps."""
    document = recipe_document(steps=25)
    document["network"]["width"] = 0.25
    document["evaluation"] = []
    document["teacher"] = {"path": str(teacher.resolve()), **fields}
    return document


def scores(path: Path) -> np.ndarray:
    rng = np.random.default_rng(2)
    pixels = rng.integers(90, 140, (1, 3, HEIGHT, WIDTH)).astype(np.float32)
    pixels[:, :, 20:40, 30:60] = np.array([220, 40, 40])[None, :, None, None]
    return Session(path.read_bytes()).run({"images": pixels})[0][0, 4:]


def test_a_student_comes_closer_to_its_teacher_in_every_cell(
    trained: Trained, tmp_path: Path
) -> None:
    meant = scores(trained.path)
    apart = {}
    for cells in (0.0, 4.0):
        document = taught_document(trained.path, cells=cells)
        path, _ = train(trained.data, document, out=f"taught-{cells}", distil=True)
        apart[cells] = float(np.abs(scores(path) - meant).mean())
    assert apart[4.0] < apart[0.0]


def test_a_teacher_with_other_cells_is_refused(trained: Trained) -> None:
    document = taught_document(trained.path, cells=1.0)
    document["network"]["strides"] = [8, 16, 32]
    with pytest.raises(TrainingFailed, match="expected classes") as caught:
        train(trained.data, document, out="refused", distil=True)
    assert caught.value.code == "teacher_unusable"
