"""Average precision agrees with the reference and with what a person can work out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from models_registry.benchmarking.average_precision import (
    average_precision,
    best_threshold,
    interval,
    score_curve,
)
from models_registry.benchmarking.matching import Found, Matches, Truth, match

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """Random labelled objects, and boxes near them, far from them, and on top of each other."""

    truth: Truth
    found: Found
    images: int


def scene(seed: int, *, images: int, objects: int, crowd_share: float, ties: bool) -> Scene:
    rng = np.random.default_rng(seed)
    image = np.sort(rng.integers(0, images, objects))
    corner, size = rng.uniform(0, 300, (objects, 2)), rng.uniform(5, 120, (objects, 2))
    boxes = np.hstack([corner, corner + size]).round(2)
    source = np.repeat(np.arange(objects), rng.integers(0, 5, objects))
    near = boxes[source] + rng.normal(0, 6, (len(source), 4))
    alarms = rng.integers(objects // 2, objects * 2)
    spot = rng.uniform(0, 300, (alarms, 2))
    far = np.hstack([spot, spot + rng.uniform(5, 120, (alarms, 2))])
    found = np.vstack([near, far])
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    score = rng.uniform(0.01, 1, len(found))
    return Scene(
        Truth(image, boxes, rng.random(objects) < crowd_share),
        Found(
            np.concatenate([image[source], rng.integers(0, images, alarms)]),
            found,
            score.round(1) if ties else score,
        ),
        images,
    )


def reference(made: Scene) -> Floats:
    """(T,) by faster-coco-eval."""

    def corner_and_size(box: Floats) -> list[float]:
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    annotations: list[dict[str, Any]] = [
        {
            "id": number + 1,
            "image_id": int(image),
            "category_id": 1,
            "bbox": corner_and_size(box),
            "area": float(np.prod(box[2:] - box[:2])),
            "iscrowd": int(crowd),
        }
        for number, (image, box, crowd) in enumerate(
            zip(made.truth.image, made.truth.xyxy, made.truth.crowd, strict=True)
        )
    ]
    answers = [
        {
            "image_id": int(image),
            "category_id": 1,
            "bbox": corner_and_size(box),
            "score": float(score),
        }
        for image, box, score in zip(
            made.found.image, made.found.xyxy, made.found.score, strict=True
        )
    ]
    truth = COCO(
        {
            "images": [{"id": i, "width": 640, "height": 640} for i in range(made.images)],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "car"}],
        }
    )
    evaluation = COCOeval_faster(truth, truth.loadRes(answers), "bbox", print_function=_silent)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"].reshape(10, 101, 1, 4, 3)
    per_threshold: Floats = precision[:, :, 0, 0, -1].mean(axis=1)
    return per_threshold


def _silent(*words: object) -> None:
    """The reference prints what it does."""


@pytest.mark.parametrize("ties", [False, True], ids=["scores that differ", "many equal scores"])
@pytest.mark.parametrize("crowd_share", [0.0, 0.3])
@pytest.mark.parametrize(("images", "objects"), [(1, 60), (20, 120), (80, 60)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_what_the_reference_says(
    seed: int, images: int, objects: int, crowd_share: float, ties: bool
) -> None:
    made = scene(seed, images=images, objects=objects, crowd_share=crowd_share, ties=ties)
    ours = average_precision(match(made.truth, made.found))
    np.testing.assert_allclose(ours, reference(made), atol=1e-9)
    assert 0.05 < ours[0] < 1  # a scene in which all or nothing is found would prove little


def boxes(*corners: tuple[float, float, float, float]) -> Floats:
    return np.array(corners, np.float64).reshape(-1, 4)


def matched(
    truth: Floats, found: Floats, scores: list[float], *, crowd: list[bool] | None = None
) -> Matches:
    """On one picture."""
    marks = np.array(crowd or [False] * len(truth), np.bool_)
    zeros = np.zeros(len(found), np.int64)
    labelled = Truth(np.zeros(len(truth), np.int64), truth, marks)
    return match(labelled, Found(zeros, found, np.array(scores)), thresholds=np.array([0.5]))


A, B = (0.0, 0.0, 10.0, 10.0), (100.0, 0.0, 110.0, 10.0)
ASIDE, NOWHERE = (2.0, 0.0, 12.0, 10.0), (50.0, 50.0, 60.0, 60.0)  # IoU with A: 8/12

TABLE = {
    "all found": ([A, B], [A, B], [0.9, 0.8], 1.0),
    "nothing found": ([A, B], [], [], 0.0),
    # Recall 0.5 is reached at precision 1: 51 of the 101 recalls.
    "half found": ([A, B], [A], [0.9], 51 / 101),
    # Precision 1 up to recall 0.5, then 2 of 3.
    "an alarm between": ([A, B], [A, NOWHERE, B], [0.9, 0.8, 0.7], (51 + 50 * 2 / 3) / 101),
    "an alarm first": ([A], [NOWHERE, A], [0.9, 0.8], 0.5),
    "one object found twice": ([A, B], [A, ASIDE, B], [0.9, 0.8, 0.7], (51 + 50 * 2 / 3) / 101),
}


@pytest.mark.parametrize(("truth", "found", "scores", "expected"), TABLE.values(), ids=TABLE)
def test_small_cases_come_out_as_worked_out_by_hand(
    truth: list[Any], found: list[Any], scores: list[float], expected: float
) -> None:
    matches = matched(boxes(*truth), boxes(*found), scores)
    assert average_precision(matches)[0] == pytest.approx(expected)


def test_boxes_in_a_crowd_region_count_neither_way() -> None:
    crowd = (80.0, 0.0, 200.0, 100.0)
    found = boxes((90.0, 10.0, 100.0, 20.0), (150.0, 10.0, 160.0, 20.0), A)
    matches = matched(boxes(A, crowd), found, [0.9, 0.8, 0.7], crowd=[False, True])
    assert matches.objects == 1
    assert matches.ignored[0].tolist() == [True, True, False]
    assert average_precision(matches)[0] == 1.0
    assert best_threshold(matches).precision == 1.0  # type: ignore[union-attr]


def test_without_objects_there_is_no_figure() -> None:
    matches = matched(boxes(), boxes(A), [0.9])
    assert np.isnan(average_precision(matches)).all()
    assert best_threshold(matches) is None


def test_the_curve_says_what_stays_at_each_score() -> None:
    matches = matched(boxes(A, B), boxes(A, NOWHERE, B), [0.9, 0.5, 0.3])
    curve = score_curve(matches)
    for threshold, precision, recall in (
        (0.0, 2 / 3, 1.0),
        (0.3, 2 / 3, 1.0),
        (0.31, 1 / 2, 1 / 2),
        (0.5, 1 / 2, 1 / 2),
        (0.51, 1.0, 1 / 2),
        (0.9, 1.0, 1 / 2),
    ):
        at = round(threshold * 100)
        assert curve.precision[at] == pytest.approx(precision), threshold
        assert curve.recall[at] == pytest.approx(recall), threshold
    assert np.isnan(curve.precision[95])
    assert curve.recall[95] == curve.f1[95] == 0
    assert curve.f1[30] == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))


def test_the_best_threshold_keeps_boxes_of_equal_score_together() -> None:
    # With the two boxes of score 0.5 as one step: F1 0.8 of all four, 0.67 of the first alone.
    found = boxes(A, NOWHERE, B)
    best = best_threshold(matched(boxes(A, B), found, [0.9, 0.5, 0.5]))
    assert best is not None
    assert (best.threshold, best.recall) == (0.5, 1.0)
    assert best.precision == pytest.approx(2 / 3)
    assert best.f1 == pytest.approx(0.8)


def test_only_the_strongest_boxes_of_a_picture_count() -> None:
    found = boxes(*[NOWHERE] * 5, A)
    zeros = np.zeros(6, np.int64)
    labelled = Truth(np.zeros(1, np.int64), boxes(A), np.zeros(1, np.bool_))
    scores = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.1])
    weak = match(labelled, Found(zeros, found, scores), max_per_image=5)
    assert not weak.hit.any()
    assert match(labelled, Found(zeros, found, scores)).hit[0].sum() == 1


def test_the_interval_holds_the_figure_and_narrows_with_more_pictures() -> None:
    widths = []
    for images in (20, 320):
        made = scene(5, images=images, objects=images * 3, crowd_share=0.0, ties=False)
        matches = match(made.truth, made.found)
        low, high = interval(matches, made.truth.image, images)
        assert low < average_precision(matches)[0] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
