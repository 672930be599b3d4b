"""COCO's layout: one JSON file with ``images``, ``categories`` and ``annotations`` (instances)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.drafts import (
    Draft,
    DraftBox,
    DraftPicture,
    in_split,
    is_picture,
)
from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.label_source import LabelSource

JSON_BYTES = 64 * 1024 * 1024
PARTS = ("images", "annotations", "categories")


def find_coco(
    source: LabelSource, *, split: str = "", file: str = ""
) -> tuple[str, dict[str, Any]] | None:
    """The annotation file's name and content; ``None`` when there is none.

    ``file`` names it where there are several. Raises ``EvaluationSetInvalid``.
    """
    names = [x for x in source.names if x.lower().endswith(".json") and in_split(x, split)]
    if file:
        names = [x for x in source.names if x == file]
        if not names:
            raise EvaluationSetInvalid("format_unknown", f"expected a file {file}, found none")
    found = [(name, document) for name in names if (document := _instances(source, name, file))]
    if len(found) > 1:
        listed = ", ".join(name for name, _ in found[:8])
        raise EvaluationSetInvalid(
            "format_unknown",
            f"expected one file with annotations, got {listed}: name one, or a split",
        )
    return found[0] if found else None


def read_coco(source: LabelSource, name: str, document: dict[str, Any]) -> Draft:
    """Raises ``EvaluationSetInvalid``; faults of single annotations are collected."""
    categories = _by_id(name, document, "categories")
    classes = {key: class_name(str(x.get("name", ""))) for key, x in categories.items()}
    if not classes or not all(classes.values()):
        raise EvaluationSetInvalid("classes_unknown", f"{name}: expected categories with names")
    draft = Draft(tuple(dict.fromkeys(classes.values())), pixels=True)
    images = _by_id(name, document, "images")
    boxes: dict[int, list[DraftBox]] = {key: [] for key in images}
    for index, annotation in enumerate(document["annotations"]):
        place = f"{name} annotations[{index}]"
        box = _box(annotation, classes, place)
        if isinstance(box, str):
            draft.problems.append(f"{place}: {box}, got {str(annotation)[:100]}")
        elif annotation.get("image_id") not in boxes:
            draft.problems.append(f"{place}: expected the id of an image")
        else:
            boxes[annotation["image_id"]].append(box)
    files = {x: x for x in source.names if is_picture(x)}
    by_last_name = _unique_last_names(files)
    for key, image in images.items():
        file = next((files[x] for x in _places(name, image) if x in files), None)
        file = file or by_last_name.get(PurePosixPath(str(image.get("file_name"))).name)
        if file is None:
            draft.problems.append(f"{name} image {key}: no file {image.get('file_name')!r}"[:200])
            continue
        draft.pictures.append(DraftPicture(file, tuple(boxes[key]), _size(image)))
    return draft


def _instances(source: LabelSource, name: str, asked_for: str) -> dict[str, Any] | None:
    try:
        document = json.loads(source.read(name, JSON_BYTES))
    except (ValueError, RecursionError) as error:
        if not asked_for:
            return None  # some other JSON file, or none at all: not ours to judge
        raise EvaluationSetInvalid("labels_invalid", f"{name}: {error}") from error
    complete = isinstance(document, dict) and all(isinstance(document.get(x), list) for x in PARTS)
    if not complete and asked_for:
        raise EvaluationSetInvalid("labels_invalid", f"{name}: expected the lists {list(PARTS)}")
    return document if complete else None


def _by_id(name: str, document: dict[str, Any], part: str) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for index, item in enumerate(document[part]):
        key = item.get("id") if isinstance(item, dict) else None
        if type(key) is not int or key in found:
            raise EvaluationSetInvalid(
                "labels_invalid", f"{name} {part}[{index}]: expected an id of its own, got {key!r}"
            )
        found[key] = item
    return found


def _box(annotation: object, classes: dict[int, str], place: str) -> DraftBox | str:
    if not isinstance(annotation, dict):
        return "expected an object"
    bbox, category = annotation.get("bbox"), annotation.get("category_id")
    numbers = isinstance(bbox, list) and all(type(x) in (int, float) for x in bbox)
    if not isinstance(bbox, list) or not numbers or len(bbox) != 4:
        return "expected bbox [x, y, width, height] in pixels"
    if not all(
        abs(value) < 1e6 for value in bbox
    ):  # also keeps out NaN and numbers without a float
        return "expected bbox [x, y, width, height] in pixels of the picture"
    x, y, width, height = (float(value) for value in bbox)
    if width <= 0 or height <= 0:
        return "expected bbox [x, y, width, height] in pixels, width and height above 0"
    if type(category) is not int or category not in classes:
        return "expected the id of a category"
    crowd = annotation.get("iscrowd") in (1, True)
    return DraftBox(classes[category], (x, y, x + width, y + height), crowd, place)


def _places(annotations: str, image: dict[str, Any]) -> Iterator[str]:
    """Where a picture may lie: beside the annotations, at the top, or in a folder of images."""
    stated = str(image.get("file_name"))
    beside = PurePosixPath(annotations).parent
    for folder in (beside, PurePosixPath(), beside / "images", beside.parent / "images"):
        yield (folder / stated).as_posix()


def _unique_last_names(files: dict[str, str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for file in files:
        last = PurePosixPath(file).name
        found[last] = None if last in found else file  # of two with one name neither is meant
    return found


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    return (width, height) if type(width) is int and type(height) is int else None
