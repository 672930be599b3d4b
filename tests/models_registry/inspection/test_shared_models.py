"""Real model files: what is found in each, and which are refused with which words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from models_registry.inspection.inspector import inspect
from models_registry.inspection.rejection import ModelRejected
from tests.shared_data import SHARED, needs_shared_data

pytestmark = needs_shared_data


@dataclass(frozen=True)
class Row:
    """``macs``: for the files without open sides or dynamic quantization, onnx-tool 1.0.1 counts
    the same plus one per bias added."""

    file: str
    verdict: str  # settled, choose, or the code of a refusal
    layout: str
    task: str
    macs: int
    parameters: int
    opset: int


UNKNOWN = "unknown_layout"
ROWS = (
    Row("yolox_nano_416.onnx", "settled", "yolox", "detection", 522_553_408, 904_467, 11),
    Row("light_person_detector.onnx", "settled", "yolox", "detection", 107_490_816, 889_062, 11),
    Row(
        "layouts/yolox_nano_as_yolov5_layout.onnx",
        "settled",
        "yolov5",
        "detection",
        522_553_408,
        915_114,
        11,
    ),
    Row(
        "layouts/yolox_nano_ssd_style_nms_in_graph.onnx",
        "choose",
        "ssd",
        "detection",
        522_553_408,
        915_118,
        11,
    ),
    Row("nanodet_m_320.onnx", "settled", "nanodet", "detection", 342_223_200, 941_826, 11),
    Row("fastestdet_352.onnx", "settled", "fastestdet", "detection", 121_491_744, 240_305, 11),
    Row("yolov8n_int8.onnx", "settled", "yolov8", "detection", 4_371_993_600, 3_193_973, 12),
    Row("yolov10n_int8.onnx", "settled", "yolov10", "detection", 3_378_720_000, 2_341_352, 17),
    Row("deimv2_atto_coco_int8.onnx", "settled", "detr", "detection", 378_598_000, 507_240, 16),
    # its sides are open: counted at 640 × 640
    Row(
        "face_detection_yunet_2026may.onnx", UNKNOWN, "", "face detection", 344_224_000, 53_112, 11
    ),
    Row("ultraface_RFB-320.onnx", UNKNOWN, "", "face detection", 100_418_560, 307_624, 9),
    Row("mnet_plate.onnx", UNKNOWN, "", "plate detection", 978_995_200, 422_488, 9),
    Row("lprnet_cn.onnx", UNKNOWN, "", "plate reading", 144_411_264, 444_924, 9),
    Row("person-reid-retail-0248.onnx", UNKNOWN, "", "re-identification", 82_298_496, 182_118, 12),
)


def test_every_file_at_hand_is_in_the_table() -> None:
    folder = SHARED / "models"
    assert {str(x.relative_to(folder)) for x in folder.rglob("*.onnx")} == {x.file for x in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.file)
def test_a_real_file_gets_its_verdict(row: Row) -> None:
    path = SHARED / "models" / row.file
    if row.verdict not in ("settled", "choose"):
        with pytest.raises(ModelRejected, match=f"^it looks like {row.task}: ") as refused:
            inspect(path)
        facts = refused.value.facts
        assert refused.value.code == row.verdict
        assert facts["dry_run_ms"] > 0
    else:
        found = inspect(path)
        assert (found.contract is not None) == (row.verdict == "settled")
        assert found.proposals[0].contract.layout == row.layout
        facts = found.to_json()
    told = (facts["task"], facts["macs"], facts["parameters"], facts["opset"])
    assert told == (row.task, row.macs, row.parameters, row.opset)
