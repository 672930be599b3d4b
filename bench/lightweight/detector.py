"""The detector that ships beside small public ones: AP50, latency and file size in one run.

    python -m bench.lightweight.detector [--model FILE.onnx …] [--seconds 20]

Sets: the three ``detection`` test splits of ``AISION_SHARED_DATA`` (else ../shared/data) and
simulated cameras in weather, whose seeds no training uses. What cctv labels as bicycles are
motorcycles, as a look at them shows, and count as these for every model. A dash: the labels do not
cover the class, or have none of it, or the model does not know it. Latency: inference on one
thread, the median of rounds in which both models ran in turn (10–90 % of the rounds). Torch is not
needed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import cv2
import django

from bench.provenance import SHARED, print_provenance
from models_registry.benchmarking.accuracy import Accuracy
from models_registry.benchmarking.ratio import Ratio, measure_ratio
from models_registry.benchmarking.stills import read_still
from models_registry.builtin import DETECTOR, PARENT
from models_registry.management.commands.train import render
from models_registry.runtime.detector import load_detector
from models_registry.training.evaluation import Examination, examine
from models_registry.training.history import shown
from models_registry.training.made_sets import source_folder
from models_registry.training.recipe import ROAD_USERS, SourceRecipe
from models_registry.training.sources import read_source

BASE = SHARED / "models" / "yolox_nano_416.onnx"
OTHERS = (BASE, SHARED / "models" / "nanodet_m_320.onnx", SHARED / "models" / "fastestdet_352.onnx")
NAMES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
LABELLED = {
    "highway": ("person", "car", "motorcycle", "bus", "truck"),
    "cctv": ("car", "motorcycle", "bus", "truck"),
    "openimages": ("car", "motorcycle", "bus", "truck"),
}
RENAME = {"cctv": {"bicycle": "motorcycle"}}
CONDITIONS = ("", "&time=dusk", "&time=night", "&weather=rain", "&weather=snow", "&weather=fog")
WEATHER = (
    *(f"sim://road?seed={301 + i}{words}&duration=60" for i, words in enumerate(CONDITIONS)),
    *(f"sim://plaza?seed={311 + i}{words}&duration=60" for i, words in enumerate(CONDITIONS)),
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aision.settings")
    django.setup()  # it connects the renderer of simulated cameras
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, action="append", help="default: those that ship")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each latency")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print_provenance()
    with tempfile.TemporaryDirectory() as folder:
        sets = examinations(Path(folder))
        stills = [read_still(Path(x.file)) for x in sets[0].labels.images[:8]]
        for model in (*(options.model or (DETECTOR, PARENT)), *OTHERS):
            ratio = measure_ratio((BASE, None), (model, None), stills, seconds=options.seconds)
            tell(model, ratio, [(x.name, examine(model, x)) for x in sets])


def examinations(kept: Path) -> list[Examination]:
    """The sets by name."""
    sources = [
        SourceRecipe(
            name=f"{name} test",
            format="yolo",
            path=f"detection/{name}/test",
            names=NAMES,
            labelled=labelled,
            rename=RENAME.get(name, {}),
        )
        for name, labelled in LABELLED.items()
    ]
    sources.append(SourceRecipe("simulated weather", "simulation", urls=WEATHER, count=12))
    return [
        Examination.of(
            read_source(x, ROAD_USERS, source_folder(x, SHARED, kept, render, _quiet)), ROAD_USERS
        )
        for x in sources
    ]


def tell(model: Path, ratio: Ratio, found: list[tuple[str, Accuracy]]) -> None:
    """One table per model."""
    spread = ratio.inference
    contract = load_detector(model).contract
    print(
        f"\n**{model.name}**: {model.stat().st_size:,} bytes,"
        f" {contract.input_width} × {contract.input_height},"
        f" {ratio.candidate_inference_ms:.2f} ms, ÷ YOLOX-nano"
        f" {spread.median:.3f} ({spread.p10:.3f}–{spread.p90:.3f})\n"
    )
    print("| AP50 | pictures | any vehicle | " + " | ".join(ROAD_USERS) + " |")
    print("|---" * (3 + len(ROAD_USERS)) + "|")
    for name, accuracy in found:
        vehicle = accuracy.any_vehicle
        cells = [name, str(accuracy.images), shown(vehicle.ap50 if vehicle else None)]
        classes = accuracy.classes
        cells += [shown(classes[x].ap50 if x in classes else None) for x in ROAD_USERS]
        print("| " + " | ".join(cells) + " |", flush=True)


def _quiet(words: str) -> None:
    """Rendering takes a while; the figures are what is asked for."""


if __name__ == "__main__":
    main()
