"""Verdicts on a new detector, and agreement of two, from boxes that a person can check."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from sensing.worker.agreement import Agreement, overlaps, pairs
from sensing.worker.trial import FRAMES, OBJECTS, Trial

BUDGET_MS = 100.0
LABELS = ("car", "truck")
LEFT, NEAR_LEFT, RIGHT = (0, 0, 10, 10), (0, 0, 10, 8), (50, 0, 60, 10)
"""``LEFT`` and ``NEAR_LEFT`` overlap by .8."""


def seen(
    *boxes: tuple[int, int, int, int], confidence: float = 0.9, class_id: int = 0
) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(count, 4),
        np.full(count, confidence, np.float32),
        np.full(count, class_id, np.int32),
        LABELS,
    )


def trial(old: Detections, new: Detections, frames: int, *, comparable: bool = True) -> Trial:
    judged = Trial(BUDGET_MS, comparable=comparable)
    for _ in range(frames):
        judged.old_took(20.0)
        judged.new_took(30.0)
        judged.compare(old, new)
    return judged


@pytest.mark.parametrize(
    ("new", "blind"),
    [
        (seen(), True),
        (seen(RIGHT), True),
        (seen(NEAR_LEFT), False),
        (seen(NEAR_LEFT, class_id=1), False),
        (seen(NEAR_LEFT, confidence=0.1), False),
    ],
)
def test_a_detector_that_finds_nothing_where_the_old_one_was_sure_is_blind(
    new: Detections, blind: bool
) -> None:
    assert trial(seen(LEFT), new, OBJECTS - 1).fault() is None
    fault = trial(seen(LEFT), new, OBJECTS).fault()
    assert (fault is not None and fault.cause == "blind") is blind
    assert not fault or f"0 of {OBJECTS}" in fault.detail


def test_a_fifth_of_the_objects_is_enough_to_be_called_seeing() -> None:
    for found, blind in ((OBJECTS // 5 - 1, True), (OBJECTS // 5, False)):
        judged = trial(seen(LEFT), seen(), OBJECTS - found)
        for _ in range(found):
            judged.compare(seen(LEFT), seen(LEFT))
        assert (judged.fault() is not None) is blind


def test_what_the_old_one_was_not_sure_of_speaks_against_nobody() -> None:
    assert trial(seen(LEFT, confidence=0.4), seen(), 10 * OBJECTS).fault() is None


def test_a_detector_of_motion_is_never_blind_for_what_stands_still() -> None:
    assert trial(seen(LEFT), seen(), 10 * OBJECTS, comparable=False).fault() is None


@pytest.mark.parametrize(
    ("old_ms", "new_ms", "frames", "slow"),
    [
        (20.0, 150.0, FRAMES, True),
        (20.0, 150.0, FRAMES - 1, False),
        (20.0, 99.0, FRAMES, False),
        (120.0, 150.0, FRAMES, False),
    ],
)
def test_too_slow_is_beyond_the_budget_that_the_old_one_kept(
    old_ms: float, new_ms: float, frames: int, slow: bool
) -> None:
    judged = Trial(BUDGET_MS)
    for _ in range(frames):
        judged.old_took(old_ms)
        judged.new_took(new_ms)
    fault = judged.fault()
    assert (fault is not None and fault.cause == "too_slow") is slow


def test_one_slow_frame_in_fifty_is_forgiven() -> None:
    judged = Trial(BUDGET_MS)
    for at in range(100):
        judged.old_took(20.0)
        judged.new_took(500.0 if at % 50 == 0 else 30.0)
    assert judged.fault() is None


def test_frames_that_a_busy_box_delays_are_not_its_fault() -> None:
    judged = Trial(BUDGET_MS)
    for at in range(100):
        judged.old_took(25.0)
        judged.new_took(500.0 if at % 10 == 0 else 30.0)
    assert judged.fault() is None
    for _ in range(100):
        judged.old_took(25.0)
        judged.new_took(BUDGET_MS + 1)
    fault = judged.fault()
    assert fault is not None
    assert fault.cause == "too_slow"


def test_enough_is_seen_after_so_many_frames_and_objects() -> None:
    assert not trial(seen(LEFT), seen(LEFT), OBJECTS - 1).enough
    assert trial(seen(LEFT), seen(LEFT), OBJECTS).enough
    many = seen(*[LEFT] * OBJECTS)
    assert not trial(many, many, FRAMES - 1).enough
    assert trial(many, many, FRAMES).enough


def test_overlaps_are_areas_in_common_over_areas_of_either() -> None:
    found = overlaps(seen(LEFT, RIGHT).xyxy, seen(NEAR_LEFT, (5, 0, 15, 10)).xyxy)
    np.testing.assert_allclose(found, [[0.8, 1 / 3], [0.0, 0.0]], rtol=1e-6)
    assert overlaps(seen().xyxy, seen(LEFT).xyxy).shape == (0, 1)


def test_each_box_has_one_partner_and_the_best_pairs_come_first() -> None:
    overlap = np.array([[0.6, 0.9], [0.55, 0.8]], np.float32)
    rows, columns = pairs(overlap, 0.5)
    assert (rows.tolist(), columns.tolist()) == ([True, True], [True, True])
    rows, columns = pairs(np.array([[0.9, 0.8]], np.float32), 0.5)
    assert (rows.tolist(), columns.tolist()) == ([True], [True, False])


@pytest.mark.parametrize(
    ("active", "shadow", "share", "only_active", "only_shadow"),
    [
        (seen(), seen(), None, 0, 0),
        (seen(LEFT), seen(NEAR_LEFT), 1.0, 0, 0),
        (seen(LEFT), seen(LEFT, class_id=1), 0.0, 1, 1),
        (seen(LEFT), seen(RIGHT), 0.0, 1, 1),
        (seen(LEFT), seen(), 0.0, 1, 0),
        (seen(LEFT, RIGHT), seen(RIGHT), 2 / 3, 1, 0),
        (seen(LEFT, confidence=0.45), seen(LEFT, confidence=0.35), 1.0, 0, 0),
        (seen(LEFT, confidence=0.2), seen(), None, 0, 0),
    ],
)
def test_agreement_counts_the_sure_boxes_that_the_other_has_too(
    active: Detections,
    shadow: Detections,
    share: float | None,
    only_active: int,
    only_shadow: int,
) -> None:
    agreement = Agreement()
    agreement.add(active, shadow)
    assert agreement.share == (share if share is None else pytest.approx(share))
    assert (agreement.only_active, agreement.only_shadow) == (only_active, only_shadow)


def test_classes_are_compared_by_name() -> None:
    other = seen(LEFT, class_id=1)
    renamed = Detections(other.xyxy, other.confidence, other.class_id, ("person", "car"))
    agreement = Agreement()
    agreement.add(seen(LEFT), renamed)
    assert agreement.share == 1.0
