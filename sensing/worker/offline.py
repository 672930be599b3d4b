"""A recording through the same pipeline as a live camera, as fast as it goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models_registry.runtime.detector import Detector
from sensing.domain.calibration import Calibration
from sensing.domain.results import Crossing, Movement, SensedFacts, SpeedReading, Visit
from sensing.domain.scene import Scene
from sensing.worker.pipeline import Pipeline, StepResult
from sensing.worker.recording import Recording, RecordingUnusable

PROGRESS_PERIOD_S = 0.2
NOMINAL_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Progress:
    """``share`` is 0–1 where the file states its length, else None."""

    share: float | None
    frames_per_s: float
    remaining_s: float | None


@dataclass
class Analysis:
    """Everything found in one recording, and what it cost."""

    model: str
    fps: float
    frames_read: int = 0
    frames_analysed: int = 0
    duration_s: float = 0.0
    wall_s: float = 0.0
    crossings: list[Crossing] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    speeds: list[SpeedReading] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    occupancy_max: dict[str, int] = field(default_factory=dict)
    cpu_ms: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    width: int = 0
    height: int = 0
    warnings: list[str] = field(default_factory=list)

    def cpu_ms_per_frame(self) -> dict[str, float]:
        """Mean CPU milliseconds per analysed frame by stage; decoding includes skipped frames."""
        return {name: ms / max(1, self.frames_analysed) for name, ms in self.cpu_ms.items()}


def analyze_recording(
    path: Path,
    scene: Scene,
    detector: Detector,
    *,
    analysed_fps: float | None = None,
    calibration: Calibration | None = None,
    partial: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Analysis:
    """Sense every frame (or every k-th, at ``analysed_fps``) of a recording.

    Times are seconds since the first frame. A recording that changes its resolution plays on in its
    first size, and the scene is 0–1, so lines stay where they were drawn. Raises
    ``RecordingUnusable`` for a file that cannot be read to its end, unless ``partial`` allows a cut
    one. With a ``calibration`` vehicles get speeds.
    """
    recording = Recording(path)
    looked_fps = min(analysed_fps or recording.fps, recording.fps) or NOMINAL_FPS
    pipeline = Pipeline(
        scene, detector, calibration=calibration, longest_gap_s=max(1.0, 2.5 / looked_fps)
    )
    analysis = Analysis(detector.name, recording.fps)
    started = reported = time.perf_counter()
    try:
        cpu_mark = time.thread_time()
        for frame in recording.frames(analysed_fps):
            analysis.cpu_ms["decode"] += (time.thread_time() - cpu_mark) * 1e3
            analysis.height, analysis.width = frame.image.shape[:2]
            result = pipeline.step(frame.image, frame.time_s, frame.index)
            _add(analysis, result, detector)
            if progress is not None and time.perf_counter() - reported > PROGRESS_PERIOD_S:
                reported = time.perf_counter()
                progress(_progress(recording, reported - started))
            cpu_mark = time.thread_time()
    except RecordingUnusable as problem:
        if not (partial and problem.code == "truncated"):
            raise
        analysis.warnings.append(str(problem))
    finally:
        recording.close()
    _keep(analysis, pipeline.finish())
    analysis.frames_read = recording.frames_read
    analysis.wall_s = time.perf_counter() - started
    return analysis


def _add(analysis: Analysis, result: StepResult, detector: Detector) -> None:
    analysis.frames_analysed += 1
    analysis.duration_s = result.time_s
    stages = dict(result.stage_ms)
    # The detector tells its own stages; what they leave of "detect" would be counted twice.
    whole_ms = stages.pop("detect")
    stages.update(detector.stage_ms or {"detect": whole_ms})
    for name, ms in stages.items():
        analysis.cpu_ms[name] += ms
    _keep(analysis, result.facts)


def _keep(analysis: Analysis, facts: SensedFacts) -> None:
    analysis.crossings.extend(facts.crossings)
    analysis.visits.extend(facts.visits)
    analysis.speeds.extend(facts.speeds)
    analysis.movements.extend(facts.movements)
    for zone_id, count in facts.occupancy.items():
        analysis.occupancy_max[zone_id] = max(analysis.occupancy_max.get(zone_id, 0), count)


def _progress(recording: Recording, elapsed_s: float) -> Progress:
    rate = recording.frames_read / max(elapsed_s, 1e-9)
    if not recording.frames_stated:
        return Progress(None, rate, None)
    share = min(1.0, recording.frames_read / recording.frames_stated)
    return Progress(share, rate, elapsed_s * (1.0 - share) / max(share, 1e-9))
