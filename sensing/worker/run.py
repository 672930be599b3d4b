"""One run of a camera: a stretch of frames without interruption, under one run id."""

from __future__ import annotations

import math
import time
import uuid

import numpy as np

from models_registry.runtime.detections import Detections
from sensing.domain.calibration import Calibration
from sensing.domain.heat import HeatMap
from sensing.domain.results import SensedFacts
from sensing.domain.scene import Scene
from sensing.domain.tracking import Tracks
from sensing.worker.frames import CapturedFrame
from sensing.worker.ledger import Ledger
from sensing.worker.messages import Facts, Overlay
from sensing.worker.pipeline import Sensing

HEAT_EVERY_S = 60.0


class Run:
    """Tracks and facts never reach across runs, so their natural keys cannot clash."""

    def __init__(
        self,
        camera_id: int,
        scene: Scene,
        longest_gap_s: float,
        *,
        calibration: Calibration | None = None,
        calibration_id: int = 0,
    ) -> None:
        self.run_id = uuid.uuid4().hex
        self.sensing = Sensing(scene, calibration=calibration, longest_gap_s=longest_gap_s)
        self.size: tuple[int, int] | None = None
        self.loop: int | None = None
        self._last_s = -math.inf
        self.boxes = np.zeros((0, 4), np.float32)
        """(N, 4) px: everything that may have to be blurred on the last frame."""
        self._longest_gap_s = longest_gap_s
        self._ledger = Ledger(camera_id, self.run_id, longest_gap_s, calibration_id)
        self._heat: HeatMap | None = None
        self._camera_id = camera_id
        self._batched_s = self._heat_taken_s = time.monotonic()

    def belongs(self, frame: CapturedFrame) -> bool:
        """Whether the frame continues this run: same size, no jump in a recording, a later time."""
        height, width = frame.image.shape[:2]
        same = self.size in (None, (width, height)) and self.loop in (None, frame.loop)
        return same and frame.captured_at_s > self._last_s

    def step(
        self, frame: CapturedFrame, detections: Detections, detector: str = ""
    ) -> tuple[Overlay, SensedFacts]:
        """Sense one frame, with what ``detector`` found on it: another may be on duty in the middle
        of a run. Times are Unix seconds and grow within a run."""
        height, width = frame.image.shape[:2]
        self.size, self.loop = (width, height), frame.loop
        self._last_s = frame.captured_at_s
        result = self.sensing.step(
            detections, self.size, frame.captured_at_s, frame.index, detector=detector
        )
        self._ledger.add(result.facts, frame.captured_at_s)
        if self._heat is None:  # a run's frames are all of one size
            self._heat = HeatMap(width, height, self._longest_gap_s)
        self._heat.add(result.tracks, frame.captured_at_s)
        # What is not tracked yet must be blurred too.
        self.boxes = np.concatenate([result.tracks.xyxy, detections.xyxy])
        overlay = Overlay(
            self._camera_id,
            frame.captured_at_s,
            overlay_boxes(result.tracks, width, height),
            dict(result.facts.occupancy),
        )
        return overlay, result.facts

    def batch(self, *, at_once: bool = False) -> Facts | None:
        """The facts gathered so far when a batch is due, or ``at_once``."""
        now_s = time.monotonic()
        if self._heat is not None and (at_once or now_s - self._heat_taken_s >= HEAT_EVERY_S):
            self._heat_taken_s = now_s
            self._ledger.add_heat(self._heat.take())
        if not at_once and not self._ledger.due(now_s - self._batched_s):
            return None
        self._batched_s = now_s
        return self._ledger.batch()

    def finish(self) -> Facts | None:
        """End the run: open visits are closed, everything left is handed over."""
        self._ledger.add_events(self.sensing.finish())
        return self.batch(at_once=True)


def overlay_boxes(
    tracks: Tracks, width: int, height: int
) -> tuple[tuple[int, str, float, float, float, float, float, bool], ...]:
    """Tracks as numbers in 0–1 of the picture, as ``Overlay`` carries them."""
    scale = np.array([width, height, width, height], np.float32)
    boxes = np.clip(tracks.xyxy / scale, 0.0, 1.0).tolist()
    return tuple(
        (int(track_id), tracks.labels[class_id], *box, float(confidence), bool(observed))
        for track_id, class_id, box, confidence, observed in zip(
            tracks.track_id, tracks.class_id, boxes, tracks.confidence, tracks.observed, strict=True
        )
    )
