"""ONNX detectors that really look: they find the one light box of ``tests.cameras``.

Those of the faulty kinds go wrong, by nothing but their own arithmetic, once its right edge is past
a column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEIGHT = 320, 240
PAST_PX = 110
FAULTS = ("crashed", "hung", "run_failed", "too_slow", "blind")
CONTRACT: dict[str, Any] = {
    "layout": "yolov10",
    "input_name": "images",
    "input_width": WIDTH,
    "input_height": HEIGHT,
    "labels": ["car", "truck"],
    "scale": 1.0,
    "box_format": "xyxy_pixels",
}
Nodes = list[onnx.NodeProto]


def finder(fault: str = "", *, class_id: int = 0, rounds: int = 3000) -> bytes:
    """A model that reports the light box with a score of .9, or does what ``fault`` says;
    ``rounds`` is the work of ``too_slow``."""
    constants = {
        "threshold": np.float32(160.0),
        "one": np.array([[1]], np.int64),
        "sure": np.float32(0.9),
        "class": np.array([[class_id]], np.float32),
        "second": np.array([1], np.int64),
        "column": np.array([[PAST_PX]], np.int64),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Greater", ["grey", "threshold"], ["light"]),
        helper.make_node("Cast", ["light"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["mask"], ["columns"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMax", ["mask"], ["rows"], axes=[1, 3], keepdims=0),
        helper.make_node("ReduceMax", ["rows"], ["seen"], axes=[1], keepdims=1),
        *_edges("columns", "x"),
        *_edges("rows", "y"),
        helper.make_node("Greater", ["x2", "column"], ["beyond"]),
        helper.make_node("Cast", ["seen"], ["anything"], to=TensorProto.BOOL),
        helper.make_node("And", ["beyond", "anything"], ["past"]),
        helper.make_node("Reshape", ["past", "flat"], ["past_flat"]),
        helper.make_node("Mul", ["seen", "sure"], ["found"]),
        *_fault(fault, rounds, constants),
        helper.make_node("Mul", ["found", "factor"], ["score"]),
        *[
            helper.make_node("Cast", [f"{name}"], [f"{name}_px"], to=TensorProto.FLOAT)
            for name in ("x1", "y1", "x2", "y2")
        ],
        helper.make_node(
            "Concat", ["x1_px", "y1_px", "x2_px", "y2_px", "score", "class"], ["row"], axis=1
        ),
        helper.make_node("Unsqueeze", ["row", "second"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "finder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 1, 6])],
        [numpy_helper.from_array(np.asarray(x), name) for name, x in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def save_finder(folder: Path, fault: str = "", **more: Any) -> Path:
    """Such a model as a file, named after its fault."""
    path = folder / f"finder_{fault or 'sound'}_{more.get('class_id', 0)}.onnx"
    path.write_bytes(finder(fault, **more))
    return path


def _edges(shares: str, name: str) -> Nodes:
    """First and one past the last place of the largest value."""
    return [
        helper.make_node("ArgMax", [shares], [f"{name}1"], axis=1, keepdims=1),
        helper.make_node(
            "ArgMax", [shares], [f"{name}_last"], axis=1, keepdims=1, select_last_index=1
        ),
        helper.make_node("Add", [f"{name}_last", "one"], [f"{name}2"]),
    ]


def _fault(fault: str, rounds: int, constants: dict[str, Any]) -> Nodes:
    """Nodes that make ``factor``: 1, or 0 for blindness, if they come to an end at all."""
    if fault in ("", "blind"):
        constants["factor"] = np.float32(fault == "")
        return []
    if fault == "crashed":  # the smallest integer divided by -1 is a fault of the processor
        constants |= {"low": np.array([[-(2**31)]], np.int32), "minus": np.int32(-1)}
        divisor = [helper.make_node("Where", ["past", "minus", "unit"], ["divisor"])]
    elif fault == "run_failed":  # division by zero is refused
        constants |= {"low": np.array([[1]], np.int32), "nothing": np.int32(0)}
        divisor = [helper.make_node("Where", ["past", "nothing", "unit"], ["divisor"])]
    else:
        return _turning(fault, rounds, constants)
    constants |= {"unit": np.int32(1), "zero": np.int32(0), "always": np.int32(1)}
    return [
        *divisor,
        helper.make_node("Div", ["low", "divisor"], ["quotient"]),
        helper.make_node("Mul", ["quotient", "zero"], ["vanished"]),
        helper.make_node("Add", ["vanished", "always"], ["factor_whole"]),
        helper.make_node("Cast", ["factor_whole"], ["factor"], to=TensorProto.FLOAT),
    ]


def _turning(fault: str, rounds: int, constants: dict[str, Any]) -> Nodes:
    """A loop: without end once past the column, or of so many rounds on every picture."""
    hangs = fault == "hung"
    constants |= {
        "many": np.array([2**62 if hangs else rounds], np.int64),
        "few": np.array([0 if hangs else rounds], np.int64),
        "go": np.array(True),
        "start": np.full((48, 48), 0.02, np.float32),
        "nought": np.float32(0.0),
        "whole": np.float32(1.0),
    }
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("MatMul", ["state_in", "state_in"], ["state_out"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_in", TensorProto.FLOAT, [48, 48]),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_out", TensorProto.FLOAT, [48, 48]),
        ],
    )
    return [
        helper.make_node("Where", ["past_flat", "many", "few"], ["rounds"]),
        helper.make_node("Loop", ["rounds", "go", "start"], ["turned"], body=body),
        helper.make_node("ReduceMax", ["turned"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "nought"], ["gone"]),
        helper.make_node("Add", ["gone", "whole"], ["factor"]),
    ]
