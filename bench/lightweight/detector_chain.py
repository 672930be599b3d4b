"""Prune, int8 and pack with training in between, on a detector that our own training exported.

    python -m bench.lightweight.detector_chain PARENT.onnx OUT_FOLDER [--recipe FILE]
        [--data ../shared/data] [--kept FOLDER] [--share 0.15] [--steps 600] [--images 250]

Needs torch. Calibration and training see train pictures only; AP50 is of test pictures as in
``bench.compression`` (persons on highway, any vehicle on each set), in points, and their mean.
Ratio and time are against the parent's file, time in turn on one thread (see ``cpu_time``). A stage
whose file is in ``OUT_FOLDER`` already is not made again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from bench.compression import COVERED, accuracy, feeds, labelled, pictures
from bench.lightweight.cpu_time import cpu_time_ratio
from bench.provenance import ROOT, SHARED, print_provenance
from models_registry.benchmarking.accuracy import spread
from models_registry.compression.packing import Pack, unpack
from models_registry.compression.pruning import Prune
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context, Step
from models_registry.inspection.macs import count_macs
from models_registry.runtime.detector import load_detector

HEADER = ("after", "bytes", "ratio", "million MACs", "time ÷ parent", "person highway",
          *(f"vehicle {x}" for x in COVERED), "mean", "points lost")  # fmt: skip


def made(step: Step, source: Path, target: Path, context: Context) -> Path:
    """``target``: what ``step`` makes of ``source``, the contract beside it."""
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(step.apply(onnx.load(source), context).model, str(target))
        target.with_suffix(".json").write_text(source.with_suffix(".json").read_text())
    return target


def tuned(options: argparse.Namespace, source: Path) -> Path:
    """``source`` trained further by the command that operators use."""
    folder = source.parent.with_name(f"{source.parent.name}-tuned")
    if not (folder / source.with_suffix(".md").name).is_file():
        words = [
            sys.executable,
            "manage.py",
            "finetune",
            source.resolve(),
            options.recipe.resolve(),
        ]
        words += ["--data", options.data.resolve(), "--out", folder.resolve()]
        words += ["--kept", options.kept.resolve(), "--parent", options.parent.resolve()]
        words += ["--steps", options.steps, "--resume"]
        subprocess.run([str(x) for x in words], cwd=ROOT, check=True, stdout=sys.stderr)
    return folder / source.name


def stages(options: argparse.Namespace) -> Iterator[tuple[str, Path, int | None]]:
    """(name, file, bytes of the packed file), each made of the one before."""
    out: Path = options.out
    context = Context(feeds(load_detector(options.parent), options.feeds), seed=1)
    model = options.parent
    if options.share:
        model = made(Prune(share=options.share), model, out / "prune" / "model.onnx", context)
        yield f"prune {options.share:.0%}", model, None
        if options.steps:
            model = tuned(options, model)
            yield f"prune {options.share:.0%}, tuned", model, None
    model = made(Int8(), model, out / "int8" / "model.onnx", context)
    yield "int8", model, None
    if options.steps:
        model = tuned(options, model)
        yield "int8, tuned", model, None
    done = Pack().apply(onnx.load(model), context)
    assert done.packed is not None
    (out / "model.aipk").write_bytes(done.packed)
    unpacked = out / "unpacked" / "model.onnx"
    unpacked.parent.mkdir(exist_ok=True)
    unpacked.write_bytes(unpack(done.packed))
    unpacked.with_suffix(".json").write_text(model.with_suffix(".json").read_text())
    yield "pack", unpacked, len(done.packed)


def points(scores: Sequence[str]) -> list[float]:
    """AP50 ×100 of each, then their mean."""
    found = [100 * float(x) for x in scores if x != "–"]
    return [*found, sum(found) / len(found)]


def main() -> None:
    options = read_options()
    print_provenance()
    options.out.mkdir(parents=True, exist_ok=True)
    detector = load_detector(options.parent)
    parent = onnx.load(options.parent)
    sets = {
        name: spread(tuple(labelled(x) for x in pictures(name, "test")), options.images)
        for name in COVERED
    }
    print(f"test pictures: {', '.join(f'{name} {len(x)}' for name, x in sets.items())}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    size, inputs = options.parent.stat().st_size, feeds(detector, 4)

    def row(name: str, path: Path, packed: int | None) -> list[float]:
        model, content = onnx.load(path), path.read_bytes()
        scores = points(accuracy(content, load_detector(path).contract, sets))
        lost = first[-1] - scores[-1] if first else 0.0
        cells = [name, f"{packed or len(content):,}", f"{size / (packed or len(content)):.2f}"]
        cells += [f"{(count_macs(model) or 0) / 1e6:.1f}"]
        cells += [cpu_time_ratio(parent, model, inputs) if first else "1"]
        cells += [*(f"{x:.1f}" for x in scores), f"{lost:.1f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
        return scores

    first: list[float] = []
    first = row("parent", options.parent, None)
    for name, path, packed in stages(options):
        row(name, path, packed)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parent", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "detector.toml")
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--kept", type=Path, help="default: OUT_FOLDER/kept")
    parser.add_argument("--share", type=float, default=0.15, help="of the work to prune, 0: none")
    parser.add_argument("--steps", type=int, default=600, help="of each fine-tuning, 0: none")
    parser.add_argument("--feeds", type=int, default=48, help="calibration pictures")
    parser.add_argument("--images", type=int, default=250, help="test pictures of each set")
    options = parser.parse_args()
    options.kept = options.kept or options.out / "kept"
    return options


if __name__ == "__main__":
    main()
