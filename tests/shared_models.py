"""The real model files at hand: what must be stated of each, and how upstream reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from models_registry.runtime.labels import COCO_80
from tests import reference_decoders as reference
from tests.reference_decoders import Object, Reference
from tests.shared_data import SHARED

FRAMES = (("opendatacam_street_640x360.mp4", 100), ("ken2190_dos.mp4", 30))
SAME_PLACE_IOU = 0.9


@dataclass(frozen=True)
class SharedModel:
    """``stated``: what its file does not tell; ``threshold``: where its objects are compared."""

    file: str
    layout: str
    decode: Reference
    threshold: float = 0.3
    stated: dict[str, Any] = field(default_factory=dict)


DETECTORS = (
    SharedModel("yolox_nano_416.onnx", "yolox", reference.yolox),
    SharedModel(
        "light_person_detector.onnx",
        "yolox",
        reference.person_192,
        stated={"labels": ["person"]},
    ),
    SharedModel("layouts/yolox_nano_as_yolov5_layout.onnx", "yolov5", reference.yolox_decoded),
    SharedModel(
        "layouts/yolox_nano_ssd_style_nms_in_graph.onnx",
        "ssd",
        reference.yolox_ssd,
        stated={
            "labels": list(COCO_80),
            "class_offset": 0,
            "colour_order": "bgr",
            "fit": "top_left",
        },
    ),
    SharedModel("nanodet_m_320.onnx", "nanodet", reference.nanodet, 0.35),
    SharedModel("fastestdet_352.onnx", "fastestdet", reference.fastestdet, 0.5),
    SharedModel("yolov8n_int8.onnx", "yolov8", reference.yolov8),
    SharedModel("yolov10n_int8.onnx", "yolov10", reference.yolov10),
    SharedModel("deimv2_atto_coco_int8.onnx", "detr", reference.detr),
)
REFUSED = (
    "face_detection_yunet_2026may.onnx",
    "ultraface_RFB-320.onnx",
    "mnet_plate.onnx",
    "lprnet_cn.onnx",
    "person-reid-retail-0248.onnx",
)


def frames(folder: Path = SHARED) -> list[NDArray[np.uint8]]:
    """The two frames on which detectors are compared: a street, two persons at a railway."""
    pictures = []
    for name, index in FRAMES:
        video = cv2.VideoCapture(str(folder / "videos" / name))
        for _ in range(index):
            video.grab()
        read, picture = video.read()
        video.release()
        assert read, f"{name} has no frame {index}"
        pictures.append(np.asarray(picture, np.uint8))
    return pictures


@dataclass(frozen=True)
class Agreement:
    """Of how many objects both sides speak, and how closely: worst IoU and score difference."""

    expected: int
    found: int
    matched: int
    worst_iou: float
    worst_score: float

    @property
    def share(self) -> float:
        """1 when both see the same objects, or none."""
        most = max(self.expected, self.found)
        return self.matched / most if most else 1.0


def compare(expected: Sequence[Object], found: Detections, threshold: float) -> Agreement:
    """Pairs each expected object with the nearest found one of its class, at ``threshold``."""
    strong = found.select(found.confidence >= threshold)
    free = set(range(len(strong)))
    ious, scores = [], []
    for seen in expected:
        rivals = [
            (reference.iou(np.array(seen.box), strong.xyxy[i].astype(float)), i)
            for i in free
            if strong.class_id[i] == seen.class_id
        ]
        overlap, i = max(rivals, default=(0.0, -1))
        if overlap >= SAME_PLACE_IOU:
            free.remove(i)
            ious.append(overlap)
            scores.append(abs(float(strong.confidence[i]) - seen.score))
    return Agreement(
        len(expected), len(strong), len(ious), min(ious, default=1.0), max(scores, default=0.0)
    )
