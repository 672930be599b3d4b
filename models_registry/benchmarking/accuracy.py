"""How well a detector finds what an evaluation set has labelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models_registry.benchmarking.average_precision import (
    BestThreshold,
    ScoreCurve,
    average_precision,
    best_threshold,
    interval,
    score_curve,
)
from models_registry.benchmarking.classes import VEHICLES, class_name
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import EvaluationSet, LabelledImage
from models_registry.benchmarking.matching import (
    MAX_PER_IMAGE,
    Bools,
    Floats,
    Found,
    Ints,
    Matches,
    Truth,
    match,
)
from models_registry.benchmarking.stills import read_still
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import Detector

Progress = Callable[[float, str], None]
SCORE_FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class ClassAccuracy:
    """``ap50_low``, ``ap50_high``: where 90 % of redrawn sets of this size would have it.

    ``None`` where nothing of the class is labelled, or the model cannot name it.
    """

    objects: int
    found: int
    ap50: float | None
    ap50_low: float | None
    ap50_high: float | None
    ap50_95: float | None
    best: BestThreshold | None
    curve: ScoreCurve | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one model on one set.

    ``mean_*``: over the classes that the labels cover, the model knows, and the set has objects of.
    ``any_vehicle``: the vehicle classes taken as one; an object counts as found whatever kind of
    vehicle it was taken for. ``classes_unknown_to_model`` are covered but not among its labels;
    ``classes_masked`` are found but not covered, so that nobody can say whether they are right.
    """

    images: int
    classes: dict[str, ClassAccuracy]
    any_vehicle: ClassAccuracy | None
    vehicle_classes: tuple[str, ...]
    mean_ap50: float | None
    mean_ap50_95: float | None
    classes_unknown_to_model: tuple[str, ...]
    classes_masked: tuple[str, ...]
    inference_s: float
    matching_s: float


def for_accuracy(contract: ModelContract, score_floor: float = SCORE_FLOOR) -> ModelContract:
    """The contract with weak boxes let through: the curve needs them, in use they are too many."""
    return replace(contract, score_threshold=score_floor)


def measure(
    detector: Detector,
    evaluation_set: EvaluationSet,
    folder: Path,
    *,
    max_images: int | None = None,
    progress: Progress = lambda share, words: None,
) -> Accuracy:
    """Runs ``detector`` on the pictures in ``folder`` and scores its boxes.

    ``max_images`` takes every n-th, spread over the whole set. Raises ``MeasurementFailed``.
    """
    images = spread(evaluation_set.images, max_images)
    if not images or not evaluation_set.classes_covered:
        raise MeasurementFailed(
            "nothing_to_measure", "expected a set with pictures and covered classes"
        )
    started_s = time.perf_counter()
    found = []
    for index, image in enumerate(images):
        frame = read_still(folder / image.file)
        found.append(detector.detect(frame, 0.0))
        progress((index + 1) / (len(images) + 1), f"{index + 1} of {len(images)} pictures")
    inferred_s = time.perf_counter()
    scored = score(found, images, evaluation_set.classes_covered, detector.labels)
    finished_s = time.perf_counter()
    progress(1.0, "scored")
    return replace(scored, inference_s=inferred_s - started_s, matching_s=finished_s - inferred_s)


def spread(images: tuple[LabelledImage, ...], most: int | None) -> tuple[LabelledImage, ...]:
    """At most ``most``, evenly from beginning to end, the same each time."""
    if most is None or len(images) <= most:
        return images
    return tuple(images[i] for i in np.linspace(0, len(images) - 1, max(most, 1)).astype(int))


def score(
    found: Iterable[Detections],
    images: tuple[LabelledImage, ...],
    covered: tuple[str, ...],
    labels: tuple[str, ...],
) -> Accuracy:
    """Scores one ``Detections`` per picture, boxes in its pixels, against the labels."""
    truth, boxes = _truth(images, covered), _found(found, covered, labels)
    known = {class_name(label) for label in labels}

    def of(*names: str) -> ClassAccuracy:
        kinds = [covered.index(name) for name in names]
        matches, labelled = _matches(truth, boxes, kinds)
        return _scored(matches, labelled, len(images), bool(known.intersection(names)))

    vehicles = tuple(x for x in VEHICLES if x in covered)
    classes = {name: of(name) for name in covered}
    return Accuracy(
        images=len(images),
        classes=classes,
        any_vehicle=of(*vehicles) if vehicles else None,
        vehicle_classes=vehicles,
        mean_ap50=_mean(x.ap50 for x in classes.values()),
        mean_ap50_95=_mean(x.ap50_95 for x in classes.values()),
        classes_unknown_to_model=tuple(x for x in covered if x not in known),
        classes_masked=tuple(sorted(known - set(covered))),
        inference_s=0.0,
        matching_s=0.0,
    )


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Of all pictures and classes: ``kind`` (N,) indexes the covered classes; ``mark`` is the
    score of found boxes, and 1 for crowd regions among labelled ones."""

    image: Ints
    kind: Ints
    xyxy: Floats
    mark: Floats

    def of(self, kinds: list[int]) -> tuple[Ints, Floats, Floats]:
        here: Bools = np.isin(self.kind, kinds)
        return self.image[here], self.xyxy[here], self.mark[here]


def _truth(images: tuple[LabelledImage, ...], covered: tuple[str, ...]) -> _Boxes:
    rows = [
        (number, covered.index(box.class_name), box.crowd, np.array(box.xyxy) * size)
        for number, image in enumerate(images)
        for size in [np.array([image.width, image.height] * 2)]
        for box in image.boxes
        if box.class_name in covered
    ]
    return _Boxes(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[2] for row in rows], np.float64),
    )


def _found(
    found: Iterable[Detections], covered: tuple[str, ...], labels: tuple[str, ...]
) -> _Boxes:
    places = {name: at for at, name in enumerate(covered)}
    kind_of = np.array([places.get(class_name(label), -1) for label in labels], np.int64)
    image, kind, xyxy, mark = [], [], [], []
    for number, boxes in enumerate(found):
        kinds = kind_of[boxes.class_id]
        kept = kinds >= 0
        image.append(np.full(int(kept.sum()), number, np.int64))
        kind.append(kinds[kept])
        xyxy.append(boxes.xyxy[kept].astype(np.float64))
        mark.append(boxes.confidence[kept].astype(np.float64))
    return _Boxes(
        np.concatenate(image), np.concatenate(kind), np.concatenate(xyxy), np.concatenate(mark)
    )


def _matches(truth: _Boxes, boxes: _Boxes, kinds: list[int]) -> tuple[Matches, Truth]:
    """The classes ``kinds`` as if they were one."""
    image, xyxy, crowd = truth.of(kinds)
    labelled = Truth(image, xyxy, crowd > 0)
    # One class may have 100 boxes per picture; several together must not crowd each other out.
    most = MAX_PER_IMAGE * len(kinds)
    return match(labelled, Found(*boxes.of(kinds)), max_per_image=most), labelled


def _scored(matches: Matches, labelled: Truth, images: int, known: bool) -> ClassAccuracy:
    if not known or not matches.objects:
        objects, found = matches.objects, len(matches.score)
        return ClassAccuracy(objects, found, None, None, None, None, None, None)
    precision = average_precision(matches)
    low, high = interval(matches, labelled.image[~labelled.crowd], images)
    return ClassAccuracy(
        objects=matches.objects,
        found=len(matches.score),
        ap50=float(precision[0]),
        ap50_low=low,
        ap50_high=high,
        ap50_95=float(precision.mean()),
        best=best_threshold(matches),
        curve=score_curve(matches),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
