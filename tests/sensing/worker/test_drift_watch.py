"""A camera that is knocked out of its place, with traffic before it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.worker import drift_watch
from sensing.worker.drift_watch import AGAIN_AFTER_S, EVERY_S, FRAMES, DriftWatch
from sensing.worker.messages import DriftReport
from tests.sensing.domain.test_drift import still, with_traffic

Image = NDArray[np.uint8]


def picture(x: int, seed: int) -> Image:
    grey = with_traffic(still(x, seed=seed), seed)
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def reference() -> bytes:
    small = cv2.resize(still().astype(np.uint8), (320, 180), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", small)[1].tobytes())


def reports(watch: DriftWatch, x: int, since_s: float, until_s: float) -> list[DriftReport]:
    """What is said of frames every second."""
    found = []
    pictures = [picture(x, seed) for seed in range(FRAMES)]
    for second in range(int(since_s), int(until_s)):
        report = watch.look(pictures[second % FRAMES], float(second))
        if report is not None:
            found.append(report)
    return found


def test_a_steady_camera_is_said_to_be_so_soon_and_then_now_and_again() -> None:
    watch = DriftWatch(3, 8, reference())
    said = reports(watch, 0, 0, 2 * EVERY_S)
    assert [(r.camera_id, r.calibration_id, r.verdict) for r in said] == [(3, 8, "unmoved")] * 2
    assert said[0].at_s < 60.0
    assert said[1].at_s - said[0].at_s == pytest.approx(EVERY_S, abs=FRAMES + 1)
    assert said[0].distance_px < 1.0


def test_a_moved_camera_is_looked_at_once_more_before_it_is_said() -> None:
    watch = DriftWatch(3, 8, reference())
    assert reports(watch, 24, 0, 40) == []
    (said,) = reports(watch, 24, 40, 60 + AGAIN_AFTER_S + FRAMES)
    assert said.verdict == "moved"
    assert said.distance_px == pytest.approx(24.0, abs=2.0)  # of the camera's own pixels


def test_a_lorry_that_hid_the_view_once_moves_nothing() -> None:
    watch = DriftWatch(3, 8, reference())
    assert reports(watch, 24, 0, 40) == []
    (said,) = reports(watch, 0, 40, 60 + AGAIN_AFTER_S + FRAMES)
    assert said.verdict == "unmoved"


def test_a_picture_of_another_shape_or_none_is_unsure_and_breaks_nothing() -> None:
    square = np.zeros((360, 360, 3), np.uint8)
    watch = DriftWatch(3, 8, reference())
    said = [r for k in range(60) if (r := watch.look(square, float(k))) is not None]
    assert [r.verdict for r in said] == ["unsure"]
    assert "shape" in said[0].reason
    broken = DriftWatch(3, 8, b"no picture")
    assert reports(broken, 0, 0, 60) == []


def test_after_the_clock_was_set_the_camera_is_looked_at_again() -> None:
    watch = DriftWatch(3, 8, reference())
    assert len(reports(watch, 0, 0, 60)) == 1
    assert len(reports(watch, 0, 1_000_000, 1_000_060)) == 1
    assert drift_watch.FIRST_AFTER_S < 60.0
