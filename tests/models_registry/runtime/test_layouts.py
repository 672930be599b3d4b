"""Every layout, told from the model alone, and read back to the objects it was built with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.labels import COCO_80, COCO_90
from models_registry.runtime.layouts import examine
from models_registry.runtime.model_file import read_model
from models_registry.runtime.session import Session
from tests import onnx_zoo as zoo

UNITS = {"filter_size": zoo.FOR_UNITS}
NAMES = {"names": str(dict(enumerate(COCO_80))), "task": "detect", "imgsz": "[224, 224]"}
SSD_CONTRACT = {"labels": list(COCO_90), "class_offset": 1}

# name, model, what must be stated, layout
ZOO: list[tuple[str, bytes, dict[str, Any] | None, str]] = [
    ("yolox", zoo.build({"output": zoo.yolox_output()}), None, "yolox"),
    ("yolov5", zoo.build({"output": zoo.yolov5_output()}, **UNITS), None, "yolov5"),
    (
        "yolov5 in shares",
        zoo.build(
            {"output": zoo.yolov5_output() / np.array([224] * 4 + [1] * 81, np.float32)}, **UNITS
        ),
        None,
        "yolov5",
    ),
    (
        "yolov5 with its raw maps",
        zoo.build(
            {"output": zoo.yolov5_output(), "head": np.zeros((1, 3, 28, 28, 85), np.float32)},
            **UNITS,
        ),
        None,
        "yolov5",
    ),
    (
        "yolox decoded",
        zoo.build({"output": zoo.yolov5_output(anchors=1)}),
        None,
        "yolov5",
    ),
    ("yolov8", zoo.build({"output0": zoo.yolov8_output()}, **UNITS), None, "yolov8"),
    (
        "yolov8 half",
        zoo.build({"output0": zoo.yolov8_output().astype(np.float16)}, element="float16", **UNITS),
        None,
        "yolov8",
    ),
    (
        "yolov10",
        zoo.build({"output0": zoo.yolov10_output()}, metadata=NAMES, **UNITS),
        None,
        "yolov10",
    ),
    ("nanodet", zoo.build(zoo.nanodet_outputs(), **UNITS), None, "nanodet"),
    ("fastestdet", zoo.build({"758": zoo.fastestdet_output()}, **UNITS), None, "fastestdet"),
    (
        "ssd",
        zoo.build(zoo.ssd_outputs(), element="uint8", axes="nhwc"),
        SSD_CONTRACT,
        "ssd",
    ),
    ("detr squeezed", zoo.detr(), None, "detr"),
    ("detr batched", zoo.detr(squeezed=False), None, "detr"),
    ("detr raw", zoo.build(zoo.detr_raw_outputs(), **UNITS), None, "detr_raw"),
    ("detr softmax", zoo.build(zoo.detr_raw_outputs(softmax=True), **UNITS), None, "detr_raw"),
]


def assert_sees_the_two_objects(found: Detections, factor: float, tolerance_px: float) -> None:
    assert found.class_names() == ["car", "person"]  # strongest first
    assert found.confidence == pytest.approx([0.8, 0.6], abs=2e-3)
    expected = np.array([seen.box for seen in zoo.TWO_OBJECTS]) * factor
    assert np.abs(found.xyxy - expected).max() <= tolerance_px


@pytest.mark.parametrize(("name", "model", "stated", "layout"), ZOO, ids=[x[0] for x in ZOO])
def test_a_layout_is_found_and_read(
    tmp_path: Path, name: str, model: bytes, stated: dict[str, Any] | None, layout: str
) -> None:
    detector = load_detector(zoo.save(model, tmp_path), stated)
    assert detector.contract.layout == layout
    half = "half" in name
    same_size = detector.detect(np.zeros((224, 224, 3), np.uint8), 0.0)
    assert_sees_the_two_objects(same_size, 1.0, 0.1 if half else 1e-3)
    twice_the_size = detector.detect(np.zeros((448, 448, 3), np.uint8), 0.1)
    assert_sees_the_two_objects(twice_the_size, 2.0, 0.2 if half else 2e-3)


@pytest.mark.parametrize(
    ("model", "colour_order", "scale", "fit"),
    [
        (zoo.build({"o": zoo.yolox_output()}), "bgr", 1.0, "top_left"),
        (zoo.build({"o": zoo.yolov5_output()}, **UNITS), "rgb", 1 / 255, "centre"),
        (zoo.build({"o": zoo.yolov5_output(anchors=1)}), "bgr", 1.0, "top_left"),
        (zoo.build({"o": zoo.yolov5_output(anchors=1)}, **UNITS), "rgb", 1 / 255, "centre"),
        (zoo.build({"o": zoo.yolov8_output()}), "rgb", 1.0, "centre"),
    ],
)
def test_the_first_filters_tell_the_pixel_range(
    tmp_path: Path, model: bytes, colour_order: str, scale: float, fit: str
) -> None:
    contract = load_detector(zoo.save(model, tmp_path)).contract
    assert (contract.colour_order, contract.fit) == (colour_order, fit)
    assert contract.scale == pytest.approx(scale)


def test_an_open_input_size_comes_from_the_exporter_the_contract_or_640(tmp_path: Path) -> None:
    model = zoo.build({"o": zoo.yolov10_output()}, side=None, metadata=NAMES)
    assert load_detector(zoo.save(model, tmp_path)).contract.input_width == 224
    stated = {"input_width": 320, "input_height": 256}
    contract = load_detector(zoo.save(model, tmp_path), stated).contract
    assert (contract.input_width, contract.input_height) == (320, 256)
    silent = zoo.build({"o": zoo.yolov10_output()}, side=None)
    assert load_detector(zoo.save(silent, tmp_path)).contract.input_height == 640


def test_labels_come_from_the_exporter_else_from_the_class_count(tmp_path: Path) -> None:
    own = {"names": "{0: 'tram', 1: 'person', 2: 'car'}"}
    model = zoo.build({"o": zoo.yolox_output(classes=3)}, metadata=own)
    assert load_detector(zoo.save(model, tmp_path)).labels == ("tram", "person", "car")
    silent = zoo.save(zoo.build({"o": zoo.yolox_output(classes=3)}), tmp_path)
    assert load_detector(silent).labels == ("class_0", "class_1", "class_2")
    file = read_model(silent)
    assert "labels" in examine(file, Session(file.content)).findings[0].unsure


def test_findings_are_ranked_with_their_certainty(tmp_path: Path) -> None:
    file = read_model(zoo.save(zoo.build({"o": zoo.yolox_output()}), tmp_path))
    findings = examine(file, Session(file.content)).findings
    assert [finding.contract.layout for finding in findings] == ["yolox", "yolov5"]
    assert findings[0].certainty >= 0.9
    assert findings[1].certainty <= 0.2


def test_a_contract_beside_the_file_counts(tmp_path: Path) -> None:
    path = zoo.save(zoo.build(zoo.ssd_outputs(first_class=0)), tmp_path, "cam")
    stated = {"labels": list(COCO_80), "class_offset": 0, "score_threshold": 0.7}
    path.with_suffix(".json").write_text(json.dumps(stated))
    detector = load_detector(path)
    assert detector.name == "cam"
    found = detector.detect(np.zeros((224, 224, 3), np.uint8), 0.0)
    assert found.class_names() == ["car"]  # the person's 0.6 is below the stated threshold


def test_a_whole_contract_survives_json_and_loads_again(tmp_path: Path) -> None:
    path = zoo.save(zoo.build({"o": zoo.yolox_output()}), tmp_path)
    contract = load_detector(path).contract
    again = load_detector(path, json.loads(json.dumps(contract.to_json())))
    assert again.contract == contract


REFUSED: list[tuple[str, bytes, dict[str, Any] | None, str]] = [
    ("a classifier", zoo.build({"o": np.zeros((1, 1000), np.float32)}), None, "unknown_layout"),
    ("a re-identifier", zoo.build({"o": np.ones((1, 256), np.float32)}), None, "unknown_layout"),
    ("a plate reader", zoo.build({"o": np.ones((68, 18), np.float32)}), None, "unknown_layout"),
    (
        "a face detector with landmarks",
        zoo.build(
            {
                "loc": np.zeros((100, 4), np.float32),
                "conf": np.zeros((100, 2), np.float32),
                "landms": np.zeros((100, 10), np.float32),
            }
        ),
        None,
        "unknown_layout",
    ),
    (
        "a pose model",
        zoo.build({"o": zoo.yolov8_output(classes=52)}, metadata={"task": "pose"}),
        None,
        "unknown_layout",
    ),
    ("numbered classes", zoo.build(zoo.ssd_outputs()), None, "ambiguous_layout"),
    ("an unknown field", ZOO[0][1], {"colour": "bgr"}, "contract_invalid"),
    ("an impossible value", ZOO[0][1], {"score_threshold": 2}, "contract_invalid"),
    ("too few labels", ZOO[0][1], {"labels": ["person"]}, "contract_mismatch"),
    ("another layout", ZOO[0][1], {"layout": "ssd", "labels": ["person"]}, "contract_mismatch"),
    ("another size", ZOO[0][1], {"input_width": 320}, "contract_mismatch"),
    ("another input", ZOO[0][1], {"input_name": "x"}, "contract_mismatch"),
    ("another element type", ZOO[0][1], {"element_type": "uint8"}, "contract_mismatch"),
    ("another axis order", ZOO[0][1], {"axes": "nhwc"}, "contract_mismatch"),
]


@pytest.mark.parametrize(("what", "model", "stated", "code"), REFUSED, ids=[x[0] for x in REFUSED])
def test_what_cannot_be_read_is_refused_with_a_code(
    tmp_path: Path, what: str, model: bytes, stated: dict[str, Any] | None, code: str
) -> None:
    with pytest.raises(ModelUnusable) as refusal:
        load_detector(zoo.save(model, tmp_path), stated)
    assert refusal.value.code == code
    assert "expected" in refusal.value.message


def test_the_refusal_of_an_unknown_layout_says_what_came(tmp_path: Path) -> None:
    model = zoo.build({"embedding": np.ones((1, 256), np.float32)})
    with pytest.raises(ModelUnusable, match=r"expected .*YOLOX.*, got embedding \(1, 256\)"):
        load_detector(zoo.save(model, tmp_path))
