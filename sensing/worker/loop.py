"""A camera's worker: keeps its stream alive, senses its frames, reports what happens.

The states: ``connecting`` until the first frame; ``live`` while frames come; ``stalled`` when they
stop; ``failed`` with a cause when the last attempt to get them back failed; ``ended`` after the
last frame of a recording that is played once.
"""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

from models_registry.runtime.detector import ModelUnusable
from sensing.domain.scene import SceneInvalid, parse_scene
from sensing.modules import MODULE_KINDS, check_modules
from sensing.worker.addresses import redact
from sensing.worker.backoff import Backoff
from sensing.worker.detectors import build_detector
from sensing.worker.errors import StreamUnavailable
from sensing.worker.feed import Feed
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import Picture
from sensing.worker.outbox import Outbox
from sensing.worker.pictures import encode_picture
from sensing.worker.plan import CameraPlan
from sensing.worker.reporter import Reporter
from sensing.worker.run import Run, SeenByDetector

STALL_S = 2.0
OPEN_LIMIT_S = 10.0
PICTURE_EVERY_S = 0.2
LOOP_PATIENCE_S = 3.0
BUILD_PATIENCE_S = 60.0
BUILD_RETRY_S = 10.0
# A detector that learnt the scene stays right over a short break: the camera did not move.
FORGET_AFTER_S = 30.0
MAX_HUNG_FEEDS = 4


class WorkerExhausted(RuntimeError):
    """Too many reads hang in the decoder: only a new process gets rid of them."""


class CameraLoop:
    """Runs one camera until ``stopping`` is set. Small units; ``run`` is the order they come in."""

    def __init__(
        self, plan: CameraPlan, clips_dir: Path, outbox: Outbox, stopping: Event, watched: Event
    ) -> None:
        self._plan, self._clips_dir = plan, clips_dir
        self._outbox, self._stopping, self._watched = outbox, stopping, watched
        self._report = Reporter(plan.camera_id, outbox)
        self._backoff = Backoff()
        self._feed: Feed | None = None
        self._hung: list[Feed] = []
        self._retry_at_s = 0.0
        self._last_frame_s = 0.0
        self._picture_due_s = 0.0
        self._ended = False
        self._run: Run | None = None
        self._longest_gap_s = max(1.0, 2.5 / plan.analysed_fps)

    def run(self) -> None:
        """Sense until told to stop; every fact found has left when this returns."""
        try:
            while not self._stopping.is_set() and not self._build():
                self._stopping.wait(BUILD_RETRY_S)
            while not self._stopping.is_set():
                self.tick()
        finally:
            self._end_run()
            if self._feed is not None:
                self._feed.abandon()
                self._feed.join(1.0)

    def tick(self) -> None:
        """One unit of work, a tenth of a second at most unless the detector takes longer."""
        self._outbox.beat(LOOP_PATIENCE_S)
        if self._feed is None:
            self._connect_when_due()
        else:
            self._listen(self._feed)
        if self._run is not None and (facts := self._run.batch()) is not None:
            self._outbox.put(facts)
        self._report.refresh()

    def _build(self) -> bool:
        """Load what the plan names; False, with the cause reported, when it cannot be used."""
        self._outbox.beat(BUILD_PATIENCE_S)
        self._report.state("connecting")
        try:
            self._scene = parse_scene(self._plan.scene, MODULE_KINDS)
            check_modules(self._scene)
            detector = build_detector(self._plan.detector, self._scene)
        except SceneInvalid as error:
            self._report.failed(StreamUnavailable("scene_invalid", str(error), True), BUILD_RETRY_S)
            return False
        except (ModelUnusable, ValueError, TypeError) as error:
            detail = redact(str(error))
            self._report.failed(StreamUnavailable("model_unusable", detail, True), BUILD_RETRY_S)
            return False
        self._detector = SeenByDetector(detector)
        self._report.detector = detector.name
        return True

    def _connect_when_due(self) -> None:
        wait_s = self._retry_at_s - time.monotonic()
        if self._ended or wait_s > 0.0:
            self._stopping.wait(0.1 if self._ended else min(wait_s, 0.1))
            return
        self._hung = [feed for feed in self._hung if not feed.finished]
        if len(self._hung) > MAX_HUNG_FEEDS:
            raise WorkerExhausted(f"{len(self._hung)} reads hang in the decoder")
        self._feed = Feed(self._plan.source, self._clips_dir, self._plan.analysed_fps)

    def _listen(self, feed: Feed) -> None:
        frame = feed.slot.take(0.1)
        self._report.follow(feed)
        if frame is not None:
            self._sense(frame)
        elif feed.finished:
            self._lost(feed)
        elif time.monotonic() - feed.progress_s > self._limit_s(feed):
            self._stalled(feed)

    def _limit_s(self, feed: Feed) -> float:
        if feed.info is not None:
            return STALL_S
        # Rendering a simulated camera takes as long as it takes.
        return float("inf") if self._plan.source.kind == "sim" else OPEN_LIMIT_S

    def _sense(self, frame: CapturedFrame) -> None:
        now_s = time.monotonic()
        if self._run is not None and not self._run.belongs(frame):
            if self._run.size != frame.image.shape[1::-1]:
                self._detector.reset()  # nothing learnt fits another picture size
            self._end_run()
        if self._run is None:
            if now_s - self._last_frame_s > FORGET_AFTER_S:
                self._detector.reset()
            self._run = Run(self._plan.camera_id, self._scene, self._detector, self._longest_gap_s)
            self._backoff.succeeded()
        overlay = self._run.step(frame)
        self._last_frame_s = time.monotonic()
        self._report.analysed(frame, self._run.run_id, (self._last_frame_s - now_s) * 1e3)
        self._outbox.show(overlay)
        self._show_picture(frame, self._run)

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
