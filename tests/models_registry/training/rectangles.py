"""Pictures with coloured rectangles in YOLO's form, quick to learn, and recipes for them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models_registry.training.extra import with_torch
from models_registry.training.recipe_file import read_recipe

COLOURS = {"car": (40, 40, 220), "bus": (220, 120, 30)}
NAMES = tuple(COLOURS)
WIDTH, HEIGHT = 96, 64
RECIPE = """
name = "short"
classes = ["car", "bus"]
[network]
input_width = 96
input_height = 64
width = 0.5
depth = 0.5
strides = [8, 16]
[schedule]
steps = 2
batch = 2
threads = 1
[[source]]
name = "train"
format = "yolo"
path = "train"
labelled = ["car", "bus"]
"""

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed: pip install '.[train]' to run the training tests",
)


def draw_set(folder: Path, count: int, seed: int = 0, drawn: tuple[str, ...] = NAMES) -> Path:
    """``count`` pictures, one to three rectangles each, none over another."""
    rng = np.random.default_rng(seed)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for number in range(count):
        picture = rng.integers(90, 140, (HEIGHT, WIDTH, 3), np.uint8)
        lines = []
        for third in rng.permutation(3)[: rng.integers(1, 4)]:
            kind = int(rng.integers(len(drawn)))
            width, height = (int(x) for x in rng.integers(14, 28, 2))
            x = int(third * WIDTH / 3 + rng.integers(0, 32 - width + 1))
            y = int(rng.integers(0, HEIGHT - height))
            cv2.rectangle(
                picture, (x, y), (x + width - 1, y + height - 1), COLOURS[drawn[kind]], -1
            )
            centre = ((x + width / 2) / WIDTH, (y + height / 2) / HEIGHT)
            place = (*centre, width / WIDTH, height / HEIGHT)
            lines.append(
                f"{NAMES.index(drawn[kind])} " + " ".join(f"{value:.6f}" for value in place)
            )
        cv2.imwrite(str(folder / "images" / f"{number:03}.png"), picture)
        (folder / "labels" / f"{number:03}.txt").write_text("\n".join(lines) + "\n")
    return folder


def recipe_document(**schedule: Any) -> dict[str, Any]:
    """Of a small net that learns the rectangles in ``train``, examined on ``valid``."""
    source = {"format": "yolo", "names": list(NAMES), "labelled": list(NAMES)}
    return {
        "name": "rectangles",
        "classes": list(NAMES),
        "network": {
            "input_width": WIDTH,
            "input_height": HEIGHT,
            "width": 0.5,
            "depth": 0.5,
            "strides": [8, 16],
        },
        "augmentation": {"mosaic": 0.2, "scale": [0.8, 1.25], "night": 0.0, "fog": 0.0},
        "schedule": {
            "steps": 70,
            "batch": 8,
            "rate": 0.01,
            "warm_up_steps": 5,
            "average": 0.9,
            "precision": "float32",
            "evaluate_every": 1000,
            "threads": 1,
            **schedule,
        },
        "source": [{"name": "train", "path": "train", **source}],
        "evaluation": [{"name": "valid", "path": "valid", **source}],
    }


@dataclass(frozen=True, slots=True)
class Trained:
    """A small net that has learnt the rectangles; ``data`` holds ``train`` and ``valid``."""

    data: Path
    path: Path
    said: list[str]
    history: dict[str, Any]


def places(data: Path, out: str = "out") -> Any:
    return with_torch("run").Places(data, data / out, data / "kept")


def train(data: Path, document: dict[str, Any], out: str = "out", **options: Any) -> Any:
    """The model's path and what was said on the way."""
    said: list[str] = []
    recipe = read_recipe(document)
    path = with_torch("run").train(recipe, places(data, out), said=said.append, **options)
    return path, said
