"""Suppression agrees with the slow and obvious way, and stays bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.runtime.nms import strongest, suppress
from tests.reference_decoders import iou, slow_suppress


def crowd(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes in heaps, as a detector gives them."""
    rng = np.random.default_rng(seed)
    heaps = rng.uniform(0, 400, (max(count // 5, 1), 2))
    centre = heaps[rng.integers(0, len(heaps), count)] + rng.normal(0, 4, (count, 2))
    half = rng.uniform(8, 25, (count, 2))
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    confidence = rng.uniform(0.1, 1, count).astype(np.float32)
    return boxes, confidence, rng.integers(0, 3, count).astype(np.int32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 60),
    threshold=st.floats(0.2, 0.8),
    agnostic=st.booleans(),
)
def test_suppression_is_that_of_the_slow_way(
    seed: int, count: int, threshold: float, agnostic: bool
) -> None:
    boxes, confidence, class_id = crowd(seed, count)
    kept = suppress(boxes, confidence, class_id, iou=threshold, class_agnostic=agnostic)
    rivals = np.zeros_like(class_id) if agnostic else class_id
    assert kept.tolist() == slow_suppress(boxes, confidence, rivals, threshold)


def test_of_two_boxes_on_one_object_the_stronger_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]], np.float32)
    confidence = np.array([0.5, 0.9, 0.3], np.float32)
    assert iou(boxes[0], boxes[1]) == pytest.approx(9 / 11)
    same, other = np.zeros(3, np.int32), np.array([0, 1, 0], np.int32)
    assert suppress(boxes, confidence, same, iou=0.5).tolist() == [1, 2]
    assert suppress(boxes, confidence, other, iou=0.5).tolist() == [1, 0, 2]
    agnostic = suppress(boxes, confidence, other, iou=0.5, class_agnostic=True)
    assert agnostic.tolist() == [1, 2]


def test_candidates_and_detections_are_capped_at_the_strongest() -> None:
    boxes = np.arange(400, dtype=np.float32)[:, None] * 20 + np.array([0, 0, 10, 10], np.float32)
    confidence = np.linspace(0.2, 0.9, 400, dtype=np.float32)
    class_id = np.zeros(400, np.int32)
    kept = suppress(boxes, confidence, class_id, iou=0.5, max_candidates=50, max_detections=7)
    assert kept.tolist() == [399, 398, 397, 396, 395, 394, 393]
    few = suppress(boxes, confidence, class_id, iou=0.5, max_candidates=3)
    assert few.tolist() == [399, 398, 397]


def test_equal_confidences_keep_their_order() -> None:
    assert strongest(np.array([0.5, 0.9, 0.5, 0.5], np.float32), 10).tolist() == [1, 0, 2, 3]
