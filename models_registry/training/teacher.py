"""What another detector sees on pictures: labels where nobody labelled, soft targets elsewhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import onnx

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.matching import overlaps
from models_registry.benchmarking.stills import read_still
from models_registry.runtime.detector import Detector, ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.finite import no_number_in
from models_registry.training.labelled import (
    Bools,
    LabelledPicture,
    LabelledSource,
    Objects,
    joined,
    make_objects,
)
from models_registry.training.recipe import TeacherRecipe

Said = Callable[[str], None]
SAME_OBJECT_IOU = 0.5
TELL_EVERY = 200


@dataclass(frozen=True, slots=True)
class Teacher:
    """A detector, the classes it can name, and how its word is taken."""

    recipe: TeacherRecipe
    detector: Detector
    digest: str
    classes: tuple[str, ...]

    @property
    def known(self) -> Bools:
        """(C,) classes of ours that the teacher can name."""
        names = [class_name(x) for x in self.detector.labels]
        return np.isin(self.classes, names)


def load_teacher(recipe: TeacherRecipe, classes: tuple[str, ...], data: Path) -> Teacher:
    """Raises ``TrainingFailed`` (``teacher_unusable``)."""
    path = data / recipe.path
    if not path.is_file():
        raise TrainingFailed("teacher_unusable", f"{path}: expected an ONNX file, found none")
    try:
        detector = load_detector(path, warm_up=False)
        # The graph's contract, with weak boxes let through.
        contract = replace(detector.contract, score_threshold=recipe.least)
        detector = load_detector(path, contract)
    except ModelUnusable as error:
        raise TrainingFailed("teacher_unusable", f"{recipe.path}: {error}") from error
    if (name := no_number_in(onnx.load(path))) is not None:
        raise TrainingFailed(
            "teacher_unusable",
            f"{recipe.path}: expected weights that are numbers, got NaN in {name}",
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    teacher = Teacher(recipe, detector, digest, classes)
    if not teacher.known.any():
        raise TrainingFailed(
            "teacher_unusable", f"{recipe.path}: expected it to know one of {list(classes)}"
        )
    return teacher


def taught(teacher: Teacher, source: LabelledSource, kept: Path, said: Said) -> LabelledSource:
    """The source with the teacher's word added to each picture. Raises ``TrainingFailed``."""
    seen = _seen(teacher, source, kept, said)
    known, recipe = teacher.known, teacher.recipe
    pictures = tuple(
        merge(picture, boxes, known, recipe)
        for picture, boxes in zip(source.pictures, seen, strict=True)
    )
    return replace(source, pictures=pictures)


def merge(
    picture: LabelledPicture, seen: Objects, known: Bools, recipe: TeacherRecipe
) -> LabelledPicture:
    """``seen``: the teacher's boxes in 0–1, ``known`` (C,): classes that it can name.

    A class that is labelled stays as it is labelled; only its targets may be softened.
    """
    labels = picture.objects
    if recipe.soften:
        labels = replace(labels, score=_softened(labels, seen, recipe.soften, known))
    new = seen.select(~picture.labelled[seen.kind])
    new = replace(new, ignored=new.score < recipe.sure)
    # An object that somebody labelled is not another one because the teacher calls it otherwise.
    if len(labels) and len(new):
        told = ~labels.ignored
        common = overlaps(new.xyxy.astype(np.float64), labels.xyxy[told].astype(np.float64))
        if told.any():
            new = new.select(common.max(axis=1) < SAME_OBJECT_IOU)
    return LabelledPicture(picture.path, joined([labels, new]), picture.labelled | known)


def _softened(labels: Objects, seen: Objects, part: float, known: Bools) -> np.ndarray:
    score = labels.score.copy()
    common = overlaps(labels.xyxy.astype(np.float64), seen.xyxy.astype(np.float64))
    for at in np.flatnonzero(~labels.ignored):
        if not known[labels.kind[at]]:
            continue
        same = (common[at] >= SAME_OBJECT_IOU) & (seen.kind == labels.kind[at])
        said = float(seen.score[same].max()) if same.any() else 0.0
        score[at] = (1 - part) * score[at] + part * said
    return score


def _seen(teacher: Teacher, source: LabelledSource, kept: Path, said: Said) -> list[Objects]:
    """From an earlier run if teacher, threshold and pictures are the same."""
    names = [f"{x.path.name} {x.path.stat().st_size}" for x in source.pictures]
    key = "\n".join([teacher.digest, str(teacher.recipe.least), *teacher.classes, *names])
    file = kept / f"teacher-{hashlib.sha256(key.encode()).hexdigest()[:20]}.npz"
    if (known := _kept(file)) is not None:
        return known
    found = []
    for index, picture in enumerate(source.pictures):
        if index % TELL_EVERY == 0:
            said(f"{source.name}: the teacher looks at picture {index + 1} of {len(names)}")
        found.append(_look(teacher, picture.path))
    waiting = kept / f".{file.name}.{os.getpid()}.npz"
    np.savez(waiting, rows=np.concatenate(found), counts=[len(x) for x in found])
    waiting.replace(file)
    return [_objects(part) for part in found]


def _kept(file: Path) -> list[Objects] | None:
    """``None`` where nothing is, or nothing that can be read: a power cut may leave half a file."""
    try:
        with file.open("rb") as opened, np.load(opened) as stored:
            rows, counts = stored["rows"], stored["counts"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None
    return [_objects(part) for part in np.split(rows, np.cumsum(counts)[:-1])]


def _look(teacher: Teacher, path: Path) -> np.ndarray:
    """(N, 6): corners in 0–1, class number, score."""
    try:
        frame = read_still(path)
        boxes = teacher.detector.detect(frame, 0.0)
    except (MeasurementFailed, ModelUnusable) as error:
        raise TrainingFailed("picture_unreadable", f"{path}: {error}") from error
    numbers = {name: number for number, name in enumerate(teacher.classes)}
    kind = np.array([numbers.get(class_name(x), -1) for x in boxes.class_names()], np.float32)
    size = np.array([frame.shape[1], frame.shape[0]] * 2, np.float32)
    rows = np.concatenate(
        [boxes.xyxy / size, kind.reshape(-1, 1), boxes.confidence.reshape(-1, 1)], axis=1
    )
    chosen: np.ndarray = rows[kind >= 0].astype(np.float32)
    return chosen


def _objects(rows: np.ndarray) -> Objects:
    return make_objects((tuple(x[:4].tolist()), int(x[4]), float(x[5]), False) for x in rows)
