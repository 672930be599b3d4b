"""Small ONNX detectors built in code: each sees the objects it was built with, in its own layout.

A first convolution looks at the picture with filters of a given size (that is how a model shows
for which pixel range it was made) and its result, times zero, joins constant outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
FOR_BYTES, FOR_UNITS = 0.005, 1.0  # filter sizes of networks fed with 0–255 and with 0–1
ONNX_TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
}
Array = NDArray[np.generic]


class Seen(NamedTuple):
    """An object that a zoo model sees: a box in pixels of its canvas, class and score."""

    box: tuple[float, float, float, float]
    class_id: int
    score: float


# Large enough to be a few cells of every stride, apart from each other, of different classes.
TWO_OBJECTS = (Seen((30.0, 40.0, 110.0, 130.0), 2, 0.8), Seen((150.0, 60.0, 190.0, 170.0), 0, 0.6))


def build(
    outputs: dict[str, Array],
    *,
    side: int | None = 224,
    element: str = "float32",
    axes: str = "nchw",
    filter_size: float = FOR_BYTES,
    metadata: dict[str, str] | None = None,
    input_name: str = "images",
    opset: int = OPSET,
) -> bytes:
    """A model with these constant outputs over one picture input; ``side`` None leaves it open."""
    shape = [1, 3, side or "height", side or "width"]
    if axes == "nhwc":
        shape = [1, side or "height", side or "width", 3]
    nodes, constants = _looking(input_name, element, axes, filter_size)
    infos = []
    for name, values in outputs.items():
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), f"{name}_values"))
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        nodes += [
            helper.make_node("Cast", ["nothing"], [f"{name}_nothing"], to=kind),
            helper.make_node("Add", [f"{name}_values", f"{name}_nothing"], [name]),
        ]
        infos.append(helper.make_tensor_value_info(name, kind, list(values.shape)))
    picture = helper.make_tensor_value_info(input_name, ONNX_TYPES[element], shape)
    return _serialised(nodes, [picture], infos, constants, metadata=metadata, opset=opset)


def detr(objects: Sequence[Seen] = TWO_OBJECTS, *, side: int = 224, squeezed: bool = True) -> bytes:
    """DETR style with the size input: the graph multiplies shares of the picture by its size."""
    boxes, scores, labels = _lists(objects)
    nodes, constants = _looking("images", "float32", "nchw", FOR_UNITS)
    batch: list[int] = [] if squeezed else [1]
    count = len(objects)
    constants += [
        numpy_helper.from_array((boxes / side).reshape(*batch, count, 4), "shares"),
        numpy_helper.from_array(scores.reshape(*batch, count), "scores_values"),
        numpy_helper.from_array(labels.astype(np.int64).reshape(*batch, count), "labels"),
    ]
    nodes += [
        helper.make_node("Cast", ["orig_target_sizes"], ["size"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["size", "size"], ["corners"], axis=1),
        helper.make_node("Mul", ["shares", "corners"], ["boxes"]),
        helper.make_node("Add", ["scores_values", "nothing"], ["scores"]),
        helper.make_node("Identity", ["labels"], ["labels_out"]),
    ]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, side, side]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["batch", 2]),
    ]
    outputs = [
        helper.make_tensor_value_info("labels_out", TensorProto.INT64, [*batch, count]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [*batch, count, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [*batch, count]),
    ]
    return _serialised(nodes, inputs, outputs, constants)


def yolox_output(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224
) -> Array:
    """(1, N, 5 + C): offsets and log sizes in the stride 8 cell that holds an object's centre."""
    rows = np.zeros((_cells(side), 5 + classes), np.float32)
    rows[:, :2] = 0.5
    rows[:, 2:4] = -0.2
    for seen in objects:
        x, y, width, height = _centred(seen)
        column, row = int(x // 8), int(y // 8)
        # A weaker neighbour that sees nearly the same box: suppression must remove it.
        for shift, share in ((0, 1.0), (1, 0.7)):
            at = row * (side // 8) + column + shift
            rows[at, :2] = x / 8 - column - shift, y / 8 - row
            rows[at, 2:4] = np.log(width / 8), np.log(height / 8)
            rows[at, 4], rows[at, 5 + seen.class_id] = seen.score * share, 1.0
    return rows[None]


def yolov5_output(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224, anchors: int = 3
) -> Array:
    """(1, N, 5 + C): centres and sizes in pixels, ``anchors`` predictions per cell."""
    blocks = []
    for stride in (8, 16, 32):
        y, x = np.divmod(np.arange((side // stride) ** 2), side // stride)
        block = np.zeros((len(x), 5 + classes), np.float32)
        block[:, 0], block[:, 1] = (x + 0.5) * stride, (y + 0.5) * stride
        block[:, 2:4] = stride
        blocks += [block.copy() for _ in range(anchors)]
    for seen in objects:
        x, y, width, height = _centred(seen)
        for anchor, share in enumerate((1.0, 0.7)[:anchors]):  # the second sees the same, weaker
            row = blocks[anchor][int(y // 8) * (side // 8) + int(x // 8)]
            row[:5] = x, y, width, height, seen.score * share
            row[5 + seen.class_id] = 1.0
    return np.concatenate(blocks)[None]


def yolov8_output(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224
) -> Array:
    """(1, 4 + C, N): as YOLOv5 with one prediction per cell, no objectness, transposed."""
    rows = yolov5_output(objects, classes, side, anchors=1)[0]
    scores = rows[:, 5:] * rows[:, 4:5]
    return np.concatenate([rows[:, :4], scores], axis=1).T[None]


def yolov10_output(objects: Sequence[Seen] = TWO_OBJECTS, rows: int = 300) -> Array:
    """(1, rows, 6): corners, score, class, strongest first, zeros after."""
    output = np.zeros((1, rows, 6), np.float32)
    for at, seen in enumerate(sorted(objects, key=lambda seen: -seen.score)):
        output[0, at] = (*seen.box, seen.score, seen.class_id)
    return output


def nanodet_outputs(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224
) -> dict[str, Array]:
    """Per stride (1, n, C) scores and (1, n, 32) distributions over 0–7 strides per side."""
    outputs: dict[str, Array] = {}
    for stride in (8, 16, 32):
        cells = (side // stride) ** 2
        outputs[f"cls_pred_stride_{stride}"] = np.full((1, cells, classes), 0.01, np.float32)
        outputs[f"dis_pred_stride_{stride}"] = np.zeros((1, cells, 32), np.float32)
    for seen in objects:
        x, y, *_ = _centred(seen)
        column, row = int(x // 32), int(y // 32)
        point = np.array([column, row, column, row]) * 32 + 15.5
        sides = np.abs(np.array(seen.box) - point) / 32
        at = row * (side // 32) + column
        outputs["cls_pred_stride_32"][0, at, seen.class_id] = seen.score
        outputs["dis_pred_stride_32"][0, at] = _distribution(sides).ravel()
    return outputs


def fastestdet_output(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224
) -> Array:
    """(1, 5 + C, side / 16, side / 16): score is objectness^0.6 * share^0.4."""
    cells = side // 16
    output = np.zeros((1, 5 + classes, cells, cells), np.float32)
    output[0, 5:] = 1 / classes
    for seen in objects:
        x, y, width, height = _centred(seen)
        column, row = int(x // 16), int(y // 16)
        cell = output[0, :, row, column]
        offsets = np.arctanh([x / 16 - column, y / 16 - row])
        shares = np.array([width, height]) / side
        cell[0], cell[1:3], cell[3:5] = (
            seen.score ** (1 / 0.6),
            offsets,
            np.log(shares / (1 - shares)),
        )
        cell[5:] = 0
        cell[5 + seen.class_id] = 1
    return output


def ssd_outputs(
    objects: Sequence[Seen] = TWO_OBJECTS, side: int = 224, first_class: int = 1
) -> dict[str, Array]:
    """TensorFlow's outputs: y, x, y, x as shares, classes counted from ``first_class``."""
    boxes, scores, labels = _lists(objects)
    return {
        "detection_boxes": (boxes / side)[None, :, [1, 0, 3, 2]],
        "detection_scores": scores[None],
        "detection_classes": (labels + first_class).astype(np.float32)[None],
        "num_detections": np.array([len(objects)], np.float32),
    }


def detr_raw_outputs(
    objects: Sequence[Seen] = TWO_OBJECTS, classes: int = 80, side: int = 224, softmax: bool = False
) -> dict[str, Array]:
    """(1, 20, C) logits and (1, 20, 4) shares; ``softmax`` adds the class "no object"."""
    logits = np.full((1, 20, classes + softmax), -20.0, np.float32)
    boxes = np.full((1, 20, 4), 0.5, np.float32)
    if softmax:
        logits[..., -1] = 20.0
    for at, seen in enumerate(objects):
        boxes[0, at] = np.array(_centred(seen)) / side
        logits[0, at, seen.class_id] = np.log(seen.score / (1 - seen.score))
        if softmax:
            logits[0, at, -1] = 0.0
    return {"logits": logits, "pred_boxes": boxes}


def save(model: bytes, folder: Path, name: str = "zoo") -> Path:
    """The model as a file."""
    path = folder / f"{name}.onnx"
    path.write_bytes(model)
    return path


def _looking(
    input_name: str, element: str, axes: str, filter_size: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes from the picture to ``nothing``, a zero that depends on it."""
    weight = np.random.default_rng(1).normal(size=(4, 3, 3, 3))
    weight *= filter_size / np.sqrt((weight**2).sum(axis=(1, 2, 3), keepdims=True))
    constants = [
        numpy_helper.from_array(weight.astype(np.float32), "filters"),
        numpy_helper.from_array(np.float32(0), "zero"),
    ]
    nodes = [helper.make_node("Cast", [input_name], ["pixels"], to=TensorProto.FLOAT)]
    seen = "pixels"
    if axes == "nhwc":
        nodes.append(helper.make_node("Transpose", [seen], ["planes"], perm=[0, 3, 1, 2]))
        seen = "planes"
    nodes += [
        helper.make_node("Conv", [seen, "filters"], ["features"], kernel_shape=[3, 3]),
        helper.make_node("ReduceMean", ["features"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    return nodes, constants


def _serialised(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
    *,
    metadata: dict[str, str] | None = None,
    opset: int = OPSET,
) -> bytes:
    graph = helper.make_graph(nodes, "zoo", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _cells(side: int) -> int:
    return sum((side // stride) ** 2 for stride in (8, 16, 32))


def _centred(seen: Seen) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = seen.box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _lists(objects: Sequence[Seen]) -> tuple[NDArray[np.float32], NDArray[np.float32], Array]:
    boxes = np.array([seen.box for seen in objects], np.float32).reshape(-1, 4)
    scores = np.array([seen.score for seen in objects], np.float32)
    return boxes, scores, np.array([seen.class_id for seen in objects], np.int64)


def _distribution(sides: NDArray[np.float64]) -> NDArray[np.float32]:
    """(4,) distances below 7 → (4, 8) logits whose softmax has them as mean."""
    whole = np.floor(sides).astype(int)
    shares = np.full((4, 8), 1e-9)
    shares[np.arange(4), whole] = 1 - (sides - whole)
    shares[np.arange(4), whole + 1] = np.maximum(sides - whole, 1e-9)
    return np.log(shares).astype(np.float32)
