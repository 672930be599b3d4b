"""The main path of a camera: detect → track → sense, one frame at a time.

A worker, whose detector answers from another process, uses ``Sensing`` alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from sensing.domain.calibration import Calibration
from sensing.domain.counting import HEIR_S
from sensing.domain.memory import CameraMemories
from sensing.domain.results import SensedFacts
from sensing.domain.road import road_for
from sensing.domain.scene import Scene
from sensing.domain.tracking import Tracker, TrackerParameters, Tracks
from sensing.domain.trips import Trips
from sensing.modules import CameraView, SensingModule, build_modules, check_modules
from sensing.worker.motion import MOTION

if TYPE_CHECKING:  # brings ONNX Runtime with it, which a camera's process does without
    from models_registry.runtime.detector import Detector


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one frame brought. ``stage_ms`` is CPU milliseconds of this thread by stage."""

    frame_index: int
    time_s: float
    tracks: Tracks
    facts: SensedFacts
    stage_ms: dict[str, float]


class Sensing:
    """Track and sense what was detected. Scene and ``calibration`` are 0–1, so their pixel
    geometry follows the picture's size. ``longest_gap_s``: a longer time between two frames was
    not observed.

    Raises ``SceneInvalid`` at construction when a module refuses its parameters.
    """

    def __init__(
        self,
        scene: Scene,
        tracker_parameters: TrackerParameters | None = None,
        *,
        calibration: Calibration | None = None,
        longest_gap_s: float = 1.0,
    ) -> None:
        check_modules(scene)
        self.scene, self.calibration = scene, calibration
        self.tracker = Tracker(tracker_parameters)
        self._longest_gap_s = longest_gap_s
        self._modules: list[SensingModule] = []
        self._trips: Trips | None = None
        self._size: tuple[int, int] | None = None
        self._last_s = 0.0

    def step(
        self,
        detections: Detections,
        size: tuple[int, int],
        time_s: float,
        frame_index: int,
        *,
        detector: str = "",
    ) -> StepResult:
        """Enter the objects that ``detector`` found on a frame of ``size`` (width, height) px taken
        at ``time_s`` seconds; times must grow."""
        ended = self._follow_size(size)
        self._last_s = time_s

        started = time.thread_time()
        tracks = self.tracker.update(detections, time_s)
        if detector == MOTION:
            tracks = replace(tracks, shaded=True)
        tracked = time.thread_time()
        facts = merge_facts(module.step(tracks, time_s, frame_index) for module in self._modules)
        if self._trips is not None:
            movements = self._trips.update(tracks, time_s, facts.crossings)
            facts = replace(facts, movements=tuple(movements)) if movements else facts
        sensed = time.thread_time()

        stage_ms = {"track": (tracked - started) * 1e3, "sense": (sensed - tracked) * 1e3}
        whole = merge_facts([ended, facts]) if ended is not None else facts
        return StepResult(frame_index, time_s, tracks, whole, stage_ms)

    def finish(self) -> SensedFacts:
        """Flush what is still open (visits under way) at the time of the last frame."""
        facts = merge_facts(module.finish(self._last_s) for module in self._modules)
        if self._trips is None:
            return facts
        return replace(facts, movements=tuple(self._trips.finish(facts.crossings)))

    def _follow_size(self, size: tuple[int, int]) -> SensedFacts | None:
        """Start afresh when the picture's size changes; returns the facts that this closed."""
        if self._size == size:
            return None
        ended = self.finish() if self._size is not None else None
        if self._size is not None:
            self.tracker.reset()
        memories = CameraMemories(self.scene.anchor)
        road = road_for(self.calibration, *size)
        view = CameraView(memories, road, self._longest_gap_s)
        self._modules = build_modules(self.scene, *size, view)
        # After the modules, so that a frame's crossings are known.
        self._trips = Trips(memories.keeping(HEIR_S)) if self.scene.lines else None
        self._size = size
        # Occupancy of the closed geometry is history; the new modules state today's.
        return replace(ended, occupancy={}) if ended is not None else None


class Pipeline:
    """One camera's detector and sensing, one after the other. Raises as ``Sensing``."""

    def __init__(
        self,
        scene: Scene,
        detector: Detector,
        tracker_parameters: TrackerParameters | None = None,
        *,
        calibration: Calibration | None = None,
        longest_gap_s: float = 1.0,
    ) -> None:
        self.detector = detector
        self.sensing = Sensing(
            scene, tracker_parameters, calibration=calibration, longest_gap_s=longest_gap_s
        )
        self._size: tuple[int, int] | None = None

    def step(self, frame: NDArray[np.uint8], time_s: float, frame_index: int) -> StepResult:
        """Sense one BGR frame (H, W, 3) taken at ``time_s`` seconds; times must grow."""
        height, width = frame.shape[:2]
        size = (width, height)
        if self._size not in (None, size):
            self.detector.reset()
        self._size = size

        started = time.thread_time()
        detections = self.detector.detect(frame, time_s)
        detect_ms = (time.thread_time() - started) * 1e3
        result = self.sensing.step(
            detections, size, time_s, frame_index, detector=self.detector.name
        )
        return replace(result, stage_ms={"detect": detect_ms, **result.stage_ms})

    def finish(self) -> SensedFacts:
        """Flush what is still open (visits under way) at the time of the last frame."""
        return self.sensing.finish()


def merge_facts(parts: Iterable[SensedFacts]) -> SensedFacts:
    """Several modules' facts as one, in order of modules."""
    given = tuple(parts)
    occupancy: dict[str, int] = {}
    for facts in given:
        occupancy.update(facts.occupancy)
    return SensedFacts(
        tuple(crossing for facts in given for crossing in facts.crossings),
        tuple(visit for facts in given for visit in facts.visits),
        tuple(reading for facts in given for reading in facts.speeds),
        tuple(movement for facts in given for movement in facts.movements),
        occupancy,
    )
