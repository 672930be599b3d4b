"""Looks now and then whether the camera still stands as it was calibrated."""

from __future__ import annotations

import logging

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.domain.drift import Drift, compare_stills
from sensing.worker.messages import DriftReport

log = logging.getLogger(__name__)

FIRST_AFTER_S = 10.0
EVERY_S = 600.0
AGAIN_AFTER_S = 45.0
"""A camera that seems moved is looked at once more before it is said: lasting words."""
FRAMES, FRAME_EVERY_S = 21, 1.0
"""Of so many frames the median shows no traffic, as long as the road is free half of the time."""

Image = NDArray[np.uint8]


class DriftWatch:
    """Compares a median of some frames with the still that was kept with a calibration.

    ``reference`` is a small grey PNG. Nothing of a frame is kept but a few small grey copies, until
    they are compared.
    """

    def __init__(self, camera_id: int, calibration_id: int, reference: bytes) -> None:
        self._camera_id, self._calibration_id = camera_id, calibration_id
        still = cv2.imdecode(np.frombuffer(reference, np.uint8), cv2.IMREAD_GRAYSCALE)
        self._reference = None if still is None else np.asarray(still, np.uint8)
        if still is None:
            log.warning("calibration %d: its still is no picture", calibration_id)
        self._frames: list[Image] = []
        self._due_s: float | None = None
        self._suspected = False

    def look(self, image: Image, time_s: float) -> DriftReport | None:
        """Take in a frame at its own time; the report when one is due."""
        if self._reference is None:
            return None
        if self._due_s is None or abs(time_s - self._due_s) > 2 * EVERY_S:  # or the clock was set
            self._due_s = time_s + FIRST_AFTER_S
        if time_s < self._due_s:
            return None
        self._due_s = time_s + FRAME_EVERY_S
        height, width = self._reference.shape
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        self._frames.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
        if len(self._frames) < FRAMES:
            return None
        drift = self._compare(image.shape[1] / image.shape[0])
        return self._judge(drift, image.shape[1] / width, time_s)

    def _compare(self, aspect: float) -> Drift:
        still = np.median(np.stack(self._frames), axis=0)
        self._frames = []
        reference = self._reference
        if reference is None or abs(reference.shape[1] / reference.shape[0] - aspect) > 0.05:
            return Drift("unsure", (0.0, 0.0), 0.0, 0, 0, "the picture has another shape")
        return compare_stills(reference, still)

    def _judge(self, drift: Drift, scale: float, time_s: float) -> DriftReport | None:
        doubted = drift.verdict == "moved" and not self._suspected
        self._suspected = drift.verdict == "moved"
        self._due_s = time_s + (AGAIN_AFTER_S if doubted else EVERY_S)
        if doubted:
            return None
        return DriftReport(
            self._camera_id,
            self._calibration_id,
            drift.verdict,
            drift.distance_px * scale,
            time_s,
            drift.reason,
        )
