"""Packing for transport: ratio, exactness, time and accuracy on a detector and on a classifier.

    python -m bench.packing [--images N] [--vgg FOLDER]

The detector is YOLOX-nano (AP50 on test pictures). ``--vgg``: the folder that
``bench.vgg_vehicle_types`` wrote; accuracy is that on the held-out crops.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx

from bench.compression import COVERED, accuracy, labelled
from bench.compression import pictures as detection_pictures
from bench.provenance import SHARED, print_provenance
from bench.vehicle_types import pictures
from models_registry.compression.lowrank import LowRank
from models_registry.compression.packing import pack, unpack
from models_registry.compression.step import Context
from models_registry.runtime.detector import load_detector
from models_registry.runtime.session import Session

BATCH = 32
NANO = SHARED / "models" / "yolox_nano_416.onnx"
HEADER = (
    "model",
    "packing",
    "file",
    "packed",
    "ratio",
    "bits/weight",
    "exact",
    "pack s",
    "unpack s",
)
Scores = Callable[[bytes], Sequence[str]]
NANO_SETTINGS: tuple[dict[str, Any], ...] = (
    {"conv_bits": 8},
    {"conv_bits": 6},
    {"conv_bits": 5},
    {"conv_bits": 4},
    {"conv_bits": 6, "sparsity": 0.3},
)
VGG_SETTINGS: tuple[dict[str, Any], ...] = (
    {"conv_bits": 8, "dense_bits": 5},
    {"conv_bits": 5, "dense_bits": 4},
    {"conv_bits": 4, "dense_bits": 2},
)


def row(
    name: str, model: onnx.ModelProto, original_bytes: int, setting: dict[str, Any], scores: Scores
) -> str:
    """One line of the table; the ratio is to the file that all began with."""
    began = time.perf_counter()
    done = pack(model, **setting)
    packed = time.perf_counter()
    unpacked = unpack(done.packed)
    ended = time.perf_counter()
    weights = sum(x.elements for x in done.tensors)
    bits = sum(x.elements * x.bits_per_weight for x in done.tensors) / weights
    cells = (
        name,
        ", ".join(f"{key} {value}" for key, value in setting.items()),
        str(model.ByteSize()),
        str(len(done.packed)),
        f"{original_bytes / len(done.packed):.2f}",
        f"{bits:.2f}",
        "yes" if unpacked == done.model else "NO",
        f"{packed - began:.1f}",
        f"{ended - packed:.2f}",
    )
    return line([*cells, *scores(unpacked)])


def line(cells: Sequence[str]) -> str:
    """Markdown."""
    return "| " + " | ".join(cells) + " |"


def detector(images: int) -> None:
    """YOLOX-nano's table."""
    model = onnx.load(str(NANO))
    contract = load_detector(NANO).contract
    sets = {}
    for name in COVERED:
        found = detection_pictures(name, "test")
        chosen = np.linspace(0, len(found) - 1, min(images, len(found))).astype(int)
        sets[name] = tuple(labelled(found[i]) for i in chosen)
    header = [*HEADER, "AP50 person highway", *(f"AP50 vehicle {x}" for x in COVERED)]
    print(line(header) + "\n" + "|---" * len(header) + "|")
    original = accuracy(model.SerializeToString(), contract, sets)
    size = model.ByteSize()
    print(line(["YOLOX-nano", "none", str(size), "–", "1", "32", "–", "–", "–", *original]))
    for setting in NANO_SETTINGS:
        scores: Scores = lambda unpacked: accuracy(unpacked, contract, sets)  # noqa: E731
        print(row("YOLOX-nano", model, size, setting, scores), flush=True)


def classifier(folder: Path, *, low_rank: bool) -> None:
    """The VGG16-shaped net's table: as trained, pruned, and of low rank."""
    header = [*HEADER, "held-out accuracy"]
    print("\n" + line(header) + "\n" + "|---" * len(header) + "|")
    trained = onnx.load(str(folder / "vgg.onnx"))
    size = trained.ByteSize()
    chain = {"VGG16-shaped": trained}
    if (folder / "vgg_pruned.onnx").is_file():
        chain["magnitudes pruned"] = onnx.load(str(folder / "vgg_pruned.onnx"))
    if low_rank:
        chain["low rank"] = of_low_rank(trained)
    for name, model in chain.items():
        before = held_out(model.SerializeToString())
        cells = [name, "none", str(model.ByteSize()), "–", f"{size / model.ByteSize():.2f}"]
        print(line([*cells, "32", "–", "–", "–", *before]), flush=True)
        for setting in VGG_SETTINGS:
            print(row(name, model, size, setting, held_out), flush=True)


def of_low_rank(model: onnx.ModelProto) -> onnx.ModelProto:
    """The layers factorised, by what they say on training crops."""
    x, _ = pictures(held_out=False)
    feeds = [{"pictures": x[at::400][:8]} for at in range(4)]
    return LowRank(max_drift=None, reconstruct=False).apply(model, Context(feeds)).model


def held_out(model: bytes) -> list[str]:
    """Share of the held-out crops named right."""
    x, y = pictures(held_out=True)
    session = Session(model)
    answers = [
        session.run({"pictures": x[at : at + BATCH]})[0].argmax(axis=1)
        for at in range(0, len(x), BATCH)
    ]
    return [f"{float((np.concatenate(answers) == y).mean()):.4f}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int, default=150, help="test pictures of each set")
    parser.add_argument("--vgg", type=Path, help="folder with vgg.onnx")
    parser.add_argument("--low-rank", action="store_true", help="factorise the classifier too")
    parser.add_argument("--only-vgg", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    print_provenance()
    print()
    if not asked.only_vgg:
        detector(asked.images)
    if asked.vgg:
        classifier(asked.vgg, low_rank=asked.low_rank)


if __name__ == "__main__":
    main()
