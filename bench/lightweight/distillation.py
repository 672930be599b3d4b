"""A small classifier of vehicle types with and without a teacher: same pictures, same steps.

    python -m bench.lightweight.distillation [--seeds 3] [--steps 600] [--thin] [--out FOLDER]

The teacher looks at each pixel. Of its two students the thin one does too, with fewer channels, and
the other looks at the frequency bands of blocks of 4×4. Per seed: the teacher is trained on the
labels; then each student twice, on the labels alone and with the teacher's softened answers (Hinton
et al. 2015) to the very pictures that it sees. All get the same batches. The student of bands then
goes both ways through the same batches four times over: with the teacher's answers, asked for once,
that takes about the processor time of the teacher's one pass. ``--thin`` leaves that student out.
Accuracy is that of the exported files on pictures held out. A run that was broken off goes on with
the files that it left in ``--out``. Needs torch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor

from bench.lightweight.vehicle_kinds import (
    BATCH,
    Lesson,
    crops,
    print_table,
    read_options,
    recipe_of,
    spread,
)
from bench.provenance import SHARED, print_provenance
from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.training.classifier_pictures import WEATHERS
from models_registry.training.classifier_recipe import ClassifierRecipe
from models_registry.training.soft_targets import Teach, file_teacher

TEACHER = {"stem": "whole", "stages": 4}
THIN = {**TEACHER, "width": 0.58}
BANDS = {"stem": "bands"}
TEMPERATURE = 3.0


@dataclass(frozen=True, slots=True)
class Pupil:
    """``part``: of the loss is the distance to the teacher's answers, when it is taught."""

    name: str
    network: dict[str, Any]
    part: float
    passes: int = 1

    @property
    def alone(self) -> str:
        return f"{self.name}, labels alone"

    @property
    def taught(self) -> str:
        return f"{self.name}, taught"


THIN_PUPIL = Pupil("thin student", THIN, 0.3)
PUPILS = (
    THIN_PUPIL,
    Pupil("student of bands", BANDS, 0.7),
    Pupil("student of bands, 4 passes", BANDS, 0.7, 4),
)


def main() -> None:
    options = read_options(__doc__, "--thin")
    print_provenance()
    pupils = (THIN_PUPIL,) if options.thin else PUPILS
    print(f"{options.steps} steps of {BATCH} pictures, seeds 1–{options.seeds};", end=" ")
    print(f"temperature {TEMPERATURE};", {x.name: x.part for x in pupils}, flush=True)
    found = crops(recipe_of(1, options.steps))
    print(f"{len(found.learnt.paths)} pictures learnt from, {len(found.held_out.paths)} held out")
    accuracy: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    paths: dict[str, Path] = {}
    for seed in range(1, options.seeds + 1):
        teacher = options.out / file_of("teacher", seed)
        recipes = recipes_of(pupils, seed, options.steps, teacher)
        paths = {name: options.out / file_of(name, seed) for name in recipes}
        lesson = Lesson(recipes["teacher"], found)
        lesson.draw()  # none of the nets pays for it
        for name, recipe in recipes.items():
            teach = None
            if recipe.teacher is not None:
                teach = once(file_teacher(recipe.teacher, found.learnt.classes, SHARED))
            if (took_s := lesson.learn(recipe, paths[name], teach)) is not None:
                print(f"seed {seed}, {name}: {took_s:.0f} s of processor time", flush=True)
        for name, path in paths.items():
            accuracy[name].append(found.accuracy(path))
            words = ", ".join(f"{x} {share:.3f}" for x, share in accuracy[name][-1].items())
            print(f"seed {seed}, {name}: {words}", flush=True)
    print_results(paths, accuracy)
    print_gains(pupils, accuracy)


def recipes_of(
    pupils: Sequence[Pupil], seed: int, steps: int, teacher: Path
) -> dict[str, ClassifierRecipe]:
    """The teacher's, then each pupil's two ways, by their names in the tables."""
    recipes = {"teacher": recipe_of(seed, steps, network=TEACHER)}
    for pupil in pupils:
        most = steps * pupil.passes
        soft = {"temperature": TEMPERATURE, "part": pupil.part, "path": str(teacher.resolve())}
        recipes[pupil.alone] = recipe_of(seed, most, network=pupil.network)
        recipes[pupil.taught] = recipe_of(seed, most, network=pupil.network, teacher=soft)
    return recipes


def print_results(
    paths: Mapping[str, Path], accuracy: Mapping[str, list[dict[str, float]]]
) -> None:
    """Mean ± standard deviation over the seeds."""
    models = {name: onnx.load(path) for name, path in paths.items()}
    macs = {name: count_macs(model) or 0 for name, model in models.items()}
    rows = []
    for name, found in accuracy.items():
        foul = [float(np.mean([x[y] for y in WEATHERS[1:]])) for x in found]
        size = [f"{macs[name] / 1e6:.2f}", f"1/{macs['teacher'] / macs[name]:.1f}"]
        size += [f"{count_parameters(models[name]):,}"]
        rows.append([name, *size, spread([x["clean"] for x in found]), spread(foul)])
    print()
    head = ["", "million MACs", "of the teacher's", "parameters", "clean", "mean of five weathers"]
    print_table(head, rows)


def print_gains(pupils: Sequence[Pupil], accuracy: Mapping[str, list[dict[str, float]]]) -> None:
    """By seed: each pupil has seen what its teacher saw."""
    for words, seen in (("clean", WEATHERS[:1]), ("weathers", WEATHERS[1:]), ("all six", WEATHERS)):
        means = {
            name: np.array([np.mean([x[y] for y in seen]) for x in found])
            for name, found in accuracy.items()
        }
        for pupil in pupils:
            taught = means[pupil.taught]
            print(
                f"{words}, {pupil.name}, points by seed:",
                f"taught − alone {points(taught - means[pupil.alone])};",
                f"taught − teacher {points(taught - means['teacher'])}",
            )


def once(teach: Teach) -> Teach:
    """Asks for each batch when it first comes; a lesson hands out the same arrays again."""
    told: dict[int, Tensor] = {}

    def ask(pixels: NDArray[np.uint8]) -> Tensor:
        if id(pixels) not in told:
            told[id(pixels)] = teach(pixels)
        return told[id(pixels)]

    return ask


def file_of(role: str, seed: int) -> str:
    return f"{role.replace(', ', '-').replace(' ', '-')}-{seed}.onnx"


def points(shares: np.ndarray) -> str:
    return ", ".join(f"{x * 100:+.1f}" for x in shares)


if __name__ == "__main__":
    main()
