"""A camera's worker: keeps its stream alive, senses its frames, reports what happens.

The states: ``connecting`` until the first frame; ``live`` while frames come; ``stalled`` when they
stop; ``failed`` with a cause when the last attempt to get them back failed; ``ended`` after the
last frame of a recording that is played once. A detector that breaks is no matter of the stream's:
its frames wait until another process answers, and only when no detector serves is the camera
``failed`` (``model_unusable``), with its stream open.
"""

from __future__ import annotations

import logging
import queue
import time
from pathlib import Path
from threading import Event

from models_registry.runtime.detections import Detections
from sensing.domain.calibration import Calibration
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.calibration_document import parse_calibration
from sensing.domain.scene import SceneInvalid, parse_scene
from sensing.modules import MODULE_KINDS, check_modules
from sensing.worker.addresses import redact
from sensing.worker.backlog import Backlog
from sensing.worker.backoff import Backoff
from sensing.worker.drift_watch import DriftWatch
from sensing.worker.duty import Duty, Failure
from sensing.worker.errors import StreamUnavailable
from sensing.worker.feed import Feed
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import Picture
from sensing.worker.outbox import Outbox
from sensing.worker.pictures import encode_picture
from sensing.worker.plan import CameraPlan
from sensing.worker.pulse import Pulse
from sensing.worker.reporter import Reporter
from sensing.worker.run import Run
from sensing.worker.shadow import Shadow
from sensing.worker.strip import StripRecorder

log = logging.getLogger(__name__)

STALL_S = 2.0
OPEN_LIMIT_S = 10.0
PICTURE_EVERY_S = 0.2
BUILD_RETRY_S = 10.0
ANSWER_WAIT_S = 0.1
# A detector that learnt the scene stays right over a short break: the camera did not move.
FORGET_AFTER_S = 30.0
MAX_HUNG_FEEDS = 4


class WorkerExhausted(RuntimeError):
    """Too many reads hang in the decoder: only a new process gets rid of them."""


class CameraLoop:
    """Runs one camera until ``stopping`` is set. Small units; ``run`` is the order they come in."""

    def __init__(
        self,
        plan: CameraPlan,
        clips_dir: Path,
        outbox: Outbox,
        stopping: Event,
        watched: Event,
        *,
        plans: queue.SimpleQueue[CameraPlan] | None = None,
    ) -> None:
        self._plan, self._clips_dir = plan, clips_dir
        self._outbox, self._stopping, self._watched = outbox, stopping, watched
        self._plans = plans
        self._report = Reporter(plan.camera_id, outbox)
        self._backoff = Backoff()
        self._feed: Feed | None = None
        self._hung: list[Feed] = []
        self._retry_at_s = 0.0
        self._last_frame_s = 0.0
        self._picture_due_s = 0.0
        self._ended = False
        self._run: Run | None = None
        self._duty: Duty | None = None
        self._shadow: Shadow | None = None
        self._strip: StripRecorder | None = None
        self._calibration: Calibration | None = None
        self._drift: DriftWatch | None = None
        self._failure: Failure | None = None
        self._backlog = Backlog()
        self._asked: CapturedFrame | None = None
        """The frame that the detector has in hand."""
        self._asked_s = 0.0
        self._period_s = 1.0 / plan.analysed_fps
        self._longest_gap_s = max(1.0, 2.5 / plan.analysed_fps)

    def run(self) -> None:
        """Sense until told to stop; every fact found has left when this returns."""
        pulse = Pulse(self._outbox)
        try:
            while not self._stopping.is_set() and not self._build():
                self._retry_at_s = time.monotonic() + BUILD_RETRY_S
                while not self._stopping.wait(0.2) and time.monotonic() < self._retry_at_s:
                    pulse.tick()
                    self._report.refresh()
            self._retry_at_s = 0.0
            while not self._stopping.is_set():
                pulse.tick()
                self.tick()
        finally:
            self._end_run()
            if self._strip is not None:
                self._strip.flush()
            for part in (self._shadow, self._duty):
                if part is not None:
                    part.close()
            if self._feed is not None:
                self._feed.abandon()
                self._feed.join(1.0)
            pulse.stop()

    def tick(self) -> None:
        """One unit of work, about a tenth of a second at most: no detector is waited for longer."""
        if self._duty is None:
            raise RuntimeError("expected a loop that was built")
        self._follow_plan(self._duty)
        self._duty.tick()
        self._follow_failure(self._duty)
        if self._shadow is not None:
            self._shadow.tick()
        if self._strip is not None:
            self._strip.tick(time.time())
        if self._feed is None:
            self._connect_when_due(self._duty)
        else:
            self._listen(self._feed, self._duty)
        if self._run is not None and (facts := self._run.batch()) is not None:
            self._outbox.put(facts)
        self._report.refresh()

    def _build(self) -> bool:
        """Read the scene and start the detector; False, with the cause reported, when the plan
        makes no sense."""
        self._report.state("connecting")
        plan = self._plan
        try:
            self._scene = parse_scene(plan.scene, MODULE_KINDS)
            check_modules(self._scene)
        except SceneInvalid as error:
            self._report.failed(StreamUnavailable("scene_invalid", str(error), True), BUILD_RETRY_S)
            return False
        self._duty = Duty(
            plan.camera_id, plan.detector, self._scene, self._period_s, self._outbox.put
        )
        self._report.watch(self._duty)
        self._calibrate()
        self._cast_shadow()
        self._follow_strip()
        return True

    def _calibrate(self) -> None:
        """Solve the calibration; without one that makes sense the camera counts all the same."""
        plan = self._plan
        if plan.calibration is None:
            return
        try:
            self._calibration = parse_calibration(plan.calibration)
        except CalibrationInvalid as problem:
            detail = f"camera {plan.camera_id}: no speeds, its calibration was refused: {problem}"
            log.warning("%s", detail)
            return
        if plan.reference:
            self._drift = DriftWatch(plan.camera_id, plan.calibration_id, plan.reference)

    def _cast_shadow(self) -> None:
        """Run the shadow that the plan names, and no other."""
        spec = self._plan.shadow
        if self._shadow is not None and self._shadow.spec != spec:
            self._shadow.close()
            self._shadow = None
        if self._shadow is None and spec is not None:
            tell = self._outbox.put
            self._shadow = Shadow(self._plan.camera_id, spec, self._scene, tell)

    def _follow_strip(self) -> None:
        """Record the audit strip that the plan asks for, and no other."""
        order = self._plan.strip
        if self._strip is not None and self._strip.order != order:
            self._strip.flush()
            self._strip = None
        if self._strip is None and order is not None:
            camera_id, tell = self._plan.camera_id, self._outbox.put
            self._strip = StripRecorder(camera_id, order, self._scene.anchor, tell)

    def _follow_plan(self, duty: Duty) -> None:
        """Go over to the newest plan; only its detectors differ."""
        while self._plans is not None and not self._plans.empty():
            self._plan = self._plans.get()
            duty.apply(self._plan.detector)
            self._cast_shadow()
            self._follow_strip()

    def _follow_failure(self, duty: Duty) -> None:
        """Tell, once each time, that no detector serves; the stream stays open meanwhile."""
        if duty.failure is not None and duty.failure is not self._failure:
            self._end_run()
            self._backlog.clear()
            detail = redact(duty.failure.detail)
            error = StreamUnavailable("model_unusable", detail, True)
            self._report.failed(error, duty.failure.retry_in_s)
        self._failure = duty.failure

    def _connect_when_due(self, duty: Duty) -> None:
        wait_s = self._retry_at_s - time.monotonic()
        if not duty.ready and self._last_frame_s == 0.0:
            self._stopping.wait(0.02)  # nothing of a recording should pass before it can be sensed
            return
        if self._ended or wait_s > 0.0:
            self._stopping.wait(0.1 if self._ended else min(wait_s, 0.1))
            return
        self._hung = [feed for feed in self._hung if not feed.finished]
        if len(self._hung) > MAX_HUNG_FEEDS:
            raise WorkerExhausted(f"{len(self._hung)} reads hang in the decoder")
        self._feed = Feed(self._plan.source, self._clips_dir, self._plan.analysed_fps)

    def _listen(self, feed: Feed, duty: Duty) -> None:
        self._report.follow(feed)
        finished = feed.finished  # asked before the last frame is taken
        if self._asked is None:
            self._asked = self._next_frame(feed)
            if self._asked is not None:
                self._ask(self._asked, duty)
        if self._asked is not None:
            self._hear(self._asked, feed, duty)
        elif finished:
            self._lost(feed)
        elif time.monotonic() - feed.progress_s > self._limit_s(feed):
            self._stalled(feed)

    def _next_frame(self, feed: Feed) -> CapturedFrame | None:
        """The oldest frame that waits, else the next one within a tenth of a second."""
        newest = feed.slot.take(0.0 if self._backlog else 0.1)
        if newest is not None and self._failure is None:
            self._backlog.add(newest)
        return self._backlog.take()

    def _ask(self, frame: CapturedFrame, duty: Duty) -> None:
        """Put a frame to the detector, at the beginning of another run if it is of one."""
        self._asked_s = time.monotonic()
        if self._run is not None and not self._run.belongs(frame):
            if self._run.size != frame.image.shape[1::-1]:
                duty.reset()  # nothing learnt fits another picture size
            self._end_run()
        if self._run is None and self._asked_s - self._last_frame_s > FORGET_AFTER_S:
            duty.reset()
        duty.submit(frame)

    def _hear(self, frame: CapturedFrame, feed: Feed, duty: Duty) -> None:
        """Wait a little for the answer; keep the frames that come while it is unusually late."""
        found = duty.answer(0.0 if duty.late else min(ANSWER_WAIT_S, self._period_s / 2))
        if found is not None:
            self._asked = None
            self._sense(frame, found, duty)
        elif not duty.busy:
            self._asked = None  # given up
        elif duty.late and (newest := feed.slot.take(self._period_s / 2)) is not None:
            self._backlog.add(newest, away=True)

    def _limit_s(self, feed: Feed) -> float:
        if feed.info is not None:
            return STALL_S
        # Rendering a simulated camera takes as long as it takes.
        return float("inf") if self._plan.source.kind == "sim" else OPEN_LIMIT_S

    def _sense(self, frame: CapturedFrame, found: Detections, duty: Duty) -> None:
        if self._run is None:
            self._run = Run(
                self._plan.camera_id,
                self._scene,
                self._longest_gap_s,
                calibration=self._calibration,
                calibration_id=self._plan.calibration_id if self._calibration else 0,
            )
            self._backoff.succeeded()
        overlay, facts = self._run.step(frame, found, duty.name)
        self._last_frame_s = time.monotonic()
        latency_ms = (self._last_frame_s - self._asked_s) * 1e3
        self._report.gave_up(self._backlog.given_up)
        self._report.analysed(frame, self._run.run_id, latency_ms, len(found))
        self._outbox.show(overlay)
        self._show_picture(frame, self._run)
        if self._drift is not None:
            report = self._drift.look(frame.image, frame.captured_at_s)
            if report is not None:
                self._outbox.put(report)
        if self._shadow is not None:
            self._shadow.analysed(frame, found, facts, duty.wall_ms)
        if self._strip is not None:
            self._strip.add(frame.image, overlay, facts.crossings, self._run.run_id)

    def _show_picture(self, frame: CapturedFrame, run: Run) -> None:
        now_s = time.monotonic()
        if not self._watched.is_set() or now_s < self._picture_due_s:
            return
        jpeg = encode_picture(frame.image, run.boxes, self._plan.pictures)
        if jpeg is not None:
            # From now, not from when it was due: a slow machine sends fewer, never a burst.
            self._picture_due_s = now_s + PICTURE_EVERY_S
            self._outbox.show_picture(Picture(self._plan.camera_id, frame.captured_at_s, jpeg))

    def _lost(self, feed: Feed) -> None:
        """The stream is over, by its own end or for a reason."""
        self._feed = None
        had_run = self._run is not None
        self._end_run()
        if feed.fault is not None:
            raise feed.fault
        if feed.error is None:
            self._ended = True
            self._report.state("ended")
            return
        error = feed.error
        delay_s = self._backoff.delay_s(time.monotonic(), error.code, error.permanent)
        self._retry_at_s = time.monotonic() + delay_s
        detail = redact(error.detail, self._plan.source.password)
        if had_run and not error.permanent:
            self._report.state("stalled", error.code, detail, retry_in_s=delay_s)
        else:
            self._report.failed(StreamUnavailable(error.code, detail, error.permanent), delay_s)

    def _stalled(self, feed: Feed) -> None:
        """Frames stopped, or opening takes for ever, without a word from the decoder."""
        feed.abandon()
        self._feed = None
        self._hung.append(feed)
        was_open = feed.info is not None
        self._end_run()
        code = "no_frames" if was_open else "timeout"
        delay_s = self._backoff.delay_s(time.monotonic(), code, False)
        self._retry_at_s = time.monotonic() + delay_s
        self._report.state("stalled" if was_open else "failed", code, retry_in_s=delay_s)

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None and (facts := run.finish()) is not None:
            self._outbox.put(facts)
            if self._strip is not None:
                self._strip.note(facts.crossings, run.run_id)
        if self._strip is not None:
            self._strip.new_run()
        if run is not None and self._shadow is not None:
            self._shadow.new_run()
