"""What the first filters of a graph say of the pixels they were made for."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.runtime.decode.grid import centre_reading, grid_cells, match_grid
from models_registry.runtime.model_file import pixel_range


def graph_of(kind: str, size: float, before: str = "") -> onnx.GraphProto:
    """A graph whose first filters have norm ``size``, stored as ``kind`` says."""
    weight = np.random.default_rng(0).normal(size=(8, 3, 3, 3))
    weight *= size / np.sqrt((weight**2).sum(axis=(1, 2, 3), keepdims=True))
    step = np.abs(weight).max() / 127
    whole = np.round(weight / step).astype(np.int8)
    nodes, source = [], "x"
    if before:
        nodes.append(helper.make_node(before, ["x", "factor"], ["scaled"]))
        source = "scaled"
    constants = {"factor": np.float32(1 / 255)}
    if kind == "float":
        constants["w"] = weight.astype(np.float32)
        nodes.append(helper.make_node("Conv", [source, "w"], ["y"]))
    elif kind == "qdq":
        constants |= {"w_q": whole, "s": np.full(8, step, np.float32), "z": np.zeros(8, np.int8)}
        nodes.append(helper.make_node("DequantizeLinear", ["w_q", "s", "z"], ["w"], axis=0))
        nodes.append(helper.make_node("Conv", [source, "w"], ["y"]))
    elif kind == "dynamic":
        constants |= {"w_quantized": whole, "w_scale": np.float32(step)}
        constants["w_zero_point"] = np.array(0, np.int8)
        names = ["q", "q_scale", "q_zero"]
        nodes.append(helper.make_node("DynamicQuantizeLinear", [source], names))
        nodes.append(
            helper.make_node("ConvInteger", ["q", "w_quantized", "q_zero", "w_zero_point"], ["y"])
        )
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    return helper.make_graph(nodes, "g", [picture], [result], tensors)


@pytest.mark.parametrize("kind", ["float", "qdq", "dynamic"])
@pytest.mark.parametrize(("size", "expected"), [(0.01, 255.0), (1.5, 1.0), (0.12, None)])
def test_the_size_of_the_first_filters_tells_the_pixel_range(
    kind: str, size: float, expected: float | None
) -> None:
    assert pixel_range(graph_of(kind, size)) == expected


def test_a_graph_that_scales_its_picture_itself_tells_nothing() -> None:
    assert pixel_range(graph_of("float", 1.5, before="Mul")) is None


def test_a_graph_without_convolution_tells_nothing() -> None:
    assert pixel_range(graph_of("none", 1.0)) is None


def test_cells_come_level_by_level_and_row_by_row() -> None:
    cells, strides = grid_cells(64, 32, (16, 32))
    assert strides.tolist() == [16] * 8 + [32] * 2
    assert cells[:6].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("count", "side", "expected"),
    [
        (3549, 416, ((8, 16, 32), 1)),
        (25200, 640, ((8, 16, 32), 3)),
        (756, 192, ((8, 16, 32), 1)),
        (3598, 416, ((8, 16, 32, 64), 1)),
        (300, 640, None),
    ],
)
def test_a_count_of_predictions_tells_the_grid(
    count: int, side: int, expected: tuple[tuple[int, ...], int] | None
) -> None:
    assert match_grid(count, side, side) == expected


@pytest.mark.parametrize("reading", ["raw", "pixels", "normalised"])
def test_centres_are_read_by_whether_they_follow_their_cells(reading: str) -> None:
    grid = (8, 16, 32), 1
    cells, strides = grid_cells(416, 320, *grid)
    offsets = np.random.default_rng(2).normal(0.5, 0.4, cells.shape)
    pixels = (cells + offsets) * strides[:, None]
    shown = {"raw": offsets, "pixels": pixels, "normalised": pixels / [416, 320]}[reading]
    assert centre_reading(shown, 416, 320, grid) == reading


def test_centres_that_only_half_follow_their_cells_are_unclear() -> None:
    grid = (8, 16, 32), 1
    cells, strides = grid_cells(416, 416, *grid)
    scattered = cells * strides[:, None] + np.random.default_rng(5).normal(0, 130, cells.shape)
    assert centre_reading(scattered, 416, 416, grid) == ""
