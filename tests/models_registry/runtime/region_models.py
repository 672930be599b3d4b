"""Models for selective attention, built in code: one marks plain differences, one finds lamps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.grid import grid_cells

STRIDES = (8, 16, 32)


def save_difference_model(path: Path, *, mark_above: str = "0.1", cell: int = 8) -> Path:
    """Marks a cell in which a pixel differs from the reference, in 208 × 128."""
    nodes = [
        helper.make_node("Split", ["images"], ["now", "then"], axis=1),
        helper.make_node("Sub", ["now", "then"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["size"]),
        helper.make_node(
            "MaxPool", ["size"], ["marks"], kernel_shape=[cell, cell], strides=[cell, cell]
        ),
    ]
    model = _model(nodes, (1, 2, 128, 208), (1, 1, 128 // cell, 208 // cell), "marks", [])
    helper.set_model_props(model, {"mark_above": mark_above} if mark_above else {})
    onnx.save(model, path)
    return path


def save_lamp_finder(path: Path, width: int = 416, height: int = 256) -> ModelContract:
    """A convolutional detector: a cell with much light in it is a lamp as large as its stride.

    The places of its cells are constants of the graph, as in nets that decode their own boxes.
    """
    cells, strides = grid_cells(width, height, STRIDES)
    constants = {
        "centres": ((cells + 0.5) * strides[:, None]).T[None].astype(np.float32),
        "sides": np.repeat(strides[None, None], 2, axis=1).astype(np.float32),
        "shape": np.array([1, 1, -1], np.int64),
        "dark": np.float32(100),
        "range": np.float32(1 / 200),
        "nothing": np.float32(0),
        "all": np.float32(1),
    }
    nodes = [helper.make_node("ReduceMean", ["images"], ["grey"], axes=[1], keepdims=1)]
    for stride in STRIDES:
        nodes += [
            helper.make_node(
                "AveragePool",
                ["grey"],
                [f"light{stride}"],
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            ),
            helper.make_node("Reshape", [f"light{stride}", "shape"], [f"flat{stride}"]),
        ]
    nodes += [
        helper.make_node("Concat", [f"flat{x}" for x in STRIDES], ["light"], axis=2),
        helper.make_node("Sub", ["light", "dark"], ["lighter"]),
        helper.make_node("Mul", ["lighter", "range"], ["share"]),
        helper.make_node("Clip", ["share", "nothing", "all"], ["score"]),
        helper.make_node("Concat", ["centres", "sides", "score"], ["boxes"], axis=1),
    ]
    initializers = [numpy_helper.from_array(np.asarray(x), name) for name, x in constants.items()]
    shape = (1, 3, height, width)
    onnx.save(_model(nodes, shape, (1, 5, len(strides)), "boxes", initializers), path)
    return ModelContract(
        layout="yolov8",
        input_name="images",
        input_width=width,
        input_height=height,
        labels=("lamp",),
        fit="top_left",
    )


def _model(
    nodes: list[onnx.NodeProto],
    shape: tuple[int, ...],
    answer: tuple[int, ...],
    output: str,
    initializers: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, answer)],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model
