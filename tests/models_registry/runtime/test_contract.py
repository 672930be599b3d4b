"""A contract refuses nonsense by name, expected and got."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.runtime.contract import ContractInvalid, ModelContract
from models_registry.runtime.labels import COCO_80, COCO_90, COCO_91, default_labels

GOOD: dict[str, Any] = {
    "layout": "yolox",
    "input_name": "images",
    "input_width": 416,
    "input_height": 416,
    "labels": ["person", "car"],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layout", "yolo99"),
        ("task", "segmentation"),
        ("input_name", ""),
        ("input_name", 7),
        ("input_width", 0),
        ("input_width", 416.0),
        ("input_width", True),
        ("input_height", 100_000),
        ("axes", "chw"),
        ("element_type", "float64"),
        ("colour_order", "grb"),
        ("scale", 0),
        ("scale", float("nan")),
        ("scale", 10**400),
        ("scale", "1/255"),
        ("mean", [0, 0]),
        ("mean", [0, 0, float("inf")]),
        ("std", [1, 1, 0]),
        ("std", "111"),
        ("fit", "crop"),
        ("pad_value", 256),
        ("labels", []),
        ("labels", "person"),
        ("labels", ["person", ""]),
        ("labels", ["car", "car"]),
        ("labels", [1, 2]),
        ("score_threshold", 0),
        ("score_threshold", 1.1),
        ("nms_iou", -0.1),
        ("nms_iou", None),
        ("class_agnostic", "no"),
        ("max_candidates", 0),
        ("max_detections", 10**9),
        ("box_format", "xywh"),
        ("class_offset", 2),
        ("activation", "relu"),
        ("canvases", 320),
        ("canvases", [320, 320]),
        ("canvases", [[320]]),
        ("canvases", [[320, 0]]),
        ("canvases", [[320, True]]),
        ("canvases", [[320, 320]] * 9),
    ],
)
def test_a_nonsense_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ContractInvalid, match=rf"^{field}: expected .+, got "):
        ModelContract.from_json({**GOOD, field: value})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**GOOD, "colour": "bgr"}, r"expected fields among .*colour_order.*, got \['colour'\]"),
        ({"layout": "yolox"}, r"missing \['input_name', .*'labels'\]"),
        ("{", "expected a JSON object, got unreadable text"),
        (b"\xff\xfe", "expected a JSON object, got unreadable text"),
        ("[" * 100_000, "expected a JSON object, got unreadable text"),
        ("[]", "expected a JSON object, got list"),
    ],
)
def test_a_wrong_document_is_refused(document: dict[str, Any] | str | bytes, message: str) -> None:
    with pytest.raises(ContractInvalid, match=message):
        ModelContract.from_json(document)


@given(
    scale=st.floats(1e-4, 10),
    fit=st.sampled_from(["top_left", "centre", "stretch"]),
    width=st.integers(8, 4096),
    std=st.lists(st.floats(0.01, 300), min_size=3, max_size=3),
)
def test_a_contract_comes_back_from_its_json(
    scale: float, fit: str, width: int, std: list[float]
) -> None:
    contract = ModelContract.from_json(
        {**GOOD, "scale": scale, "fit": fit, "input_width": width, "std": std}
    )
    assert ModelContract.from_json(json.dumps(contract.to_json())) == contract


def test_coco_labels_have_their_usual_places() -> None:
    assert (len(COCO_80), len(COCO_90), len(COCO_91)) == (80, 90, 91)
    places = {name: COCO_80.index(name) for name in ("person", "car", "truck", "toothbrush")}
    assert places == {"person": 0, "car": 2, "truck": 7, "toothbrush": 79}
    # The ids of the annotation files, which count from 1 and leave ten out.
    ids = {name: COCO_91.index(name) for name in ("person", "stop sign", "backpack", "toothbrush")}
    assert ids == {"person": 1, "stop sign": 13, "backpack": 27, "toothbrush": 90}
    assert default_labels(80) == COCO_80
    assert default_labels(20) is None
