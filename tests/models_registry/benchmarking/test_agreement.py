"""Agreement counts boxes that both versions found, at the same place, of the same class."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.benchmarking.agreement import compare_detections
from models_registry.runtime.detections import Detections

Box = tuple[str, float, float]  # class, left edge, score; all boxes are 10 × 10


def found(*boxes: Box, labels: tuple[str, ...] = ("person", "car")) -> Detections:
    return Detections(
        np.array([(x, 0, x + 10, 10) for _, x, _ in boxes], np.float32).reshape(-1, 4),
        np.array([score for *_, score in boxes], np.float32),
        np.array([labels.index(name) for name, *_ in boxes], np.int32),
        labels,
    )


A, FAR = ("car", 0.0, 0.9), ("car", 100.0, 0.5)
# (first, second, matched, share): a box 3 px aside overlaps by 7/13, one 4 px aside by 6/14.
TABLE = {
    "both nothing": (found(), found(), 0, None),
    "same": (found(A, FAR), found(FAR, A), 2, 1.0),
    "one missing": (found(A, FAR), found(A), 1, 2 / 3),
    "nothing in common": (found(A), found(FAR), 0, 0.0),
    "a little aside": (found(A), found(("car", 3.0, 0.9)), 1, 1.0),
    "too far aside": (found(A), found(("car", 4.0, 0.9)), 0, 0.0),
    "another class": (found(A), found(("person", 0.0, 0.9)), 0, 0.0),
    "one box has one partner": (found(A), found(A, ("car", 1.0, 0.8)), 1, 2 / 3),
    "the closest pair first": (
        found(("car", 0.0, 0.9), ("car", 2.0, 0.8)),
        found(("car", 2.0, 0.9), ("car", 4.0, 0.8)),
        1,
        0.5,
    ),
    "another order of labels": (
        found(A),
        found(A, labels=("car", "person")),
        1,
        1.0,
    ),
    "another word for the class": (
        found(("motorcycle", 0.0, 0.9), labels=("motorcycle",)),
        found(("motorbike", 0.0, 0.9), labels=("motorbike",)),
        1,
        1.0,
    ),
}


@pytest.mark.parametrize(("first", "second", "matched", "share"), TABLE.values(), ids=TABLE)
def test_boxes_pair_up(
    first: Detections, second: Detections, matched: int, share: float | None
) -> None:
    total = compare_detections([(first, second)]).total
    assert (total.first, total.second, total.matched) == (len(first), len(second), matched)
    assert total.share == (None if share is None else pytest.approx(share))


def test_pictures_and_classes_are_summed() -> None:
    stronger = ("car", 0.0, 1.0)
    person = ("person", 50.0, 0.5)
    result = compare_detections(
        [(found(A, person), found(stronger)), (found(A), found(A)), (found(), found())]
    )
    assert (result.frames, result.alike) == (3, 2)
    assert (result.classes["car"].first, result.classes["car"].matched) == (2, 2)
    assert result.classes["person"].share == 0
    assert result.total.share == pytest.approx(2 * 2 / 5)
    assert result.mean_iou == pytest.approx(1.0)
    assert result.mean_score_change == pytest.approx(0.05)
