"""A frame comes to the model's input as the contract says, and boxes come back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.preprocess import Preprocessor, fitted, place


def contract(**fields: Any) -> ModelContract:
    size = {"input_width": 64, "input_height": 32, "labels": ("person",)}
    return ModelContract(**{"layout": "yolox", "input_name": "images", **size, **fields})


@given(
    width=st.integers(1, 4000),
    height=st.integers(1, 3000),
    fit=st.sampled_from(["top_left", "centre", "stretch"]),
    share=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_box_comes_back_from_the_canvas(
    width: int, height: int, fit: str, share: tuple[float, ...]
) -> None:
    size = {"input_width": 416, "input_height": 320}
    placement = place(width, height, contract(fit=fit, **size))
    x1, x2 = sorted(share[:2])
    y1, y2 = sorted(share[2:])
    source = np.array([[x1 * width, y1 * height, x2 * width, y2 * height]], np.float32)
    scale = np.array([placement.scale_x, placement.scale_y] * 2, np.float32)
    pad = np.array([placement.pad_x, placement.pad_y] * 2, np.float32)
    on_canvas = source * scale + pad
    assert on_canvas.min() >= 0
    assert (on_canvas <= np.array([416, 320] * 2) + 0.01).all()
    back = placement.to_source(on_canvas.astype(np.float32))
    assert np.abs(back - source).max() <= 1e-3 * max(width, height)


@pytest.mark.parametrize(
    ("frame", "canvas"),
    [
        ((1920, 1080), (416, 256)),
        ((640, 480), (384, 288)),
        ((352, 288), (384, 288)),
        ((700, 701), (320, 320)),
        ((1080, 1920), (320, 320)),
        ((832, 512), (416, 256)),
        ((0, 10), (416, 256)),
    ],
)
def test_a_frame_comes_to_the_canvas_where_it_is_largest(
    frame: tuple[int, int], canvas: tuple[int, int]
) -> None:
    whole = contract(input_width=416, input_height=256, canvases=((384, 288), (320, 320)))
    chosen = fitted(*frame, whole)
    assert (chosen.input_width, chosen.input_height) == canvas


@given(width=st.integers(1, 4000), height=st.integers(1, 3000))
def test_what_was_shrunk_to_a_canvas_is_not_shrunk_again(width: int, height: int) -> None:
    whole = contract(input_width=416, input_height=256, canvases=((384, 288), (320, 320)))
    at = place(width, height, fitted(width, height, whole))
    size = (at.fitted_width, at.fitted_height)
    again = place(*size, fitted(*size, whole))
    assert again.fitted_width >= size[0]
    assert again.fitted_height >= size[1]


def test_boxes_are_clipped_to_the_frame() -> None:
    placement = place(640, 320, contract())
    boxes = placement.to_source(np.array([[-5, -5, 100, 100]], np.float32))
    assert boxes.tolist() == [[0, 0, 640, 320]]


@pytest.mark.parametrize(
    ("fit", "rows", "columns"),
    [
        ("top_left", slice(0, 32), slice(0, 32)),
        ("centre", slice(0, 32), slice(16, 48)),
        ("stretch", slice(0, 32), slice(0, 64)),
    ],
)
def test_a_square_frame_lies_where_the_fit_says(fit: str, rows: slice, columns: slice) -> None:
    preprocess = Preprocessor(contract(fit=fit, pad_value=114))
    preprocess(np.full((100, 100, 3), 200, np.uint8))
    plane = np.full((32, 64), 114.0)
    plane[rows, columns] = 200.0
    assert np.array_equal(preprocess.tensor[0], np.stack([plane] * 3))


@pytest.mark.parametrize(
    ("colour_order", "axes", "expected"),
    [
        ("bgr", "nchw", [10, 20, 30]),
        ("rgb", "nchw", [30, 20, 10]),
        ("bgr", "nhwc", [10, 20, 30]),
        ("rgb", "nhwc", [30, 20, 10]),
    ],
)
def test_colours_come_in_the_stated_order(
    colour_order: str, axes: str, expected: list[int]
) -> None:
    preprocess = Preprocessor(contract(colour_order=colour_order, axes=axes, fit="stretch"))
    preprocess(np.full((8, 8, 3), (10, 20, 30), np.uint8))
    pixel = preprocess.tensor[0, :, 5, 5] if axes == "nchw" else preprocess.tensor[0, 5, 5]
    assert pixel.tolist() == expected


@pytest.mark.parametrize(("element", "tolerance"), [("float32", 1e-6), ("float16", 2e-3)])
def test_pixels_are_scaled_then_standardised(element: str, tolerance: float) -> None:
    stated = contract(
        element_type=element,
        scale=1 / 255,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        fit="stretch",
    )
    preprocess = Preprocessor(stated)
    preprocess(np.full((8, 8, 3), (0, 128, 255), np.uint8))  # BGR
    red, green, blue = preprocess.tensor[0, :, 0, 0]
    assert preprocess.tensor.dtype == element
    assert red == pytest.approx((1 - 0.485) / 0.229, abs=tolerance)
    assert green == pytest.approx((128 / 255 - 0.456) / 0.224, abs=tolerance)
    assert blue == pytest.approx(-0.406 / 0.225, abs=tolerance)


def test_bytes_pass_unchanged_into_a_byte_model() -> None:
    preprocess = Preprocessor(contract(element_type="uint8", axes="nhwc", colour_order="bgr"))
    frame = np.random.default_rng(3).integers(0, 256, (32, 64, 3)).astype(np.uint8)
    preprocess(frame)
    assert np.array_equal(preprocess.tensor[0], frame)


def test_a_change_of_frame_size_leaves_nothing_of_the_old_frame() -> None:
    preprocess = Preprocessor(contract(fit="centre", pad_value=0))
    preprocess(np.full((32, 64, 3), 255, np.uint8))
    preprocess(np.full((64, 32, 3), 9, np.uint8))
    expected = np.zeros((32, 64))
    expected[:, 24:40] = 9
    assert np.array_equal(preprocess.tensor[0, 0], expected)


def test_the_same_memory_serves_every_frame_and_equals_a_plain_resize() -> None:
    preprocess = Preprocessor(contract(fit="stretch", colour_order="bgr"))
    memory = preprocess.tensor.ctypes.data
    for seed in range(3):
        frame = np.random.default_rng(seed).integers(0, 256, (90, 120, 3)).astype(np.uint8)
        preprocess(frame)
        assert preprocess.tensor.ctypes.data == memory
        assert np.array_equal(
            preprocess.tensor[0], cv2.resize(frame, (64, 32)).transpose(2, 0, 1).astype(np.float32)
        )


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_frame_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a"):
        Preprocessor(contract())(frame)
