"""YOLO's layout: a text file per picture, a line per object: class, centre x and y, width, height.

Pictures in a folder ``images``, labels in ``labels`` at the same level, or both side by side.
Class names in ``data.yaml`` (``names``) or ``classes.txt`` / ``*.names``, one a line. An outline
(class and three or more points) counts as the box around it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

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

LABEL_BYTES = 4 * 1024 * 1024
NAMES_BYTES = 256 * 1024
OVER_THE_EDGE = 0.01  # rounding, and boxes of objects that the picture's edge cuts
NO_LABEL, NO_PICTURE = "no label file", "no picture of this name"
NAME_FILES = ("classes.txt", "labels.txt", "obj.names", "names.txt")


def read_yolo(source: LabelSource, *, names: tuple[str, ...] = (), split: str = "") -> Draft:
    """``names`` count instead of a file with class names; ``split`` picks a folder of this name.

    Raises ``EvaluationSetInvalid`` (``classes_unknown``); faults of single lines are collected.
    """
    names = names or class_names(source)
    draft = Draft(tuple(class_name(x) for x in names), pixels=False)
    files, used = set(source.names), set[str]()
    for name in source.names:
        if not is_picture(name) or not in_split(name, split):
            continue
        labels = [x for x in _label_names(name) if x in files]
        used.update(labels)
        if not labels:
            # Without a label file nobody said that nothing is there: it is unknown, not empty.
            draft.left_out[name] = NO_LABEL
            continue
        boxes = tuple(_read_lines(source, labels[0], draft))
        draft.pictures.append(DraftPicture(name, boxes))
    for name in source.names:
        if name not in used and in_split(name, split) and _is_label(source, name):
            draft.left_out[name] = NO_PICTURE
    return draft


def class_names(source: LabelSource) -> tuple[str, ...]:
    """From the file nearest to the top. Raises ``EvaluationSetInvalid`` (``classes_unknown``)."""
    by_depth = sorted(source.names, key=lambda name: (name.count("/"), name))
    for name in by_depth:
        if PurePosixPath(name).suffix.lower() in (".yaml", ".yml"):
            found = _yaml_names(source, name)
            if found:
                return found
    for name in by_depth:
        file = PurePosixPath(name)
        if file.name.lower() in NAME_FILES or file.suffix.lower() == ".names":
            lines = _text(source, name, NAMES_BYTES).splitlines()
            found = tuple(line.strip() for line in lines)
            while found and not found[-1]:
                found = found[:-1]
            if found:
                return found
    raise EvaluationSetInvalid(
        "classes_unknown",
        "expected data.yaml with names, or classes.txt with one name a line: found neither",
    )


def _yaml_names(source: LabelSource, name: str) -> tuple[str, ...]:
    try:
        document = yaml.safe_load(_text(source, name, NAMES_BYTES))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise EvaluationSetInvalid("classes_unknown", f"{name}: {words}") from error
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict):
        numbers = sorted(x for x in names if type(x) is int)
        if numbers != list(range(len(names))):
            raise EvaluationSetInvalid(
                "classes_unknown", f"{name}: expected names numbered 0, 1, 2 …, got {_short(names)}"
            )
        names = [names[x] for x in numbers]
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(x, str) and x.strip() for x in names):
        raise EvaluationSetInvalid(
            "classes_unknown", f"{name}: expected names to be a list of words, got {_short(names)}"
        )
    return tuple(names)


def _short(value: object) -> str:
    # A few lines of YAML can refer to each other until their whole text would fill the memory.
    return reprlib.repr(value)[:200]


def _label_names(picture: str) -> Iterator[str]:
    path = PurePosixPath(picture)
    folders = list(path.parts[:-1])
    for at in range(len(folders) - 1, -1, -1):
        if folders[at] == "images":
            yield PurePosixPath(
                *folders[:at], "labels", *folders[at + 1 :], path.stem
            ).as_posix() + (".txt")
    yield path.with_suffix(".txt").as_posix()


def _is_label(source: LabelSource, name: str) -> bool:
    """Whether a text file has labels and is no note, list of pictures or list of classes."""
    path = PurePosixPath(name)
    if path.suffix.lower() != ".txt" or path.name.lower() in NAME_FILES:
        return False
    try:
        lines = _text(source, name, LABEL_BYTES).strip().splitlines()
    except EvaluationSetInvalid:
        return False
    words = lines[0].split() if lines else []
    try:
        return int(words[0]) >= 0 and len([float(x) for x in words]) >= 5
    except IndexError:
        return "labels" in path.parts[:-1]  # of a picture with nothing on it
    except ValueError:
        return False


def _read_lines(source: LabelSource, label: str, draft: Draft) -> Iterator[DraftBox]:
    try:
        lines = _text(source, label, LABEL_BYTES).splitlines()
    except EvaluationSetInvalid as error:
        draft.problems.append(error.message)
        return
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        place = f"{label} line {number}"
        box = _box(words, draft.class_names, place)
        if isinstance(box, str):
            draft.problems.append(f"{place}: {box}, got {line.strip()[:80]!r}")
        else:
            yield box


def _box(words: list[str], names: tuple[str, ...], place: str) -> DraftBox | str:
    """The box of a line, or what was expected instead."""
    try:
        number, values = int(words[0]), [float(x) for x in words[1:]]
    except ValueError:
        return "expected class x y w h in 0–1"
    if not 0 <= number < len(names):
        return f"expected a class 0–{len(names) - 1}"
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        return "expected class x y w h in 0–1"
    if not all(-OVER_THE_EDGE <= x <= 1 + OVER_THE_EDGE for x in values):  # nor NaN
        return "expected class x y w h in 0–1"
    xyxy = _corners(values) if len(values) == 4 else _around(values)
    if not (math.isfinite(sum(xyxy)) and xyxy[2] > xyxy[0] and xyxy[3] > xyxy[1]):
        return "expected a width and height above 0"
    return DraftBox(names[number], xyxy, False, place)


def _corners(values: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = values
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(values: list[float]) -> tuple[float, float, float, float]:
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _text(source: LabelSource, name: str, limit_bytes: int) -> str:
    try:
        return source.read(name, limit_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvaluationSetInvalid(
            "labels_invalid", f"{name}: expected text in UTF-8, got other bytes"
        ) from error
