"""What a worker says about itself: its state, its rates, what it dropped."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from sensing.worker.duty import Duty
from sensing.worker.errors import StreamUnavailable
from sensing.worker.feed import Feed
from sensing.worker.frames import CapturedFrame
from sensing.worker.latencies import KEPT, Latencies
from sensing.worker.messages import CameraState, Status
from sensing.worker.outbox import Outbox

STATUS_EVERY_S = 1.0
RATE_WINDOW_S = 5.0


class Reporter:
    """Sends a Status on every change of state and about once a second."""

    def __init__(self, camera_id: int, outbox: Outbox) -> None:
        self._duty: Duty | None = None
        self._outbox = outbox
        self._status = Status(camera_id, "", "connecting")
        self._latencies = Latencies()
        self._detections: deque[int] = deque(maxlen=KEPT)
        self._given_up = 0
        self._analysed, self._read = Rate(), Rate()
        self._feed: Feed | None = None
        self._read_before = self._dropped_before = 0
        self._sent_s = -STATUS_EVERY_S

    def state(
        self, state: CameraState, cause: str = "", detail: str = "", retry_in_s: float | None = None
    ) -> None:
        """Enter a state; told at once, and again only through ``refresh``."""
        self._status = replace(
            self._status, state=state, cause=cause, detail=detail, retry_in_s=retry_in_s
        )
        self._sent_s = time.monotonic()
        self._outbox.put(self._current())

    def failed(self, error: StreamUnavailable, retry_in_s: float) -> None:
        self.state("failed", error.code, error.detail, retry_in_s)

    def watch(self, duty: Duty) -> None:
        """State the detector's figures from now on."""
        self._duty = duty

    def gave_up(self, frames: int) -> None:
        """Count, in all, frames given up while the detector was away."""
        self._given_up = frames

    def follow(self, feed: Feed) -> None:
        """Count the frames of this feed after those of the feeds before it."""
        if feed is not self._feed:
            if self._feed is not None:
                self._read_before += self._feed.slot.grabbed
                self._dropped_before += self._feed.slot.dropped
            self._feed = feed
            self._read = Rate()
        if feed.info is None and feed.rendered is not None and self._status.state == "connecting":
            detail = f"drawing the simulated camera: {feed.rendered:.0%}"
            self._status = replace(self._status, detail=detail)
        self._read.total(feed.slot.grabbed)

    def analysed(
        self, frame: CapturedFrame, run_id: str, latency_ms: float, detections: int
    ) -> None:
        """Enter one analysed frame; the first of a run makes the camera live."""
        self._latencies.add(latency_ms)
        self._detections.append(detections)
        height, width = frame.image.shape[:2]
        new = run_id != self._status.run_id or self._status.state != "live"
        analysed = self._status.frames_analysed + 1
        self._status = replace(
            self._status,
            run_id=run_id,
            last_frame_at_s=frame.captured_at_s,
            width=width,
            height=height,
            frames_analysed=analysed,
        )
        self._analysed.total(analysed)
        if new:
            self.state("live")

    def refresh(self) -> None:
        """Send the status again when a second has passed."""
        now_s = time.monotonic()
        if now_s - self._sent_s >= STATUS_EVERY_S:
            self._sent_s = now_s
            self._outbox.refresh(self._current())

    def _current(self) -> Status:
        grabbed = self._feed.slot.grabbed if self._feed else 0
        dropped = self._feed.slot.dropped if self._feed else 0
        info = self._feed.info if self._feed else None
        if info is not None:
            self._status = replace(self._status, codec=info.codec)
        live = self._status.state == "live"
        p50, p95 = self._latencies.percentiles()
        mean = sum(self._detections) / len(self._detections) if self._detections else 0.0
        return replace(
            self._with_detector(self._status),
            at_s=time.time(),
            source_fps=round((info.fps if info else 0.0) or self._read.per_second(), 2),
            analysed_fps=round(self._analysed.per_second(), 2) if live else 0.0,
            frames_read=self._read_before + grabbed,
            frames_dropped=self._dropped_before + dropped,
            overlays_dropped=self._outbox.overlays_dropped,
            detections=round(mean, 2),
            latency_p50_ms=round(p50, 2),
            latency_p95_ms=round(p95, 2),
        )

    def _with_detector(self, status: Status) -> Status:
        duty = self._duty
        if duty is None:
            return status
        return replace(
            status,
            detector=duty.name,
            detector_version=duty.version,
            detector_candidate=duty.candidate,
            detector_restarts=duty.restarts,
            frames_skipped=duty.skipped + self._given_up,
        )


class Rate:
    """Events per second over the last few seconds, from a growing total."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def total(self, count: int) -> None:
        now_s = time.monotonic()
        if self._points and now_s - self._points[-1][0] < 0.05:
            return
        self._points.append((now_s, count))
        while now_s - self._points[0][0] > RATE_WINDOW_S:
            self._points.popleft()

    def per_second(self) -> float:
        if len(self._points) < 2:
            return 0.0
        (start_s, first), (end_s, last) = self._points[0], self._points[-1]
        return (last - first) / (end_s - start_s)
