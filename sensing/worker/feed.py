"""The thread that opens a camera's stream and keeps its frames coming."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sensing.worker.capture import Stream, open_stream
from sensing.worker.errors import StreamUnavailable
from sensing.worker.frames import CapturedFrame, FrameSlot, Pacer
from sensing.worker.plan import SourceSpec


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What the opened source says about itself; 0 and '' where it does not."""

    width: int
    height: int
    fps: float
    codec: str


class Feed:
    """One attempt to play a source: connects, then fills ``slot`` until the stream ends.

    A read that hangs in the decoder cannot be interrupted. The loop then calls ``abandon`` and
    starts another feed; the hung thread ends by itself when its read times out.
    """

    def __init__(self, source: SourceSpec, clips_dir: Path, analysed_fps: float) -> None:
        self.slot = FrameSlot()
        self.info: StreamInfo | None = None
        self.error: StreamUnavailable | None = None
        self.fault: BaseException | None = None
        self.rendered: float | None = None
        """Share of a simulated camera's clip that is drawn so far."""
        self.progress_s = time.monotonic()
        """Monotonic time of the last frame that arrived, or of the opening."""
        self._source, self._clips_dir = source, clips_dir
        self._pacer = Pacer(analysed_fps)
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        """The stream is over: ``error`` says why, None means its proper end."""
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Ask the thread to end; does not wait, for it may hang."""
        self._abandoned.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            stream = open_stream(self._source, self._clips_dir, self._rendering)
            try:
                self._play(stream)
            finally:
                stream.close()
        except StreamUnavailable as error:
            self.error = error
        except Exception as fault:  # noqa: BLE001 - thread boundary: the loop raises it again
            self.fault = fault
        finally:
            self.slot.close()

    def _rendering(self, share: float) -> None:
        self.rendered = share

    def _play(self, stream: Stream) -> None:
        self.info = StreamInfo(stream.width, stream.height, stream.fps, stream.codec)
        self.progress_s = time.monotonic()
        while not self._abandoned.is_set():
            grabbed = stream.grab()
            if grabbed is None:
                return
            if not grabbed:
                raise StreamUnavailable("disconnected", "the stream ended")
            self.slot.grabbed += 1
            self.progress_s = time.monotonic()
            if self._pacer.due(stream.captured_at_s) and self.slot.has_room():
                image = stream.retrieve()
                if image is not None and not self._abandoned.is_set():
                    self.slot.put(
                        CapturedFrame(
                            image, stream.captured_at_s, self.slot.grabbed - 1, stream.loop_count
                        )
                    )
