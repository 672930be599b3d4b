"""Vehicle types as both classifier measurements use them: one split, one schedule, ONNX results."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.provenance import SHARED
from models_registry.training.classifier_file import ClassifierFile
from models_registry.training.classifier_pictures import (
    WEATHERS,
    KindBatches,
    KindPictures,
    examined,
    read_kinds,
)
from models_registry.training.classifier_recipe import ClassifierRecipe, read_classifier_recipe
from models_registry.training.classifier_run import export_classifier
from models_registry.training.classifier_trainer import ClassifierTrainer
from models_registry.training.finetune_classifier import Draw
from models_registry.training.soft_targets import Teach

FOUL = dict.fromkeys(("rain", "snow", "fog", "night", "blur", "noise"), 0.15)
BATCH = 16  # many small steps learn more than few large ones
CALM = dict.fromkeys(FOUL, 0.0)


def read_options(words: str | None, *switches: str) -> argparse.Namespace:
    """``seeds``, ``steps`` and a folder ``out``, and what only one of the measurements knows."""
    parser = argparse.ArgumentParser(
        description=words, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    for switch in switches:
        parser.add_argument(switch, action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.out = options.out or Path(tempfile.mkdtemp())
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def recipe_of(
    seed: int, steps: int, *, weather: bool = True, **parts: dict[str, Any]
) -> ClassifierRecipe:
    """The same for all but ``parts`` (``network``, ``teacher``)."""
    schedule = {"steps": steps, "batch": BATCH, "rate": 0.003, "warm_up_steps": steps // 10}
    return read_classifier_recipe(
        {
            "name": "vehicle-types",
            "seed": seed,
            "pictures": {"path": "vehicle_types"},
            "schedule": {**schedule, "average": 0.99, "threads": 1, "evaluate_every": steps},
            "augmentation": FOUL if weather else CALM,
            **parts,
        }
    )


@dataclass(frozen=True, slots=True)
class Crops:
    """The last fifth of each class, in time, is held out; it decided nothing in the training."""

    learnt: KindPictures
    held_out: KindPictures
    shown: dict[str, NDArray[np.uint8]]

    def accuracy(self, path: Path) -> dict[str, float]:
        """Of an exported file, through ONNX Runtime."""
        file = ClassifierFile(path)
        return {x: file.accuracy(pixels, self.held_out.kinds) for x, pixels in self.shown.items()}


def crops(recipe: ClassifierRecipe, weathers: tuple[str, ...] = WEATHERS) -> Crops:
    learnt = read_kinds(recipe.pictures, SHARED, held_out=False)
    held_out = read_kinds(recipe.pictures, SHARED, held_out=True)
    size = (recipe.network.input_width, recipe.network.input_height)
    return Crops(learnt, held_out, {x: examined(held_out, size, x) for x in weathers})


class Lesson:
    """One seed's pictures in their order: every net learns from the very same batches."""

    def __init__(self, recipe: ClassifierRecipe, found: Crops) -> None:
        self._recipe, self._found = recipe, found

    @cached_property
    def _draw(self) -> Draw:
        return cache(KindBatches(self._recipe, self._found.learnt).draw)

    def draw(self) -> None:
        """All batches at once, for who measures what a net takes without them."""
        for step in range(self._recipe.schedule.steps):
            self._draw(step)

    def learn(
        self, recipe: ClassifierRecipe, path: Path, teach: Teach | None = None
    ) -> float | None:
        """Trains ``path``: seconds of processor time; ``None`` where a run that was broken off has
        left it. A recipe of more steps than the lesson's begins again with its first batch: it sees
        no more pictures."""
        if path.is_file():
            return None
        began_s = time.process_time()
        classes, steps = self._found.learnt.classes, self._recipe.schedule.steps
        trainer = ClassifierTrainer(recipe, len(classes), teach=teach, said=lambda words: None)
        trainer.run(lambda step: self._draw(step % steps))
        export_classifier(trainer.averaged, recipe, classes, path, {})
        return time.process_time() - began_s


def spread(values: list[float]) -> str:
    """Mean ± standard deviation, in per cent."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.1%} ± {deviation * 100:.1f}"


def print_table(head: list[str], rows: list[list[str]]) -> None:
    for line in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(line) + " |")
