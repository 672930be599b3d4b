"""The published decoding of each upstream, written out slowly in plain numpy, as a yardstick.

Shares no line with the product: its own letterbox, its own loops, its own suppression. Sources:
YOLOX ``demo_postprocess`` and ``preproc``, NanoDet's GFL head, FastestDet's ``handle_preds``,
Ultralytics' ``LetterBox`` and prediction columns, YOLOv10 rows, D-FINE's post-processor (RT-DETR
family), TensorFlow's detection outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Array = NDArray[np.generic]


class Object(NamedTuple):
    """One object as the reference sees it, box in source pixels."""

    box: tuple[float, float, float, float]
    score: float
    class_id: int


def iou(first: Array, second: Array) -> float:
    """Intersection over union of two xyxy boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return float(width * height / (sum(areas) - width * height))


def slow_suppress(boxes: Array, scores: Array, classes: Array, threshold: float) -> list[int]:
    """Indices that stay, strongest first."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        rivals = [j for j in kept if classes[j] == classes[i]]
        if all(iou(boxes[i].astype(float), boxes[j].astype(float)) <= threshold for j in rivals):
            kept.append(i)
    return kept


def letterbox(frame: Array, side: int, *, centred: bool, pad: int) -> tuple[Array, float, int, int]:
    """The padded picture, its scale, and where the frame starts on it."""
    height, width = frame.shape[:2]
    scale = min(side / width, side / height)
    small = cv2.resize(frame, (int(width * scale), int(height * scale)))
    left = (side - small.shape[1]) // 2 if centred else 0
    top = (side - small.shape[0]) // 2 if centred else 0
    canvas = np.full((side, side, 3), pad, np.uint8)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas, scale, left, top


def _run(path: Path, image: Array, **more: Array) -> list[Array]:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    blob = np.ascontiguousarray(image.astype(np.float32).transpose(2, 0, 1)[None])
    return list(session.run(None, {session.get_inputs()[0].name: blob, **more}))


def yolox(path: Path, frame: Array, threshold: float, side: int = 416) -> list[Object]:
    """Raw grid: every cell in a loop."""
    canvas, scale, _, _ = letterbox(frame, side, centred=False, pad=114)
    rows, at, found = _run(path, canvas)[0][0], 0, []
    for stride in (8, 16, 32):
        for y in range(side // stride):
            for x in range(side // stride):
                row = rows[at]
                at += 1
                best = int(row[5:].argmax())
                score = float(row[4] * row[5 + best])
                if score >= threshold:
                    cx, cy = (row[0] + x) * stride, (row[1] + y) * stride
                    w, h = np.exp(row[2]) * stride, np.exp(row[3]) * stride
                    found.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, best))
    return _finish(found, frame, (scale, scale), (0, 0), 0.45)


def yolox_decoded(path: Path, frame: Array, threshold: float) -> list[Object]:
    """YOLOX with its decoding in the graph, the YOLOv5 layout."""
    canvas, scale, _, _ = letterbox(frame, 416, centred=False, pad=114)
    found = []
    for row in _run(path, canvas)[0][0]:
        best = int(row[5:].argmax())
        if (score := float(row[4] * row[5 + best])) >= threshold:
            x, y, w, h = row[:4]
            found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, best))
    return _finish(found, frame, (scale, scale), (0, 0), 0.45)


def yolox_ssd(path: Path, frame: Array, threshold: float) -> list[Object]:
    """YOLOX with its suppression in the graph: y, x, y, x as shares of the 416 canvas."""
    canvas, scale, _, _ = letterbox(frame, 416, centred=False, pad=114)
    boxes, scores, classes, _ = _run(path, canvas)
    found = []
    for (y1, x1, y2, x2), score, best in zip(boxes[0], scores[0], classes[0], strict=True):
        if score >= threshold:
            found.append((x1 * 416, y1 * 416, x2 * 416, y2 * 416, float(score), int(best)))
    return _finish(found, frame, (scale, scale), (0, 0), None)


def nanodet(path: Path, frame: Array, threshold: float) -> list[Object]:
    """Distributions over 0–7 strides, read cell by cell."""
    canvas, scale, left, top = letterbox(frame, 320, centred=True, pad=0)
    mean, deviation = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
    outputs = _run(path, (canvas.astype(np.float32) - mean) / deviation)
    found = []
    for level, stride in enumerate((8, 16, 32)):
        scores, sides = outputs[level][0], outputs[level + 3][0]
        for at in range(len(scores)):
            best = int(scores[at].argmax())
            if scores[at, best] < threshold:
                continue
            share = np.exp(sides[at].reshape(4, 8).astype(float))
            distance = (share / share.sum(1, keepdims=True) * np.arange(8)).sum(1) * stride
            row, column = divmod(at, 320 // stride)
            x, y = column * stride + (stride - 1) / 2, row * stride + (stride - 1) / 2
            box = (x - distance[0], y - distance[1], x + distance[2], y + distance[3])
            found.append((*box, float(scores[at, best]), best))
    return _finish(found, frame, (scale, scale), (left, top), 0.6)


def fastestdet(path: Path, frame: Array, threshold: float) -> list[Object]:
    """One map; score = objectness^0.6 * class^0.4."""
    cells = _run(path, cv2.resize(frame, (352, 352)) / 255.0)[0][0]
    found = []
    for y in range(22):
        for x in range(22):
            cell = cells[:, y, x].astype(float)
            best = int(cell[5:].argmax())
            score = cell[0] ** 0.6 * cell[5 + best] ** 0.4
            if score >= threshold:
                cx, cy = (x + np.tanh(cell[1])) / 22 * 352, (y + np.tanh(cell[2])) / 22 * 352
                w, h = 352 / (1 + np.exp(-cell[3])), 352 / (1 + np.exp(-cell[4]))
                found.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, best))
    height, width = frame.shape[:2]
    return _finish(found, frame, (352 / width, 352 / height), (0, 0), 0.45)


def yolov8(path: Path, frame: Array, threshold: float) -> list[Object]:
    """Columns of x, y, w, h and class scores."""
    canvas, scale, left, top = letterbox(frame, 640, centred=True, pad=114)
    found = []
    for column in _run(path, canvas[:, :, ::-1] / 255.0)[0][0].T:
        best = int(column[4:].argmax())
        if column[4 + best] >= threshold:
            x, y, w, h = column[:4]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((*box, float(column[4 + best]), best))
    return _finish(found, frame, (scale, scale), (left, top), 0.45)


def yolov10(path: Path, frame: Array, threshold: float) -> list[Object]:
    """Finished rows, nothing to suppress."""
    canvas, scale, left, top = letterbox(frame, 640, centred=True, pad=114)
    rows = _run(path, canvas[:, :, ::-1] / 255.0)[0][0]
    found = [(*row[:5].tolist(), int(row[5])) for row in rows if row[4] >= threshold]
    return _finish(found, frame, (scale, scale), (left, top), None)


def detr(path: Path, frame: Array, threshold: float) -> list[Object]:
    """Fed with the frame's own size, so that boxes come in its pixels."""
    height, width = frame.shape[:2]
    image = cv2.resize(frame, (320, 320))[:, :, ::-1] / 255.0
    size = np.array([[width, height]], np.int64)
    labels, boxes, scores = _run(path, image, orig_target_sizes=size)
    found = [
        (*box.tolist(), float(score), int(label))
        for label, box, score in zip(labels, boxes, scores, strict=True)
        if score >= threshold
    ]
    return _finish(found, frame, (1, 1), (0, 0), None)


def _finish(
    found: list[tuple[float, ...]],
    frame: Array,
    scale: tuple[float, float],
    start: tuple[int, int],
    threshold: float | None,
) -> list[Object]:
    """Suppression per class (``threshold`` None: none), back to the frame, clipped to it."""
    rows = np.array(found, float).reshape(-1, 6)
    kept = list(range(len(rows)))
    if threshold is not None:
        kept = slow_suppress(rows[:, :4], rows[:, 4], rows[:, 5], threshold)
    height, width = frame.shape[:2]
    objects = []
    for x1, y1, x2, y2, score, class_id in rows[kept]:
        xs = np.clip((np.array([x1, x2]) - start[0]) / scale[0], 0, width)
        ys = np.clip((np.array([y1, y2]) - start[1]) / scale[1], 0, height)
        objects.append(Object((xs[0], ys[0], xs[1], ys[1]), float(score), int(class_id)))
    return sorted(objects, key=lambda seen: -seen.score)


def person_192(path: Path, frame: Array, threshold: float) -> list[Object]:
    """The person-only YOLOX of 192×192."""
    return yolox(path, frame, threshold, side=192)


Reference = Callable[[Path, Array, float], list[Object]]
