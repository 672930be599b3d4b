"""A model file on a canvas of another size.

A net of convolutions does not mind the size of its picture. What a file fixes all the same is its
declared input and, in nets that decode their own boxes, the places of the grid's cells: both are
rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.grid import grid_cells, match_grid
from models_registry.runtime.detections import FloatArray
from models_registry.runtime.errors import ModelUnusable

Size = tuple[int, int]


def on_canvas(content: bytes, contract: ModelContract, size: Size) -> bytes:
    """The file with an input of ``size`` (width, height) and a batch of one. Whether it can still
    run is for the caller to try. Raises ``ModelUnusable`` (``contract_mismatch``)."""
    model = onnx.load_model_from_string(content)
    graph = model.graph
    picture = next((x for x in graph.input if x.name == contract.input_name), None)
    if picture is None:
        raise ModelUnusable("contract_mismatch", f"expected an input {contract.input_name!r}")
    sides = picture.type.tensor_type.shape.dim
    first = 2 if contract.axes == "nchw" else 1
    sides[0].dim_value = 1
    sides[first].dim_value, sides[first + 1].dim_value = size[1], size[0]
    del graph.value_info[:]  # shapes of the old size
    for output in graph.output:
        for side in output.type.tensor_type.shape.dim:
            side.Clear()
    before = (contract.input_width, contract.input_height)
    for tensor in _constants(graph):
        array = numpy_helper.to_array(tensor)
        moved = _moved_grid(array, before, size)
        if moved is not None:
            tensor.CopyFrom(numpy_helper.from_array(moved.astype(array.dtype), tensor.name))
    content_on_it: bytes = model.SerializeToString()
    return content_on_it


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        if node.op_type == "Constant":
            yield from (x.t for x in node.attribute if x.name == "value")


def _moved_grid(array: NDArray[np.generic], before: Size, after: Size) -> FloatArray | None:
    """The same table of cells for another size, if that is what a constant holds."""
    if array.dtype.kind != "f":
        return None
    for axis, count in enumerate(array.shape):
        grid = match_grid(count, *before)
        if grid is None:
            continue
        last = np.moveaxis(array, axis, -1)
        rows = last.reshape(-1, count)
        for old, new in zip(_tables(before, grid), _tables(after, grid), strict=True):
            if len(old) in (1, len(rows)) and np.allclose(rows, old):
                moved = np.broadcast_to(new, (len(rows), new.shape[1]))
                return np.moveaxis(moved.reshape(*last.shape[:-1], -1), -1, axis)
    return None


def _tables(size: Size, grid: tuple[tuple[int, ...], int]) -> Iterator[FloatArray]:
    """What a net may keep of its N cells: places in cells or pixels, (2, N), strides, (1, N)."""
    cells, strides = grid_cells(*size, *grid)
    corners = cells.T
    middles = corners + np.float32(0.5)
    yield from (corners, middles, corners * strides, middles * strides, strides[None])
