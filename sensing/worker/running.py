"""Detectors as a worker runs them: asked now, answering later, so that its loop never waits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated import DEADLINE_S, IsolatedDetector
from models_registry.runtime.motion import MotionDetector
from models_registry.runtime.vouching import Witness, vouched
from sensing.domain.scene import Scene
from sensing.worker.motion import build_motion, witness
from sensing.worker.plan import DetectorSpec

BACKGROUND_NICE = 10
BACKGROUND_DEADLINE_S = 10.0


class RunningDetector(Protocol):
    """What ``IsolatedDetector`` offers, in its words, and ``jump``."""

    name: str

    @property
    def wall_ms(self) -> float: ...

    @property
    def busy(self) -> bool: ...

    @property
    def waiting_s(self) -> float: ...

    def loaded(self, timeout_s: float = 0.0) -> bool: ...

    def submit(self, frame: NDArray[np.uint8], time_s: float) -> None: ...

    def collect(self, timeout_s: float = 0.0) -> Detections | None: ...

    def reset(self) -> None: ...

    def jump(self) -> None:
        """The next frame does not follow the last one, but shows the same scene."""
        ...

    def close(self) -> None: ...


class MotionInProcess:
    """The motion detector, which is our own and quick: its answer is there at once."""

    def __init__(self, detector: MotionDetector) -> None:
        self.name = detector.name
        self.wall_ms = 0.0
        self.busy = False
        self._detector = detector
        self._found: Detections | None = None
        self.waiting_s = 0.0

    def loaded(self, timeout_s: float = 0.0) -> bool:
        return True

    def submit(self, frame: NDArray[np.uint8], time_s: float) -> None:
        started = time.perf_counter()
        self._found = self._detector.detect(frame, time_s)
        self.wall_ms = (time.perf_counter() - started) * 1e3
        self.busy = True

    def collect(self, timeout_s: float = 0.0) -> Detections | None:
        found, self._found = self._found, None
        self.busy = False
        return found

    def reset(self) -> None:
        self._detector.reset()

    def jump(self) -> None:
        """What it learnt of the scene stays right."""

    def close(self) -> None:
        """There is no process to end."""


class ModelRunning:
    """A model in its process, and motion in this one, if any, to vouch for what it sees weakly.

    Attention is a matter of the model's process: motion sees every frame.
    """

    def __init__(self, model: IsolatedDetector, beside: Witness | None) -> None:
        self.name = model.name
        self._model, self._witness = model, beside
        self._motion_ms = 0.0

    @property
    def wall_ms(self) -> float:
        return self._model.wall_ms + self._motion_ms

    @property
    def busy(self) -> bool:
        return self._model.busy

    @property
    def waiting_s(self) -> float:
        return self._model.waiting_s

    def loaded(self, timeout_s: float = 0.0) -> bool:
        return self._model.loaded(timeout_s)

    def submit(self, frame: NDArray[np.uint8], time_s: float) -> None:
        self._model.submit(frame, time_s)
        if self._witness is None:
            return
        started = time.perf_counter()  # while the model is at it
        self._witness.look(frame, time_s)
        self._motion_ms = (time.perf_counter() - started) * 1e3

    def collect(self, timeout_s: float = 0.0) -> Detections | None:
        found = self._model.collect(timeout_s)
        if found is None or self._witness is None:
            return found
        return vouched(found, self._witness.moving)

    def reset(self) -> None:
        self._model.reset()
        if self._witness is not None:
            self._witness.reset()

    def jump(self) -> None:
        self._model.reset()  # what attention holds of the frames before is there no longer

    def close(self) -> None:
        self._model.close()


def start_detector(
    spec: DetectorSpec, scene: Scene, *, in_the_background: bool = False
) -> RunningDetector:
    """Start what a plan names; it loads on its own. Raises ``ModelUnusable`` for a plan that makes
    no sense and ``DetectorLost`` when no process can be had; a file that cannot serve is told by
    ``loaded``. ``in_the_background``: it takes what the others leave, and may be slow."""
    if spec.model_path:
        beside = witness(spec, scene)  # before there is a process to leave behind
        model = IsolatedDetector(
            Path(spec.model_path),
            spec.contract,
            threads=spec.threads,
            attention=spec.attention,
            nice=BACKGROUND_NICE if in_the_background else 0,
            deadline_s=BACKGROUND_DEADLINE_S if in_the_background else DEADLINE_S,
        )
        return ModelRunning(model, beside)
    try:
        return MotionInProcess(build_motion(spec, scene))
    except (ValueError, TypeError) as error:
        raise ModelUnusable("contract_invalid", str(error)) from error
