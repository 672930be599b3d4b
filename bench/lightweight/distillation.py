"""A small classifier of vehicle types with and without a teacher: same pictures, same steps.

    python -m bench.lightweight.distillation [--seeds 3] [--steps 600] [--out FOLDER]

The teacher looks at each pixel, the student at the frequency bands of blocks of 4×4. Per seed: the
teacher is trained on the labels; then the student twice, on the labels alone and with the teacher's
softened answers (Hinton et al. 2015) to the very pictures that it sees. All three get the same
batches. Then the student both ways again through the same batches four times over: with the
teacher's answers, asked for once, that takes about the processor time of the teacher's one pass.
Accuracy is that of the exported files on pictures held out. A run that was broken off goes on with
the files that it left in ``--out``. Needs torch.
"""

from __future__ import annotations

from pathlib import Path

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
STUDENT = {"stem": "bands"}
SOFT = {"temperature": 3.0, "part": 0.7}
ALONE, TAUGHT = "student, labels alone", "student, taught"
PASSES = (1, 4)


def after(passes: int, words: str) -> str:
    return f"{words}, {passes} passes" if passes > 1 else words


STUDENTS = {
    after(passes, name): (passes, name == TAUGHT) for passes in PASSES for name in (ALONE, TAUGHT)
}
ROLES = ("teacher", *STUDENTS)


def main() -> None:
    options = read_options(__doc__)
    print_provenance()
    print(f"{options.steps} steps of {BATCH} pictures, seeds 1–{options.seeds};", SOFT, flush=True)
    found = crops(recipe_of(1, options.steps))
    print(f"{len(found.learnt.paths)} pictures learnt from, {len(found.held_out.paths)} held out")
    accuracy: dict[str, list[dict[str, float]]] = {name: [] for name in ROLES}
    paths: dict[str, Path] = {}
    for seed in range(1, options.seeds + 1):
        paths = {name: options.out / file_of(name, seed) for name in ROLES}
        recipes = {x: recipe_for(x, seed, options.steps, paths["teacher"]) for x in ROLES}
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


def recipe_for(name: str, seed: int, steps: int, teacher: Path) -> ClassifierRecipe:
    if name == "teacher":
        return recipe_of(seed, steps, network=TEACHER)
    passes, taught = STUDENTS[name]
    if not taught:
        return recipe_of(seed, steps * passes, network=STUDENT)
    soft = {**SOFT, "path": str(teacher.resolve())}
    return recipe_of(seed, steps * passes, network=STUDENT, teacher=soft)


def print_results(paths: dict[str, Path], accuracy: dict[str, list[dict[str, float]]]) -> None:
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
    for weather in ("clean", "all six"):
        seen = WEATHERS if weather == "all six" else (weather,)
        means = {
            name: [float(np.mean([x[y] for y in seen])) for x in found]
            for name, found in accuracy.items()
        }
        for passes in PASSES:
            taught = means[after(passes, TAUGHT)]
            gained = np.subtract(taught, means[after(passes, ALONE)])
            short = np.subtract(taught, means["teacher"])
            print(
                f"\n{after(passes, weather)}, points by seed: taught − alone {points(gained)};",
                end=" ",
            )
            print(f"taught − teacher {points(short)}")


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
