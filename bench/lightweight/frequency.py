"""Vehicle types under weather: full resolution, plain downscale, all bands, gated bands.

    python -m bench.lightweight.frequency [--seeds 3] [--steps 600] [--calm] [--out FOLDER]

Every net gets the same pictures of 96×96 in the same batches and, but for the last two, the same
number of steps; those go through the batches five times, which takes about the processor time of
the full resolution's one pass. All have the same trunk, which runs on each pixel, or on 1/16 of the
places (and without its first halving) behind a fixed convolution of stride 4: the block means of
luminance and both colour differences (plain downscale), the 16 cosine bands of the luminance beside
the two colour means (all bands), or those of them that learned gates keep (gated bands). The small
trunk is half as wide and does halve once more. The weather of the held-out pictures is generated,
always the same; with ``--calm`` none of it is in training. A run that was broken off goes on with
the files that it left in ``--out``. Needs torch. Times and bytes are those of the exported files.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bench.lightweight.activations import peak_activation_bytes
from bench.lightweight.vehicle_kinds import (
    BATCH,
    Lesson,
    crops,
    print_table,
    read_options,
    recipe_of,
    spread,
)
from bench.provenance import print_provenance
from models_registry.inspection.macs import count_macs
from models_registry.runtime.session import Session
from models_registry.training.classifier_pictures import WEATHERS

BAND_COST = 0.4  # in so short a training, less keeps nearly all bands
GATED = {"stem": "gated_bands", "band_cost": BAND_COST}
SMALL = {**GATED, "width": 0.5, "stages": 4}
# A step of a net on 1/16 of the places takes about a fifth of one at full resolution; what the
# trainings took in all is printed beside their accuracy.
LONGER = 5


@dataclass(frozen=True, slots=True)
class Variant:
    """``passes``: so often it goes through the batches that all see, so many times its steps."""

    network: dict[str, Any]
    passes: int = 1


VARIANTS = {
    "full resolution": Variant({"stem": "whole", "stages": 4}),
    "plain downscale": Variant({"stem": "downscaled"}),
    "all bands": Variant({"stem": "bands"}),
    "gated bands": Variant(GATED),
    "gated bands, small trunk": Variant(SMALL),
    f"gated bands, {LONGER} passes": Variant(GATED, LONGER),
    f"gated bands, small trunk, {LONGER} passes": Variant(SMALL, LONGER),
}
ROUNDS, RUNS = 100, 6


def main() -> None:
    options = read_options(__doc__, "--calm")
    print_provenance()
    print(f"training with {'no' if options.calm else 'the same kinds of'} weather;", end=" ")
    print(f"{options.steps} steps of {BATCH} pictures, seeds 1–{options.seeds}", flush=True)
    found = crops(recipe_of(1, options.steps))
    print(f"{len(found.learnt.paths)} pictures learnt from, {len(found.held_out.paths)} held out")
    accuracy: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    kept: dict[str, list[int]] = {name: [] for name in VARIANTS}
    spent_s: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for seed in range(1, options.seeds + 1):
        lesson = Lesson(recipe_of(seed, options.steps, weather=not options.calm), found)
        lesson.draw()  # none of the nets pays for it
        for name, variant in VARIANTS.items():
            recipe = recipe_of(
                seed,
                options.steps * variant.passes,
                weather=not options.calm,
                network=variant.network,
            )
            path = file_of(options.out, name, seed)
            if (took_s := lesson.learn(recipe, path)) is not None:
                spent_s[name].append(took_s)
            accuracy[name].append(found.accuracy(path))
            if "bands" in variant.network["stem"]:
                kept[name].append(bands_in(path))
            words = ", ".join(f"{x} {share:.3f}" for x, share in accuracy[name][-1].items())
            print(f"seed {seed}, {name}: {words}; {kept[name][-1:]} bands", flush=True)
    print()
    print_accuracy(accuracy, spent_s)
    print_costs({x: file_of(options.out, x, 1) for x in VARIANTS}, kept)


def print_accuracy(
    accuracy: dict[str, list[dict[str, float]]], spent_s: dict[str, list[float]]
) -> None:
    """Mean ± standard deviation over the seeds; processor time of those trained in this run."""
    rows = []
    for name, found in accuracy.items():
        foul = [float(np.mean([x[y] for y in WEATHERS[1:]])) for x in found]
        columns = [[x[weather] for x in found] for weather in WEATHERS]
        took = f"{np.mean(spent_s[name]):.0f} s" if spent_s[name] else "–"
        rows.append([name, *map(spread, columns), spread(foul), took])
    print_table(["", *WEATHERS, "mean of the five weathers", "training"], rows)


def print_costs(paths: dict[str, Path], kept: dict[str, list[int]]) -> None:
    """Of the first seed's files, on one thread, in turn; ratios to full resolution."""
    models = {name: onnx.load(path) for name, path in paths.items()}
    runs = {x: bound(path) for x, path in paths.items()}
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began_s = time.perf_counter()
            for _ in range(RUNS):
                run.run()
            times[name].append((time.perf_counter() - began_s) / RUNS)
    base, *_ = paths
    # Other programs can only make it slower: the fastest tenth of the rounds is the model's own.
    fastest = {name: float(np.percentile(found, 10)) for name, found in times.items()}
    macs = {name: count_macs(model) or 0 for name, model in models.items()}
    memory = {name: peak_activation_bytes(model) for name, model in models.items()}
    rows = []
    for name, path in paths.items():
        ratio = float(np.median(np.array(times[base]) / np.array(times[name])))
        rows.append(
            [
                name,
                f"{fastest[name] * 1e3:.3f}",
                f"{fastest[base] / fastest[name]:.1f}",
                f"{ratio:.1f}",
                f"{macs[name] / 1e6:.1f}",
                f"{macs[base] / macs[name]:.1f}",
                f"{memory[name] / 1e3:.0f}",
                f"1/{memory[base] / memory[name]:.1f}",
                f"{path.stat().st_size / 1e3:.0f}",
                "–" if not kept[name] else ", ".join(map(str, kept[name])),
            ]
        )
    print()
    head = ["", "ms", "times faster", "median of rounds", "million MACs", "times fewer"]
    head += ["kB of activations", "ratio", "kB of file", "bands kept by seed"]
    print_table(head, rows)


def bands_in(path: Path) -> int:
    """Filters of an exported file's first convolution that are not empty."""
    model = onnx.load(path)
    (weights,) = (x for x in model.graph.initializer if x.name == model.graph.node[0].input[1])
    return int(onnx.numpy_helper.to_array(weights).any((1, 2, 3)).sum())


def bound(path: Path) -> Any:
    session = Session(path.read_bytes())
    shape = [x or 1 for x in session.inputs[0].shape]
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    return session.bind({session.inputs[0].name: pixels})


def file_of(folder: Path, name: str, seed: int) -> Path:
    words = name.replace(",", "").replace(" ", "-")
    return folder / f"{words}-{seed}.onnx"


if __name__ == "__main__":
    main()
