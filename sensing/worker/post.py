"""A detector's post: what is to run there, and the process that does."""

from __future__ import annotations

from models_registry.runtime.detections import Detections
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated import DetectorLost
from sensing.domain.scene import Scene
from sensing.worker.frames import CapturedFrame
from sensing.worker.latencies import Latencies
from sensing.worker.plan import DetectorSpec
from sensing.worker.running import RunningDetector, start_detector

FAULTS = (ModelUnusable, DetectorLost)


class Post:
    """Starts its detector when asked whether it is ready, and again after it was lost."""

    def __init__(
        self, spec: DetectorSpec, scene: Scene, *, in_the_background: bool = False
    ) -> None:
        self.spec = spec
        self.latencies = Latencies()
        self._scene, self._in_the_background = scene, in_the_background
        self._running: RunningDetector | None = None
        self._loaded = False
        self._loop = 0

    @property
    def name(self) -> str:
        """As people call it."""
        return self.spec.reference or self.spec.name

    @property
    def loaded(self) -> bool:
        return self._loaded

    @property
    def busy(self) -> bool:
        return self._running is not None and self._running.busy

    @property
    def waiting_s(self) -> float:
        """How long ago it was last asked."""
        return self._running.waiting_s if self._running is not None else 0.0

    def ready(self) -> bool:
        """Whether it can be asked. Raises one of ``FAULTS``; then it starts anew next time."""
        if not self._loaded:
            try:
                if self._running is None:
                    self._running = start_detector(
                        self.spec, self._scene, in_the_background=self._in_the_background
                    )
                self._loaded = self._running.loaded()
            except FAULTS:
                self.close()
                raise
        return self._loaded

    def submit(self, frame: CapturedFrame) -> None:
        """Ask about a frame; only when ready and not busy."""
        if self._running is None:
            raise RuntimeError("expected a detector that is ready")
        if frame.loop != self._loop:
            self._loop = frame.loop
            self._running.jump()
        self._running.submit(frame.image, frame.captured_at_s)

    def collect(self, timeout_s: float = 0.0) -> Detections | None:
        """The answer, if it comes in time. Raises one of ``FAULTS``: after ``DetectorLost`` it has
        to get ready again."""
        if self._running is None:
            return None
        try:
            found = self._running.collect(timeout_s)
        except DetectorLost:
            self.close()
            raise
        if found is not None:
            self.latencies.add(self._running.wall_ms)
        return found

    @property
    def wall_ms(self) -> float:
        """Milliseconds that the last answer took."""
        return self._running.wall_ms if self._running is not None else 0.0

    def reset(self) -> None:
        """Forget what was learnt of the scene."""
        if self._running is not None:
            self._running.reset()

    def close(self) -> None:
        """End its process."""
        running, self._running, self._loaded = self._running, None, False
        if running is not None:
            running.close()
