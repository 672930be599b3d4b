"""The detector on duty at a camera: asked frame by frame, watched, replaced without a gap.

What breaks here costs no frame as long as another process can answer: the frame in hand waits for
it, and the loop keeps those that come meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from models_registry.runtime.detections import Detections
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated import DetectorLost
from sensing.domain.scene import Scene
from sensing.worker.change import Change, Step
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import RolledBack, TrialPassed
from sensing.worker.plan import DetectorSpec
from sensing.worker.post import Post

LOSSES, WITHIN_S = 3, 60.0
ATTEMPTS = 2  # of one frame: the third process would crash on it too
RETRY_S = (10.0, 20.0, 40.0, 80.0, 160.0)
LATE_RUNS = 3.0


@dataclass(frozen=True, slots=True)
class Failure:
    """No detector can serve; the next attempt begins in ``retry_in_s``."""

    detail: str
    retry_in_s: float


class Duty:
    """Not thread-safe. One frame at a time: ``submit``, then ``answer`` until it is there or the
    frame was given up (``busy`` is False again)."""

    def __init__(
        self,
        camera_id: int,
        spec: DetectorSpec,
        scene: Scene,
        period_s: float,
        tell: Callable[[RolledBack | TrialPassed], None],
    ) -> None:
        self.restarts = 0
        self.skipped = 0
        """Frames that were given up."""
        self.failure: Failure | None = None
        self._camera_id, self._scene, self._period_s, self._tell = camera_id, scene, period_s, tell
        self._wanted = spec
        self._losses: deque[float] = deque()
        self._failures = 0
        self._retry_at_s = self._serving_since_s = 0.0
        self._frame: CapturedFrame | None = None
        self._attempts = 0
        self._asked = False
        """The detector on duty has the frame in hand; else what it is busy with is of no use."""
        self._alone = True
        self._usual_s = 0.0
        """What an answer takes at most, nearly always."""
        self._change: Change | None = None
        before = spec.fallback if spec.trial_s > 0.0 else None
        if before is None or before.same_work(spec):
            self._leader = Post(spec, scene)
        else:
            self._leader = Post(before, scene)
            self._begin_change(spec)

    # What is going on

    @property
    def name(self) -> str:
        return self._leader.name

    @property
    def wall_ms(self) -> float:
        """What the last answer took."""
        return self._leader.wall_ms

    @property
    def version(self) -> int:
        return self._leader.spec.version

    @property
    def candidate(self) -> int:
        """The version that is loaded or tried out beside the one on duty; 0 for none."""
        beside = self._change is not None and not self._change.on_duty
        return self._change.new.spec.version if self._change is not None and beside else 0

    @property
    def ready(self) -> bool:
        return self._leader.loaded

    @property
    def busy(self) -> bool:
        return self._frame is not None

    @property
    def late(self) -> bool:
        """The answer takes so long that frames should be kept until it comes."""
        if self._frame is None:
            return False
        usual_s = self._usual_s
        # A detector slower than the camera is always behind; only an unusual wait counts.
        most_s = self._period_s if usual_s <= self._period_s else LATE_RUNS * usual_s
        return not self._leader.busy or self._leader.waiting_s > most_s

    # What the loop asks for

    def apply(self, spec: DetectorSpec) -> None:
        """Go over to what the plan names now, if that is something else."""
        if spec == self._wanted:
            return
        self._wanted = spec
        change = self._change
        if change is not None and change.new.spec.same_work(spec):
            change.new.spec = spec
            return
        kept = self._kept()
        if kept is not None and kept.spec.same_work(spec):
            self._put_on_duty(kept, instead_of=self._leader)
            kept.spec = spec
            return
        self._end_change()
        if self._leader.spec.same_work(spec):
            self._leader.spec = spec
        elif self.failure is not None:
            self._put_on_duty(Post(spec, self._scene), instead_of=self._leader)
        else:
            self._begin_change(spec)

    def tick(self) -> None:
        """Move on with what loads, restarts and is on trial, without waiting."""
        if not self._leader.loaded and time.monotonic() >= self._retry_at_s:
            self._get_ready()
        if self._change is not None:
            self._follow(self._change)

    def submit(self, frame: CapturedFrame) -> None:
        self._frame, self._attempts, self._asked = frame, 0, False
        self._ask()

    def answer(self, timeout_s: float) -> Detections | None:
        """What was found on the frame, if that is known within ``timeout_s``."""
        if self._frame is None or not self._leader.busy:
            return None
        try:
            found = self._leader.collect(timeout_s)
        except ModelUnusable as error:
            self._broke(error.code, error.message)
        except DetectorLost as error:
            self.restarts += 1
            self._broke(error.code, error.message, gone=True)
        else:
            if found is not None and self._asked:
                self._answered(self._frame, found)
                return found
            self._ask()  # it ran beside the one that was on duty until now, and has time at last
        return None

    def reset(self) -> None:
        """Forget what was learnt of the scene."""
        self._leader.reset()

    def close(self) -> None:
        self._end_change()
        self._leader.close()

    # How it comes about

    def _kept(self) -> Post | None:
        """The one before the one on duty, while it is kept at hand."""
        change = self._change
        kept = change.old if change is not None and change.on_duty else None
        return kept if kept is not None and kept.loaded else None

    def _answered(self, frame: CapturedFrame, found: Detections) -> None:
        self._frame = None
        self._usual_s = max(0.98 * self._usual_s, self._leader.wall_ms / 1e3)
        if self._failures and time.monotonic() - self._serving_since_s > WITHIN_S:
            self._failures = 0
        if self._change is not None:
            ms = self._leader.wall_ms if self._alone else None
            self._change.analysed(frame, found, ms)

    def _ask(self) -> None:
        """Put the frame in hand to the detector on duty, if that can be asked."""
        if self._frame is None or not self._leader.loaded or self._leader.busy:
            return
        if self._attempts >= ATTEMPTS:
            self._give_frame_up()
            return
        self._attempts += 1
        beside = self._change.beside if self._change is not None else None
        self._alone = beside is None or not beside.busy
        self._asked = True
        self._leader.submit(self._frame)

    def _give_frame_up(self) -> None:
        self.skipped += self._frame is not None
        self._frame = None

    def _get_ready(self) -> None:
        try:
            if not self._leader.ready():
                return
        except ModelUnusable as error:
            self._give_up("model_unusable", f"{error.code}: {error.message}")
        except DetectorLost as error:
            if error.code == "hung":
                self._give_up(error.code, error.message)
            else:
                self._count_loss(error.code, error.message)
        else:
            self.failure, self._retry_at_s = None, 0.0
            self._serving_since_s = time.monotonic()
            self._ask()

    def _broke(self, cause: str, detail: str, *, gone: bool = False) -> None:
        """The detector on duty failed on a frame; ``gone``: its process with it."""
        kept = self._kept()
        if kept is not None:
            self._roll_back(kept, cause, detail)
            return
        failed = self._leader
        self._count_loss(cause, detail)
        # It would fail on it again, and to wait for the same thing once more takes too long.
        if self._leader is failed and cause != "crashed":
            self._give_frame_up()
        if gone and time.monotonic() >= self._retry_at_s:
            self._get_ready()  # a new process starts at once, not with the next tick

    def _count_loss(self, cause: str, detail: str) -> None:
        now_s = time.monotonic()
        self._losses.append(now_s)
        while now_s - self._losses[0] > WITHIN_S:
            self._losses.popleft()
        if len(self._losses) >= LOSSES:
            times = f" ({LOSSES} times within {WITHIN_S:.0f} s)"
            self._give_up(cause, detail + times)

    def _give_up(self, cause: str, detail: str) -> None:
        """The detector on duty does not serve: its fallback does, or none."""
        self._losses.clear()
        self._asked = False
        if self._change is not None and not self._change.on_duty:
            # The candidate may serve in a moment; if not, this one is tried again.
            self._leader.close()
            self._retry_at_s = time.monotonic() + RETRY_S[0]
            return
        fallback = self._leader.spec.fallback
        if fallback is not None:
            self._roll_back(Post(fallback, self._scene), cause, detail)
            return
        self._leader.close()
        self._give_frame_up()
        wait_s = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1
        self._retry_at_s = time.monotonic() + wait_s
        self.failure = Failure(detail, wait_s)

    def _follow(self, change: Change) -> None:
        step = change.tick()
        if step is Step.FAILED and change.fault is not None:
            fault = change.fault
            if change.on_duty and change.old is not None:
                self._roll_back(change.old, fault.cause, fault.detail)
            elif change.on_duty:
                self._give_up(fault.cause, fault.detail)
            else:
                self._end_change()
                self._retry_at_s = 0.0 if self.failure is None else self._retry_at_s
                self._say_rolled_back(change.new.spec, fault.cause, fault.detail)
        elif step is Step.PASSED:
            self._end_change()
            self._tell(TrialPassed(self._camera_id, self._leader.spec.version, time.time()))
        elif change.new.loaded and time.monotonic() < self._retry_at_s:
            self._swap(change)  # the other one does not serve; a frame in hand is put to it
        elif step is Step.SWAP and self._frame is None:
            self._swap(change)

    def _swap(self, change: Change) -> None:
        old, self._leader = self._leader, change.new
        self._usual_s = 0.0
        self.failure, self._retry_at_s, self._failures = None, 0.0, 0
        self._losses.clear()
        self._asked = False
        if change.new.spec.trial_s > 0.0 and old.loaded:
            change.swapped()
        else:
            self._change = None
            old.close()
        self._ask()

    def _begin_change(self, spec: DetectorSpec) -> None:
        self._change = Change(self._leader, spec, self._scene, self._period_s)

    def _end_change(self) -> None:
        """Leave only the detector on duty."""
        change, self._change = self._change, None
        if change is not None:
            for post in (change.old, change.new):
                if post is not None and post is not self._leader:
                    post.close()

    def _roll_back(self, other: Post, cause: str, detail: str) -> None:
        failed = self._leader
        self._put_on_duty(other, instead_of=failed)
        self._say_rolled_back(failed.spec, cause, detail)

    def _put_on_duty(self, post: Post, *, instead_of: Post) -> None:
        """At once: a frame in hand is put to the other detector."""
        self._leader, self._usual_s = post, 0.0
        self._end_change()
        instead_of.close()
        self.failure, self._retry_at_s, self._failures = None, 0.0, 0
        self._attempts, self._asked = 0, False
        self._ask()

    def _say_rolled_back(self, spec: DetectorSpec, cause: str, detail: str) -> None:
        to = self._leader.spec.version
        self._tell(RolledBack(self._camera_id, spec.version, to, cause, detail[:300], time.time()))
