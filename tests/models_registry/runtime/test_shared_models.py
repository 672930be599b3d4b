"""Real detectors find what their upstream's decoding finds; other models are refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.runtime.detector import load_detector
from models_registry.runtime.errors import ModelUnusable
from tests.shared_data import SHARED, needs_shared_data
from tests.shared_models import DETECTORS, REFUSED, SharedModel, compare, frames

pytestmark = needs_shared_data


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    return frames()


@pytest.mark.parametrize("model", DETECTORS, ids=lambda model: model.file)
def test_a_real_detector_finds_what_its_reference_decoding_finds(
    model: SharedModel, pictures: list[NDArray[np.uint8]]
) -> None:
    path = SHARED / "models" / model.file
    detector = load_detector(path, model.stated or None)
    assert detector.contract.layout == model.layout
    total = 0
    for picture in pictures:
        expected = model.decode(path, picture, model.threshold)
        agreement = compare(expected, detector.detect(picture, 0.0), model.threshold)
        assert agreement.share == 1.0, agreement
        assert agreement.worst_iou >= 0.98, agreement
        assert agreement.worst_score <= 0.01, agreement
        total += agreement.expected
    assert total >= 1  # an empty comparison would prove nothing


@pytest.mark.parametrize("file", REFUSED)
def test_a_real_model_of_another_kind_is_refused(file: str) -> None:
    with pytest.raises(ModelUnusable, match=r"^expected the outputs of a detector .+, got ") as no:
        load_detector(SHARED / "models" / file)
    assert no.value.code == "unknown_layout"


def test_numbered_classes_without_a_contract_are_refused() -> None:
    with pytest.raises(ModelUnusable, match="states labels and class_offset") as refusal:
        load_detector(SHARED / "models/layouts/yolox_nano_ssd_style_nms_in_graph.onnx")
    assert refusal.value.code == "ambiguous_layout"
