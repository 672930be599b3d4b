from __future__ import annotations

import numpy as np
import onnx
import pytest

from models_registry.compression.capture import loaded, run
from models_registry.compression.channel_groups import Analysis
from models_registry.compression.cleanup import Cleanup
from models_registry.compression.drift import measure_drift
from models_registry.compression.graph import random_feeds
from models_registry.compression.lowrank import LowRank
from models_registry.compression.pruning import Prune
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression.networks import random_removal, zeroed
from tests.shared_data import SHARED

FLOAT = (
    "yolox_nano_416.onnx",
    "light_person_detector.onnx",
    "layouts/yolox_nano_ssd_style_nms_in_graph.onnx",
    "nanodet_m_320.onnx",
    "fastestdet_352.onnx",
    "face_detection_yunet_2026may.onnx",
    "ultraface_RFB-320.onnx",
    "mnet_plate.onnx",
    "lprnet_cn.onnx",
    "person-reid-retail-0248.onnx",
)
QUANTIZED = ("yolov8n_int8.onnx", "deimv2_atto_coco_int8.onnx")


def shared(file: str) -> onnx.ModelProto:
    path = SHARED / "models" / file
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return onnx.load(path)


@pytest.mark.parametrize("file", FLOAT)
def test_a_pruned_real_model_equals_the_whole_one_made_blind(file: str) -> None:
    clean = Cleanup().apply(shared(file), Context()).model
    analysis = Analysis(clean)
    removed = random_removal(analysis, seed=0, share=0.4)
    feeds = random_feeds(clean, np.random.default_rng(0))
    pruned = analysis.without(removed)
    assert pruned.ByteSize() < 0.9 * clean.ByteSize()
    # Outputs that are nearly zero have a large relative drift from rounding alone.
    for x in measure_drift(zeroed(analysis, removed), pruned, [feeds]).outputs:
        assert x.relative is None or x.relative < 1e-4 or (x.max_abs or 0) < 1e-5


@pytest.mark.parametrize("file", ["fastestdet_352.onnx", "lprnet_cn.onnx"])
def test_a_real_model_goes_through_clean_up_pruning_and_factorisation(file: str) -> None:
    clean = Cleanup().apply(shared(file), Context()).model
    pruned = Prune(share=0.1, importance="l2").apply(clean, Context()).model
    thin = LowRank(saving=0.3, max_drift=None).apply(pruned, Context()).model
    assert thin.ByteSize() < pruned.ByteSize() < clean.ByteSize()
    feeds = random_feeds(clean, np.random.default_rng(0))
    expected = {x: y.shape for x, y in run(loaded(clean), feeds).items()}
    assert {x: y.shape for x, y in run(loaded(thin), feeds).items()} == expected


@pytest.mark.parametrize("file", QUANTIZED)
def test_a_quantized_model_is_refused(file: str) -> None:
    model = shared(file)
    for step in (Prune(), LowRank()):
        with pytest.raises(StepFailed) as refusal:
            step.predict(model)
        assert refusal.value.code == "graph_unsupported"
        assert "start from its float parent" in refusal.value.message
