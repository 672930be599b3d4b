"""Pictures and what is known to be on them, as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.evaluation_set import (
    EvaluationSet,
    LabelledBox,
    LabelledImage,
)
from models_registry.benchmarking.stills import read_still
from models_registry.runtime.detections import FloatArray, IntArray

Bools = NDArray[np.bool_]
ANY_CLASS = -1


@dataclass(frozen=True, slots=True)
class Objects:
    """N objects: ``xyxy`` (N, 4), ``kind`` (N,) the class's number or ``ANY_CLASS``, ``score`` (N,)
    how sure the labeller is, 0–1, ``ignored`` (N,): a region in which that class counts neither
    way. The unit of ``xyxy`` is the holder's: 0–1 of a picture, or pixels of a canvas."""

    xyxy: FloatArray
    kind: IntArray
    score: FloatArray
    ignored: Bools

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        shapes = (self.xyxy.shape, self.kind.shape, self.score.shape, self.ignored.shape)
        if shapes != ((count, 4), (count,), (count,), (count,)):
            raise ValueError(f"expected (N, 4) and three times (N,), got {shapes}")

    def __len__(self) -> int:
        return len(self.xyxy)

    def select(self, keep: Bools) -> Objects:
        """Those that the mask names."""
        return Objects(self.xyxy[keep], self.kind[keep], self.score[keep], self.ignored[keep])


def make_objects(rows: Iterable[tuple[tuple[float, ...], int, float, bool]]) -> Objects:
    """From (corners, kind, score, ignored) each."""
    listed = list(rows)
    return Objects(
        np.array([x[0] for x in listed], np.float32).reshape(-1, 4),
        np.array([x[1] for x in listed], np.int32),
        np.array([x[2] for x in listed], np.float32),
        np.array([x[3] for x in listed], np.bool_),
    )


def joined(parts: list[Objects]) -> Objects:
    """All of them, in order."""
    if not parts:
        return make_objects([])
    return Objects(
        np.concatenate([x.xyxy for x in parts]),
        np.concatenate([x.kind for x in parts]),
        np.concatenate([x.score for x in parts]),
        np.concatenate([x.ignored for x in parts]),
    )


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """``objects`` in 0–1 of the picture; ``labelled`` (C,): every object of that class is named."""

    path: Path
    objects: Objects
    labelled: Bools


@dataclass(frozen=True, slots=True)
class LabelledSource:
    """Pictures of one origin; ``share``: how often they are drawn, relative to other sources;
    ``paste``: their objects may be laid on other pictures."""

    name: str
    pictures: tuple[LabelledPicture, ...]
    share: float
    paste: bool = False

    def counts(self, classes: tuple[str, ...]) -> dict[str, int]:
        """Objects per class, regions that count neither way left out."""
        totals = np.zeros(len(classes), np.int64)
        for picture in self.pictures:
            certain = picture.objects.kind[~picture.objects.ignored]
            totals += np.bincount(certain, minlength=len(classes))
        return dict(zip(classes, totals.tolist(), strict=True))

    def labelled_classes(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Those labelled on every picture."""
        everywhere = np.all([x.labelled for x in self.pictures], axis=0)
        return tuple(name for name, known in zip(classes, everywhere, strict=True) if known)


def as_evaluation_set(source: LabelledSource, classes: tuple[str, ...]) -> EvaluationSet:
    """For the accuracy functions; files are absolute paths, pictures are read for their size."""
    covered = source.labelled_classes(classes)
    images = []
    for picture in source.pictures:
        height, width = read_still(picture.path).shape[:2]
        boxes = tuple(_boxes(picture.objects, classes))
        images.append(LabelledImage(str(picture.path.resolve()), width, height, boxes))
    return EvaluationSet(covered, tuple(images))


def _boxes(objects: Objects, classes: tuple[str, ...]) -> Iterable[LabelledBox]:
    for xyxy, kind, ignored in zip(objects.xyxy, objects.kind, objects.ignored, strict=True):
        x1, y1, x2, y2 = (float(value) for value in xyxy)
        names = classes if kind == ANY_CLASS else (classes[kind],)
        for name in names:
            yield LabelledBox(name, (x1, y1, x2, y2), bool(ignored))
