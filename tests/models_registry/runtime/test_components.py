"""Connected parts of a mask, few and very many."""

from __future__ import annotations

import numpy as np

from models_registry.runtime.components import components


def test_parts_that_touch_at_a_corner_are_one() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:3, 1:3] = mask[3:5, 3:6] = mask[0, 7] = 255
    labels, boxes = components(mask)
    assert sorted(boxes[1:].tolist()) == [[1, 1, 5, 4, 10], [7, 0, 1, 1, 1]]
    assert labels[1, 1] == labels[4, 5] != labels[0, 7]


def test_more_parts_than_16_bits_can_number_are_told_apart() -> None:
    mask = np.zeros((600, 600), np.uint8)
    mask[::2, ::2] = 255
    labels, boxes = components(mask)
    assert len(boxes) == 1 + 300 * 300
    assert labels.max() == 300 * 300
