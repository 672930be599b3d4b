"""Loading a model file: what is refused before it runs, and what a detector keeps to."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import Detector, load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.labels import COCO_80
from tests import onnx_zoo as zoo


def refusal(path: Path) -> ModelUnusable:
    with pytest.raises(ModelUnusable) as caught:
        load_detector(path)
    return caught.value


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.onnx").code == "not_found"
    assert refusal(tmp_path).code == "not_found"  # a folder


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"GIF89a not a model", b"\x08\x08"])
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(zoo.save(content, tmp_path)).code == "not_onnx"


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    model = zoo.build({"o": zoo.yolox_output()})
    assert refusal(zoo.save(model[: len(model) // 2], tmp_path)).code == "not_onnx"


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(zoo.build({"o": zoo.yolox_output()}))
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=0)
    assert refusal(path).code == "external_data"


def test_an_operator_that_the_runtime_does_not_know_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="nowhere")
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("nowhere", 1)]
    model = helper.make_model(
        helper.make_graph([node], "g", [value], [result]), opset_imports=opsets
    )
    assert refusal(zoo.save(model.SerializeToString(), tmp_path)).code == "not_loadable"


@pytest.mark.parametrize("shape", [[1, 10], [4, 3, 64, 64], [1, 1, 64, 64]])
def test_a_model_that_takes_no_single_picture_is_refused(tmp_path: Path, shape: list[int]) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert refusal(zoo.save(model.SerializeToString(), tmp_path)).code == "not_image_input"


def test_a_model_that_breaks_on_a_picture_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    size = numpy_helper.from_array(np.array([7, 11, 13]), "size")
    node = helper.make_node("Reshape", ["x", "size"], ["y"])
    graph = helper.make_graph([node], "g", [value], [result], [size])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert refusal(zoo.save(model.SerializeToString(), tmp_path)).code == "run_failed"


def test_the_error_keeps_its_code_across_processes() -> None:
    error = pickle.loads(pickle.dumps(ModelUnusable("not_onnx", "expected a, got b")))
    assert (error.code, error.message, str(error)) == ("not_onnx", *["expected a, got b"] * 2)


def test_a_detector_names_itself_and_its_stages(tmp_path: Path) -> None:
    path = zoo.save(zoo.build({"o": zoo.yolox_output()}), tmp_path, "night_v2")
    detector: Detector = load_detector(path)
    detector.reset()
    found = detector.detect(np.zeros((120, 160, 3), np.uint8), 0.0)
    assert isinstance(found, Detections)
    assert detector.name == "night_v2"
    assert detector.labels == found.labels == COCO_80
    assert list(detector.stage_ms) == ["preprocess", "inference", "postprocess"]
    assert min(detector.stage_ms.values()) >= 0


def test_frames_of_other_sizes_and_several_threads_give_the_same_objects(tmp_path: Path) -> None:
    detector = load_detector(zoo.save(zoo.build({"o": zoo.yolox_output()}), tmp_path), threads=2)
    for side in (224, 112, 896, 224):
        found = detector.detect(np.zeros((side, side, 3), np.uint8), 0.0)
        expected = np.array([seen.box for seen in zoo.TWO_OBJECTS]) * side / 224
        assert np.abs(found.xyxy - expected).max() <= 0.01
    wide = detector.detect(np.zeros((112, 224, 3), np.uint8), 0.0)
    assert wide.xyxy[:, 3].max() == 112  # the canvas goes on below, the frame does not


def test_earlier_detections_survive_the_next_frame(tmp_path: Path) -> None:
    detector = load_detector(zoo.save(zoo.build({"o": zoo.yolov10_output()}), tmp_path))
    first = detector.detect(np.zeros((224, 224, 3), np.uint8), 0.0)
    before = first.xyxy.copy()
    detector.detect(np.zeros((480, 640, 3), np.uint8), 0.1)
    assert np.array_equal(first.xyxy, before)


def test_broken_numbers_in_an_output_become_no_boxes(tmp_path: Path) -> None:
    output = zoo.yolox_output()
    output[0, 5, :5] = np.nan, np.nan, 1.0, 1.0, 0.9
    output[0, 6, :5] = np.inf, 0.5, 1.0, 1.0, 0.9
    output[0, 7, :5] = 0.5, 0.5, 900.0, -900.0, 0.9
    output[0, 8, 4] = np.nan
    output[0, 5:8, 5] = 1.0
    detector = load_detector(zoo.save(zoo.build({"o": output}), tmp_path))
    found = detector.detect(np.zeros((224, 224, 3), np.uint8), 0.0)
    assert {"car", "person"} <= set(found.class_names())
    assert np.isfinite(found.xyxy).all()
    assert len(found) <= 3  # the two objects, and at most the absurdly wide sliver


def test_scores_above_one_are_reported_as_one(tmp_path: Path) -> None:
    output = zoo.yolov10_output()
    output[0, 0, 4] = 1.002
    path = zoo.save(zoo.build({"o": output}), tmp_path)
    found = load_detector(path, {"layout": "yolov10", "labels": list(COCO_80)}).detect(
        np.zeros((224, 224, 3), np.uint8), 0.0
    )
    assert found.confidence.max() == 1.0
