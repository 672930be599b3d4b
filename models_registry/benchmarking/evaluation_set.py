"""Labelled pictures as they are stored: ``images/<sha256>.jpg`` and one ``annotations.json``.

``annotations.json``: ``{"classes_covered": ["car"], "images": [{"file": "images/….jpg", "width":
640, "height": 480, "boxes": [{"class": "car", "xyxy": [x1, y1, x2, y2], "crowd": false}]}]}``.
Boxes are in 0–1. A class that is not covered is unknown on these pictures, not absent.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.errors import EvaluationSetInvalid

ANNOTATIONS = "annotations.json"
IMAGES = "images"
DIGITS = 6  # of a stored corner: a hundredth of a pixel in a picture 10,000 wide
MAX_SIDE = 100_000


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """An object: corners in 0–1 of the picture. ``crowd``: many objects that nobody told apart."""

    class_name: str
    xyxy: tuple[float, float, float, float]
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A picture: its file within the set's folder, its size in pixels, what is on it."""

    file: str
    width: int
    height: int
    boxes: tuple[LabelledBox, ...]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Pictures whose objects of ``classes_covered`` are all labelled."""

    classes_covered: tuple[str, ...]
    images: tuple[LabelledImage, ...]

    def boxes_per_class(self) -> dict[str, int]:
        """Objects without crowd regions, of every covered class."""
        seen = Counter(
            box.class_name for image in self.images for box in image.boxes if not box.crowd
        )
        return {name: seen[name] for name in self.classes_covered}

    def to_json(self) -> dict[str, Any]:
        """The document of ``annotations.json``."""
        return {
            "classes_covered": list(self.classes_covered),
            "images": [_image_json(image) for image in self.images],
        }

    @classmethod
    def from_json(cls, document: object) -> EvaluationSet:
        """Raises ``EvaluationSetInvalid`` (``labels_invalid``), naming the place."""
        fields = _mapping(document, ANNOTATIONS)
        covered = fields.get("classes_covered")
        if not isinstance(covered, list) or not all(isinstance(x, str) and x for x in covered):
            raise _wrong("classes_covered", "a list of names", covered)
        images = fields.get("images")
        if not isinstance(images, list):
            raise _wrong("images", "a list", images)
        names = tuple(dict.fromkeys(class_name(x) for x in covered))
        return cls(names, tuple(_image(x, f"images[{i}]") for i, x in enumerate(images)))


def load_set(folder: Path) -> EvaluationSet:
    """The stored set in ``folder``. Raises ``EvaluationSetInvalid``."""
    try:
        text = (folder / ANNOTATIONS).read_bytes()
    except OSError as error:
        raise EvaluationSetInvalid(
            "format_unknown", f"cannot read {ANNOTATIONS}: {error.strerror}"
        ) from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvaluationSetInvalid(
            "labels_invalid", f"{ANNOTATIONS}: expected JSON, got {error}"
        ) from error
    return EvaluationSet.from_json(document)


def save_annotations(folder: Path, evaluation_set: EvaluationSet) -> None:
    """Writes ``annotations.json`` in one go: a reader sees the old labels or the new ones."""
    waiting = folder / f".{ANNOTATIONS}.{os.getpid()}"
    with waiting.open("w") as file:
        json.dump(evaluation_set.to_json(), file, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(folder / ANNOTATIONS)


def _image_json(image: LabelledImage) -> dict[str, Any]:
    boxes = [
        {
            "class": box.class_name,
            "xyxy": [round(value, DIGITS) for value in box.xyxy],
            **({"crowd": True} if box.crowd else {}),
        }
        for box in image.boxes
    ]
    return {"file": image.file, "width": image.width, "height": image.height, "boxes": boxes}


def _image(document: object, place: str) -> LabelledImage:
    fields = _mapping(document, place)
    file, boxes = fields.get("file"), fields.get("boxes")
    inside = isinstance(file, str) and file and ".." not in PurePosixPath(file).parts
    if not inside or PurePosixPath(str(file)).is_absolute():
        raise _wrong(f"{place}.file", "a path within the set's folder", file)
    for side in ("width", "height"):
        if type(fields.get(side)) is not int or not 1 <= fields[side] <= MAX_SIDE:
            raise _wrong(f"{place}.{side}", "a number of pixels", fields.get(side))
    if not isinstance(boxes, list):
        raise _wrong(f"{place}.boxes", "a list", boxes)
    read = tuple(_box(x, f"{place}.boxes[{i}]") for i, x in enumerate(boxes))
    return LabelledImage(str(file), fields["width"], fields["height"], read)


def _box(document: object, place: str) -> LabelledBox:
    fields = _mapping(document, place)
    name, xyxy = fields.get("class"), fields.get("xyxy")
    if not isinstance(name, str) or not name:
        raise _wrong(f"{place}.class", "a name", name)
    numbers = isinstance(xyxy, list) and all(type(x) in (int, float) for x in xyxy)
    if not isinstance(xyxy, list) or not numbers or len(xyxy) != 4:
        raise _wrong(f"{place}.xyxy", "four numbers", xyxy)
    # As it will be stored: of a box thinner than that nothing would be left to read back.
    x1, y1, x2, y2 = (round(x, DIGITS) for x in xyxy)
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise _wrong(f"{place}.xyxy", "0 ≤ x1 < x2 ≤ 1 and 0 ≤ y1 < y2 ≤ 1", xyxy)
    corners = (float(x1), float(y1), float(x2), float(y2))
    return LabelledBox(class_name(name), corners, fields.get("crowd") is True)


def _mapping(document: object, place: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _wrong(place, "a JSON object", document)
    return document


def _wrong(place: str, expected: str, got: object) -> EvaluationSetInvalid:
    return EvaluationSetInvalid(
        "labels_invalid", f"{place}: expected {expected}, got {repr(got)[:120]}"
    )
