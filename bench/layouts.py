"""Every real model at hand: its layout, what it finds, agreement with upstream, time.

    python -m bench.layouts [SHARED_DATA_FOLDER]

Times are CPU milliseconds of one thread, median over repeated frames of 640×360.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.onnx_detector import OnnxDetector
from tests import shared_data, shared_models

REPEATS = 15
TIME_LIMIT_MS = 3000.0
HEADER = (
    "model",
    "layout",
    "told by",
    "objects on the street",
    "objects at the railway",
    "agreement",
    "worst IoU",
    "inference ms",
    "pre + post ms",
)


def stage_medians(detector: OnnxDetector, frame: NDArray[np.uint8]) -> dict[str, float]:
    """Median CPU milliseconds per stage."""
    stages: list[dict[str, float]] = []
    while len(stages) < REPEATS and sum(sum(x.values()) for x in stages) < TIME_LIMIT_MS:
        detector.detect(frame, 0.0)
        stages.append(detector.stage_ms)
    return {name: float(np.median([x[name] for x in stages])) for name in stages[0]}


def objects(found: Detections, threshold: float) -> str:
    """For example "14 car, 2 person"."""
    strong = found.select(found.confidence >= threshold)
    counts = Counter(strong.class_names()).most_common()
    return ", ".join(f"{count} {name}" for name, count in counts) or "none"


def row(
    model: shared_models.SharedModel, folder: Path, frames: list[NDArray[np.uint8]]
) -> list[str]:
    """One model's line of the table."""
    path = folder / "models" / model.file
    detector = load_detector(path, model.stated or None)
    found = [detector.detect(frame, 0.0) for frame in frames]
    compared = [
        shared_models.compare(model.decode(path, frame, model.threshold), seen, model.threshold)
        for frame, seen in zip(frames, found, strict=True)
    ]
    matched = sum(x.matched for x in compared)
    most = sum(max(x.expected, x.found) for x in compared)
    stages = stage_medians(detector, frames[0])
    return [
        Path(model.file).name,
        detector.contract.layout,
        "itself" if not model.stated else "itself; stated: " + ", ".join(model.stated),
        *(objects(seen, model.threshold) for seen in found),
        f"{matched}/{most}",
        f"{min(x.worst_iou for x in compared):.3f}",
        f"{stages['inference']:.1f}",
        f"{stages['preprocess'] + stages['postprocess']:.2f}",
    ]


def refusal(file: str, folder: Path) -> list[str]:
    """The line of a model that is no detector of persons or vehicles."""
    try:
        layout = load_detector(folder / "models" / file).contract.layout
    except ModelUnusable as error:
        return [file, f"refused: {error.code}", *["–"] * (len(HEADER) - 2)]
    return [file, f"{layout} (should have been refused)", *["–"] * (len(HEADER) - 2)]


def main() -> int:
    """Prints the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data.SHARED)
    folder: Path = parser.parse_args().folder
    if not (folder / "models").is_dir():
        print(f"no models in {folder}: name the shared data folder", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    frames = shared_models.frames(folder)
    print(f"ONNX Runtime, 1 thread, {os.cpu_count()} cores\n")
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    for model in shared_models.DETECTORS:
        print("| " + " | ".join(row(model, folder, frames)) + " |", flush=True)
    for file in shared_models.REFUSED:
        print("| " + " | ".join(refusal(file, folder)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
