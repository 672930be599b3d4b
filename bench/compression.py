"""A recipe on a real detector: size, work, latency ratio, drift and AP50 of each step's child.

    python -m bench.compression [--model FILE] [--recipe JSON] [--images N] [--feeds N]

Calibration inputs are train pictures, AP50 is of test pictures (highway: persons and vehicles;
cctv, openimages: vehicles as one class). Latency is a ratio, child ÷ parent, measured in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.provenance import SHARED, print_provenance
from models_registry.benchmarking.accuracy import for_accuracy, score, spread
from models_registry.benchmarking.evaluation_set import LabelledBox, LabelledImage
from models_registry.compression.recipe import Recipe, run_recipe
from models_registry.compression.report import StepReport
from models_registry.compression.step import Context
from models_registry.runtime.detector import load_detector
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.preprocess import Preprocessor

CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
COVERED = {
    "highway": ("person", "car", "motorcycle", "bus", "truck"),
    "cctv": ("car", "motorcycle", "bus", "truck"),
    "openimages": ("car", "motorcycle", "bus", "truck"),
}
DEFAULT_RECIPE = {
    "steps": [
        {"kind": "cleanup"},
        {"kind": "prune", "share": 0.05},
        {"kind": "low_rank"},
        {"kind": "int8"},
        {"kind": "pack"},
    ]
}
HEADER = (
    "step", "bytes", "packed", "million MACs", "latency ÷ parent", "drift from parent",
    "drift from start", "person highway", *(f"vehicle {x}" for x in COVERED),
)  # fmt: skip


def pictures(name: str, split: str) -> list[Path]:
    """A set's pictures, in order."""
    return sorted((SHARED / "detection" / name / split / "images").glob("*.jpg"))


def labelled(path: Path) -> LabelledImage:
    """A picture with its YOLO labels."""
    height, width = read(path).shape[:2]
    boxes = []
    for line in (
        path.parent.with_name("labels").joinpath(f"{path.stem}.txt").read_text().split("\n")
    ):
        if line.strip():
            kind, x, y, w, h = (float(x) for x in line.split())
            corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            boxes.append(LabelledBox(CLASSES[int(kind)], corners))
    return LabelledImage(str(path), width, height, tuple(boxes))


def read(path: Path) -> NDArray[np.uint8]:
    """A picture as BGR."""
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} does not open"
    return np.asarray(picture, np.uint8)


def feeds(detector: OnnxDetector, count: int) -> list[dict[str, NDArray[Any]]]:
    """Calibration inputs from the train pictures of all sets."""
    preprocess = Preprocessor(detector.contract)
    chosen = []
    for at, name in enumerate(COVERED):
        share = (count - at + len(COVERED) - 1) // len(COVERED)
        found = pictures(name, "train")
        chosen += [found[i] for i in np.linspace(0, len(found) - 1, share).astype(int)]
    tensors = []
    for path in chosen:
        preprocess(read(path))
        tensors.append({detector.contract.input_name: preprocess.tensor.copy()})
    return tensors


def accuracy(model: bytes, contract: Any, sets: dict[str, tuple[LabelledImage, ...]]) -> list[str]:
    """AP50 of persons on highway, then of any vehicle on each set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(model)
        detector = load_detector(path, for_accuracy(contract))
    vehicles, person = [], "–"
    for name, images in sets.items():
        found = [detector.detect(read(Path(x.file)), 0.0) for x in images]
        scored = score(found, images, COVERED[name], detector.labels)
        vehicles.append(share(scored.any_vehicle.ap50 if scored.any_vehicle else None))
        if name == "highway":
            person = share(scored.classes["person"].ap50)
    return [person, *vehicles]


def share(value: float | None) -> str:
    """For example .734."""
    return "–" if value is None else f"{value:.3f}".lstrip("0")


def row(report: StepReport, scores: Sequence[str]) -> list[str]:
    """One step's line of the table."""
    ratio = report.latency
    drifts = [x.relative if x else None for x in (report.drift, report.drift_from_start)]
    return [
        report.kind,
        str(report.size_bytes),
        "–" if report.packed is None else str(len(report.packed)),
        "–" if report.macs is None else f"{report.macs / 1e6:.1f}",
        "–" if ratio is None else f"{ratio.median:.2f} ({ratio.p10:.2f}–{ratio.p90:.2f})",
        *("–" if x is None else f"{x:.3f}" for x in drifts),
        *scores,
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolox_nano_416.onnx")
    parser.add_argument("--recipe", type=json.loads, default=DEFAULT_RECIPE)
    parser.add_argument("--images", type=int, default=250, help="test pictures of each set")
    parser.add_argument("--feeds", type=int, default=24, help="calibration pictures")
    parser.add_argument("--verbose", action="store_true", help="print every change")
    asked = parser.parse_args()
    if not asked.model.exists():
        print(f"{asked.model} is not there", file=sys.stderr)
        return 1
    print_provenance()
    print(f"model: {asked.model.name}; recipe: {json.dumps(asked.recipe)}\n")
    detector = load_detector(asked.model)
    sets = {
        name: spread(tuple(labelled(x) for x in pictures(name, "test")), asked.images)
        for name in COVERED
    }
    model = asked.model.read_bytes()
    print(f"pictures: {', '.join(f'{name} {len(x)}' for name, x in sets.items())}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    first = ["(start)", str(len(model)), "–", "–", "–", "–", "–"]
    print("| " + " | ".join([*first, *accuracy(model, detector.contract, sets)]) + " |", flush=True)
    context = Context(feeds(detector, asked.feeds))
    notes = []
    for report in run_recipe(model, Recipe.from_json(asked.recipe), context):
        took = f"{report.kind}: {report.duration_s:.0f} s"
        if report.model is None:
            print(f"| {report.kind} | {report.status}: {report.message} |", flush=True)
            continue
        scores = accuracy(report.model, detector.contract, sets)
        print("| " + " | ".join(row(report, scores)) + " |", flush=True)
        figures = ", ".join(f"{x}: {y}" for x, y in report.figures.items())
        notes.append("; ".join([took, *([figures] if figures else []), *report.worse]))
        if asked.verbose:
            notes += [f"  {x.subject}: {x.action} {x.detail}" for x in report.changes]
    print("\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
