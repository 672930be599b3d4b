from __future__ import annotations

import cv2
import numpy as np

from sensing.worker.pictures import encode_picture, pixelate

NO_BOXES = np.zeros((0, 4), np.float32)


def noise(width: int = 320, height: int = 240) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype(np.uint8)


def decoded(jpeg: bytes | None) -> np.ndarray:
    assert jpeg is not None
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_no_picture_leaves_when_the_policy_is_none() -> None:
    assert encode_picture(noise(), NO_BOXES, "none") is None


def test_a_large_picture_is_made_960_wide() -> None:
    assert decoded(encode_picture(noise(1920, 1080), NO_BOXES, "clear")).shape == (540, 960, 3)
    assert decoded(encode_picture(noise(320, 240), NO_BOXES, "clear")).shape == (240, 320, 3)


def test_a_blurred_box_keeps_at_most_sixteen_colours() -> None:
    image = noise()
    hidden = pixelate(image, np.array([[100, 60, 180, 200]], np.float32))
    region = hidden[60:200, 100:180].reshape(-1, 3)
    assert len(np.unique(region, axis=0)) <= 16
    assert np.array_equal(hidden[:, :80], image[:, :80])
    assert np.array_equal(image, noise()), "the analysed frame itself stays as it was"


def test_boxes_follow_the_picture_when_it_is_made_smaller() -> None:
    image = np.kron(noise(240, 135), np.ones((8, 8, 1), np.uint8))
    hidden = decoded(
        encode_picture(image, np.array([[1000, 400, 1200, 600]], np.float32), "blurred")
    )
    assert hidden.shape == (540, 960, 3)
    assert np.std(hidden[210:290, 510:590]) < 15
    assert np.std(hidden[210:290, 310:390]) > 40


def test_boxes_outside_the_picture_and_broken_ones_do_no_harm() -> None:
    boxes = np.array(
        [[-50, -50, 20, 20], [310, 230, 400, 300], [50, 50, 50, 50], [np.nan, 0, 9, 9]], np.float32
    )
    hidden = pixelate(noise(), boxes)
    assert hidden.shape == (240, 320, 3)
    assert len(np.unique(hidden[:20, :20].reshape(-1, 3), axis=0)) <= 16
