"""Heads and plates go, the rest stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.benchmarking.blurring import blur
from models_registry.runtime.detections import Detections
from tests.models_registry.benchmarking.pictures import picture

LABELS = ("person", "car", "dog")


def found(*boxes: tuple[str, tuple[float, float, float, float]]) -> Detections:
    return Detections(
        np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, np.float32),
        np.array([LABELS.index(name) for name, _ in boxes], np.int32),
        LABELS,
    )


# (class, changed rows of a box from row 50 to 150, rows of it that stay)
PARTS = {
    "head": ("person", slice(50, 80), slice(82, 150)),
    "plate": ("car", slice(106, 150), slice(50, 104)),
}


@pytest.mark.parametrize(("name", "covered", "kept"), PARTS.values(), ids=PARTS)
def test_the_part_that_tells_who_it_is_is_covered(name: str, covered: slice, kept: slice) -> None:
    frame = picture(1)
    before = frame.copy()
    done = blur(frame, found((name, (100.0, 50.0, 140.0, 150.0))))
    part = done.frame[covered, 100:140]
    # Noise has thousands of colours; of the part a handful of blocks is left.
    assert len(np.unique(part.reshape(-1, 3), axis=0)) <= 16
    np.testing.assert_array_equal(done.frame[kept, 100:140], before[kept, 100:140])
    np.testing.assert_array_equal(done.frame[:, :90], before[:, :90])
    np.testing.assert_array_equal(frame, before)  # the given picture is not touched
    assert (done.heads, done.plates) == (int(name == "person"), int(name == "car"))


def test_other_objects_stay_as_they_are() -> None:
    frame = picture(2)
    done = blur(frame, found(("dog", (10.0, 10.0, 60.0, 60.0))))
    np.testing.assert_array_equal(done.frame, frame)
    assert (done.heads, done.plates) == (0, 0)


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 224.0, 224.0),
        (220.0, 0.0, 224.0, 3.0),
        (10.2, 10.2, 10.9, 10.9),
        (-40.0, -40.0, 20.0, 20.0),
    ],
)
def test_boxes_at_the_edge_and_tiny_ones_are_covered_too(
    box: tuple[float, float, float, float],
) -> None:
    done = blur(picture(3), found(("person", box), ("car", box)))
    assert done.frame.shape == (224, 224, 3)
    assert done.plates == 1


def test_regions_that_overlap_are_made_from_the_picture_not_from_each_other() -> None:
    frame = picture(4)
    box = (100.0, 50.0, 140.0, 150.0)
    once = blur(frame, found(("person", box)))
    twice = blur(frame, found(("person", box), ("person", box)))
    np.testing.assert_array_equal(once.frame, twice.frame)
