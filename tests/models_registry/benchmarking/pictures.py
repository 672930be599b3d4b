"""Small pictures, models and evaluation sets for these tests."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.evaluation_set import EvaluationSet, LabelledBox
from models_registry.benchmarking.set_writer import SetWriter
from tests.onnx_zoo import TWO_OBJECTS, Seen, build, save, yolox_output

SIDE = 224  # of the zoo's models: on a picture of this size boxes need no scaling


def picture(seed: int = 0, width: int = SIDE, height: int = SIDE) -> NDArray[np.uint8]:
    """Noise: no two seeds make the same file."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def jpeg(seed: int = 0, width: int = SIDE, height: int = SIDE) -> bytes:
    return _encoded(".jpg", picture(seed, width, height))


def png(seed: int = 0, width: int = SIDE, height: int = SIDE) -> bytes:
    return _encoded(".png", picture(seed, width, height))


def _encoded(suffix: str, frame: NDArray[np.uint8]) -> bytes:
    written, content = cv2.imencode(suffix, frame)
    assert written
    return content.tobytes()


def model(folder: Path, objects: Sequence[Seen] = TWO_OBJECTS, name: str = "zoo") -> Path:
    """A YOLOX-style detector that sees these objects on every picture."""
    return save(build({"output": yolox_output(objects)}), folder, name)


def labelled(name: str, box: Sequence[float], crowd: bool = False) -> LabelledBox:
    """``box`` in pixels of a picture of ``SIDE``."""
    x1, y1, x2, y2 = (value / SIDE for value in box)
    return LabelledBox(name, (x1, y1, x2, y2), crowd)


def stored_set(
    folder: Path, boxes: Sequence[Sequence[LabelledBox]], covered: Sequence[str]
) -> EvaluationSet:
    """One picture of noise for each list of boxes."""
    writer = SetWriter(folder)
    for seed, of_one in enumerate(boxes):
        writer.add(jpeg(seed), of_one)
    return writer.finish(covered)


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def coco(
    images: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    categories: Mapping[int, str],
) -> str:
    return json.dumps(
        {
            "images": list(images),
            "annotations": list(annotations),
            "categories": [{"id": key, "name": name} for key, name in categories.items()],
        }
    )
