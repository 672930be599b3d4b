"""A model in a process of its own: the same answers, and faults that cost that process only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated import DetectorLost, IsolatedDetector
from models_registry.runtime.isolated_wire import (
    MESSAGE_BYTES,
    STAGES,
    Boxes,
    Failure,
    Garbled,
    Ready,
    pack_boxes,
    pack_failure,
    pack_ready,
    unpack,
)
from tests.cameras import scene_image
from tests.models_registry.runtime.finder_models import CONTRACT, HEIGHT, WIDTH, save_finder
from tests.models_registry.runtime.region_models import save_lamp_finder
from tests.shared_data import ROOT, SHARED, needs_shared_data

Image = NDArray[np.uint8]
BEFORE, PAST = 9, 30
"""Numbers of a street's picture with the light box before the faulty models' column, and past."""
TIMEOUT_S = 60.0


@contextmanager
def isolated(path: Path, contract: Any = None, **more: Any) -> Iterator[IsolatedDetector]:
    with closing(IsolatedDetector(path, contract, **more)) as detector:
        while not detector.loaded(1.0):
            pass
        yield detector


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("fit", ["top_left", "centre", "stretch"])
def test_it_finds_what_the_same_model_finds_in_this_process(fit: str, tmp_path: Path) -> None:
    path, contract = save_finder(tmp_path), {**CONTRACT, "fit": fit}
    here = load_detector(path, contract)
    with isolated(path, contract) as detector:
        assert detector.contract == ModelContract(**contract)
        for size in ((WIDTH, HEIGHT), (640, 360), (500, 801), (100, 60), (WIDTH, HEIGHT)):
            picture = np.asarray(cv2.resize(scene_image(20), size), np.uint8)
            expected, found = here.detect(picture, 0.0), detector.detect(picture, 0.0)
            assert len(found) == len(expected) == 1
            np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)
            assert found.class_names() == expected.class_names() == ["car"]
            assert found.confidence == expected.confidence
        assert set(detector.stage_ms) == set(STAGES)


def test_it_shows_each_frame_on_the_canvas_of_its_shape(tmp_path: Path) -> None:
    own = save_lamp_finder(tmp_path / "lamps.onnx")
    contract = replace(own, canvases=((384, 288), (320, 320)))
    here = load_detector(tmp_path / "lamps.onnx", contract)
    with isolated(tmp_path / "lamps.onnx", contract) as detector:
        assert detector.contract == contract
        for width, height in ((640, 480), (832, 512), (320, 320), (480, 852)):
            picture = np.full((height, width, 3), 30, np.uint8)
            picture[height // 2 :, : width // 4] = 240
            expected, found = here.detect(picture, 0.0), detector.detect(picture, 0.0)
            assert len(expected) > 3
            np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)


@needs_shared_data
def test_it_finds_what_a_real_model_finds_in_this_process() -> None:
    path = SHARED / "models" / "yolox_nano_416.onnx"
    video = cv2.VideoCapture(str(SHARED / "videos" / "opendatacam_street_640x360.mp4"))
    here, boxes = load_detector(path), 0
    with isolated(path) as detector:
        assert (detector.name, detector.labels) == (here.name, here.labels)
        for _ in range(5):
            picture = np.asarray(video.read()[1], np.uint8)
            expected, found = here.detect(picture, 0.0), detector.detect(picture, 0.0)
            np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)
            np.testing.assert_array_equal(found.confidence, expected.confidence)
            np.testing.assert_array_equal(found.class_id, expected.class_id)
            boxes += len(found)
    assert boxes > 20


def test_asking_and_answering_can_be_two_steps(tmp_path: Path) -> None:
    with isolated(save_finder(tmp_path), CONTRACT) as detector:
        detector.submit(scene_image(PAST), 0.0)
        assert detector.busy
        with pytest.raises(RuntimeError, match="idle"):
            detector.submit(scene_image(PAST), 0.0)
        found = detector.collect(TIMEOUT_S)
        assert found is not None
        assert (len(found), detector.busy) == (1, False)
        assert detector.collect() is None
        with pytest.raises(ValueError, match="expected a \\(H, W, 3\\)"):
            detector.submit(np.zeros((4, 4), np.uint8), 0.0)


@pytest.mark.parametrize(("deed", "code"), [("crashed", "crashed"), ("hung", "hung")])
def test_a_model_that_crashes_or_hangs_is_lost_and_its_process_ended(
    deed: str, code: str, tmp_path: Path
) -> None:
    with isolated(save_finder(tmp_path, deed), CONTRACT) as detector:
        assert len(detector.detect(scene_image(BEFORE), 0.0)) == 1
        with pytest.raises(DetectorLost) as lost:
            detector.detect(scene_image(PAST), 0.0)
        assert lost.value.code == code
        assert not alive(detector.pid)
        with pytest.raises(DetectorLost):
            detector.detect(scene_image(BEFORE), 0.0)


def test_a_model_that_fails_on_a_picture_can_be_asked_again(tmp_path: Path) -> None:
    with isolated(save_finder(tmp_path, "run_failed"), CONTRACT) as detector:
        with pytest.raises(ModelUnusable, match="division by zero") as failed:
            detector.detect(scene_image(PAST), 0.0)
        assert failed.value.code == "run_failed"
        assert len(detector.detect(scene_image(BEFORE), 0.0)) == 1


@pytest.mark.parametrize(
    ("content", "contract", "code"),
    [
        (b"no model", None, "not_onnx"),
        (None, None, "not_found"),
        ("finder", {**CONTRACT, "layout": "ssd"}, "contract_mismatch"),
        ("finder", {"colour": "red"}, "contract_invalid"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_as_in_this_process(
    content: bytes | str | None, contract: dict[str, Any] | None, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    if content == "finder":
        path = save_finder(tmp_path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ModelUnusable) as here:
        load_detector(path, contract)
    with pytest.raises(ModelUnusable) as there, isolated(path, contract):
        pass
    assert here.value.code == there.value.code == code
    assert here.value.message == there.value.message


def test_a_process_frozen_while_it_loads_is_given_up(tmp_path: Path) -> None:
    with closing(IsolatedDetector(save_finder(tmp_path), CONTRACT, load_limit_s=0.3)) as detector:
        os.kill(detector.pid, signal.SIGSTOP)
        with pytest.raises(DetectorLost) as lost:
            detector.loaded(TIMEOUT_S)
    assert lost.value.code == "hung"


def test_it_dies_with_its_owner_even_while_it_hangs(tmp_path: Path) -> None:
    path = save_finder(tmp_path, "hung")
    code = textwrap.dedent(f"""
        from pathlib import Path
        from models_registry.runtime.isolated import IsolatedDetector
        from tests.cameras import scene_image
        from tests.models_registry.runtime.finder_models import CONTRACT
        detector = IsolatedDetector(Path({str(path)!r}), CONTRACT)
        while not detector.loaded(1.0): pass
        detector.submit(scene_image({PAST}), 0.0)
        print(detector.pid, flush=True)
        input()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.kill()
    for _ in range(int(TIMEOUT_S * 50)):
        if not alive(pid):
            break
        signal.sigtimedwait([], 0.02)
    assert not alive(pid)


def test_its_process_sees_no_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AISION_SECRET_KEY", "s3cret-w0rd")
    with isolated(save_finder(tmp_path), CONTRACT) as detector:
        assert b"s3cret-w0rd" not in Path(f"/proc/{detector.pid}/environ").read_bytes()


def test_records_arrive_as_they_were_sent() -> None:
    found = Detections(
        np.array([[1, 2, 3, 4], [5, 6, 7.5, 8]], np.float32),
        np.array([0.9, 0.1], np.float32),
        np.array([1, 0], np.int32),
        ("car", "bus"),
    )
    record = unpack(pack_boxes(7, 1.5, {"inference": 1.0}, found), found.labels)
    assert isinstance(record, Boxes)
    assert (record.number, record.wall_ms, record.stage_ms["inference"]) == (7, 1.5, 1.0)
    np.testing.assert_array_equal(record.found.xyxy, found.xyxy)
    np.testing.assert_array_equal(record.found.class_id, found.class_id)
    assert unpack(pack_failure("run_failed", "why", 3), ()) == Failure("run_failed", "why", 3)
    ready = unpack(pack_ready(ModelContract(**CONTRACT), 0.25), ())
    assert ready == Ready(ModelContract(**CONTRACT), 0.25)


def test_more_boxes_than_a_message_holds_are_cut_at_the_weak_end() -> None:
    many = 10_000
    found = Detections(
        np.tile(np.array([0, 0, 1, 1], np.float32), (many, 1)),
        np.linspace(1, 0, many, dtype=np.float32),
        np.zeros(many, np.int32),
        ("car",),
    )
    message = pack_boxes(1, 0.0, {}, found)
    assert len(message) <= MESSAGE_BYTES
    record = unpack(message, ("car",))
    assert isinstance(record, Boxes)
    assert record.found.confidence[0] == 1.0


def spoiled(**change: float) -> bytes:
    """Boxes of which one value is not as it must be."""
    xyxy = np.array([[1, 2, 3, change.get("x", 4)]], np.float32)
    confidence = np.array([change.get("confidence", 0.5)], np.float32)
    class_id = np.array([change.get("class_id", 0)], np.int32)
    return pack_boxes(1, 0.0, {}, Detections(xyxy, confidence, class_id, ("car",)))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"X",
        b"B",
        b"R[]",
        b"R" + b"[" * 5000,
        b'R{"contract": {}, "run_s": 1}',
        b'F["code"]',
        b"F[1, 2, 3]",
        spoiled()[:-1],
        spoiled() + b"x",
        spoiled(x=float("nan")),
        spoiled(x=float("inf")),
        spoiled(confidence=1.5),
        spoiled(confidence=float("nan")),
        spoiled(class_id=1),
        spoiled(class_id=-1),
    ],
)
def test_what_is_no_record_is_refused(message: bytes) -> None:
    assert isinstance(unpack(spoiled(), ("car",)), Boxes)
    with pytest.raises(Garbled):
        unpack(message, ("car",))
