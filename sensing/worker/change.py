"""A change of detector: loaded and tried out beside the old one, then in its place."""

from __future__ import annotations

import time
from enum import Enum, auto

from models_registry.runtime.detections import Detections
from sensing.domain.scene import Scene
from sensing.worker.frames import CapturedFrame
from sensing.worker.plan import DetectorSpec
from sensing.worker.post import FAULTS, Post
from sensing.worker.trial import Fault, Trial

# The share of the time that the detector beside the one on duty may run.
BESIDE_SHARE = 0.5
LONGEST_STEP_S = 1.0


class Step(Enum):
    """What is to be done next."""

    WAIT = auto()
    SWAP = auto()
    """Put the new one on duty before the next frame."""
    PASSED = auto()
    FAILED = auto()


class Change:
    """Three stretches: the new detector loads; it runs beside the old one until it has shown enough
    or ``trial_s`` has passed; it is on duty and the old one runs beside it, for ``trial_s``.

    While it only runs beside the old one, nothing that it does wrong costs a frame or a fact.
    Without a ``trial_s`` the change is over as soon as the new one has loaded.
    """

    def __init__(self, old: Post, spec: DetectorSpec, scene: Scene, budget_s: float) -> None:
        self.old: Post | None = old
        self.new = Post(spec, scene)
        self.on_duty = False
        """The new one is on duty."""
        self.fault: Fault | None = None
        self._trial = Trial(budget_s * 1e3, comparable=bool(spec.model_path))
        self._tried_s = 0.0
        """Seconds of this stretch in which frames came: nothing is learnt from a dead stream."""
        self._last_s = time.monotonic()
        self._offer_at_s = 0.0
        self._reference: Detections | None = None

    @property
    def beside(self) -> Post | None:
        """The one that is not on duty."""
        return self.old if self.on_duty else self.new

    def tick(self) -> Step:
        """Move on as far as it goes without waiting."""
        if self.fault is None:
            self._look_beside()
            self.fault = self.fault or self._trial.fault()
        if self.fault is not None:
            return Step.FAILED
        if not self.new.loaded:
            return Step.WAIT
        over = self._tried_s >= self.new.spec.trial_s
        if self.on_duty:
            return Step.PASSED if over else Step.WAIT
        return Step.SWAP if over or self._trial.enough else Step.WAIT

    def swapped(self) -> None:
        """The new one is on duty from now on."""
        self.on_duty = True
        self._reference = None
        self._tried_s = 0.0

    def analysed(self, frame: CapturedFrame, found: Detections, ms: float | None) -> None:
        """The one on duty found this, and took ``ms``, None where that tells nothing. Shows the
        frame to the other one if it has time."""
        now_s = time.monotonic()
        self._tried_s += min(now_s - self._last_s, LONGEST_STEP_S) if self.new.loaded else 0.0
        self._last_s = now_s
        if ms is not None:
            (self._trial.new_took if self.on_duty else self._trial.old_took)(ms)
        beside = self.beside
        if beside is None or not beside.loaded or beside.busy:
            return
        if now_s >= self._offer_at_s:
            beside.submit(frame)
            self._reference = found

    def _look_beside(self) -> None:
        beside = self.beside
        if beside is None:
            return
        try:
            if not beside.ready() or not beside.busy:
                return
            waiting_s = beside.waiting_s
            found = beside.collect()
        except FAULTS as error:
            self._broke(beside, error.code, error.message)
            return
        if found is None or self._reference is None:
            return
        # It rested for as long as it ran, so that it does not slow the one on duty down.
        rest_s = beside.wall_ms / 1e3 / BESIDE_SHARE - waiting_s
        self._offer_at_s = time.monotonic() + max(0.0, rest_s)
        if self.on_duty:
            self._trial.old_took(beside.wall_ms)
            self._trial.compare(found, self._reference)
        else:
            self._trial.new_took(beside.wall_ms)
            self._trial.compare(self._reference, found)

    def _broke(self, beside: Post, code: str, message: str) -> None:
        if beside is self.new:
            known = code in ("crashed", "hung", "run_failed")
            detail = message if known else f"{code}: {message}"
            self.fault = Fault(code if known else "model_unusable", detail)
        else:
            beside.close()
            self.old = None
