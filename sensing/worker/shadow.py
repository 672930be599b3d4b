"""A candidate on the same frames as the active detector: what it would count, and at what cost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from models_registry.runtime.detections import Detections
from models_registry.runtime.isolated import DetectorLost
from sensing.domain.results import SensedFacts
from sensing.domain.scene import Scene
from sensing.worker.agreement import Agreement
from sensing.worker.frames import CapturedFrame
from sensing.worker.latencies import Latencies
from sensing.worker.messages import ShadowReport
from sensing.worker.pipeline import Sensing
from sensing.worker.plan import DetectorSpec
from sensing.worker.post import FAULTS, Post

REPORT_EVERY_S = 2.0
TRIES = 3


class Shadow:
    """Takes a frame whenever it has time, follows its own tracks and stores nothing.

    It never waits and never raises: one that breaks is started again, and given up when it broke
    ``TRIES`` times.
    """

    def __init__(
        self,
        camera_id: int,
        spec: DetectorSpec,
        scene: Scene,
        tell: Callable[[ShadowReport], None],
    ) -> None:
        self.spec = spec
        self._camera_id, self._scene, self._tell = camera_id, scene, tell
        self._post: Post | None = Post(spec, scene, in_the_background=True)
        self._sensing = Sensing(scene)
        self._since_s = time.time()
        self._frames = self._skipped = self._faults = 0
        self._last_fault = ("", "")
        self._agreement = Agreement()
        self._active_ms = Latencies()
        self._active: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._shown: tuple[CapturedFrame, Detections] | None = None
        self._report_at_s = time.monotonic() + REPORT_EVERY_S

    def tick(self) -> None:
        """Move on without waiting."""
        if self._post is not None:
            try:
                if self._post.ready() and self._shown is not None:
                    self._enter(self._post, *self._shown)
            except FAULTS as error:
                self._broke(error)
        if time.monotonic() >= self._report_at_s:
            self.report()

    def analysed(
        self, frame: CapturedFrame, found: Detections, facts: SensedFacts, active_ms: float
    ) -> None:
        """What the active detector made of a frame; the shadow gets it too if it has time."""
        if self._post is None or not self._post.loaded:
            return
        if not self._frames and self._shown is None:
            self._since_s = frame.captured_at_s
        self._active.update(names(facts))
        self._active_ms.add(active_ms)
        if self._shown is not None:
            self._skipped += 1
            return
        self._shown = (frame, found)
        self._post.submit(frame)

    def new_run(self) -> None:
        """The active detector's tracks were cut; so must these be."""
        self._own.update(names(self._sensing.finish()))
        self._sensing = Sensing(self._scene)

    def report(self) -> None:
        """Tell how it stands."""
        if self._post is None:
            return  # its last report said so
        self._report_at_s = time.monotonic() + REPORT_EVERY_S
        self._tell(self._current())

    def close(self) -> None:
        """End it, with a last report."""
        self.report()
        if self._post is not None:
            self._post.close()
            self._post = None

    def _enter(self, post: Post, frame: CapturedFrame, active: Detections) -> None:
        found = post.collect()
        if found is None:
            return
        self._shown = None
        self._frames += 1
        self._agreement.add(active, found)
        height, width = frame.image.shape[:2]
        result = self._sensing.step(found, (width, height), frame.captured_at_s, frame.index)
        self._own.update(names(result.facts))

    def _broke(self, error: Exception) -> None:
        self._shown = None
        self._faults += 1
        self._last_fault = (getattr(error, "code", "crashed"), str(error)[:300])
        never_ran = not isinstance(error, DetectorLost) and not self._frames
        if self._post is not None and (never_ran or self._faults >= TRIES):
            self._post.close()
            self._tell(self._current(dropped=True))
            self._post = None
        else:
            self.report()

    def _current(self, *, dropped: bool = False) -> ShadowReport:
        own = self._post.latencies.percentiles() if self._post is not None else (0.0, 0.0)
        active = self._active_ms.percentiles()
        return ShadowReport(
            camera_id=self._camera_id,
            version=self.spec.version,
            since_s=self._since_s,
            at_s=time.time(),
            frames=self._frames,
            frames_skipped=self._skipped,
            agreement=self._agreement.share,
            only_active=self._agreement.only_active,
            only_shadow=self._agreement.only_shadow,
            latency_p50_ms=round(own[0], 2),
            latency_p95_ms=round(own[1], 2),
            active_p50_ms=round(active[0], 2),
            active_p95_ms=round(active[1], 2),
            counts_active=dict(self._active),
            counts_shadow=dict(self._own),
            dropped=dropped,
            cause=self._last_fault[0],
            detail=self._last_fault[1],
        )


def names(facts: SensedFacts) -> list[str]:
    """``line|direction|class`` of each crossing."""
    return [f"{x.line_id}|{x.direction}|{x.object_class}" for x in facts.crossings]
