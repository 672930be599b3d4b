"""RTSP and RTSPS cameras, played by FFmpeg after a typed preflight."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from sensing.worker.addresses import resolve
from sensing.worker.errors import StreamUnavailable
from sensing.worker.frame_clock import FrameClock
from sensing.worker.opencv_stream import OPEN_TIMEOUT_MS, OpenCvReader
from sensing.worker.plan import SourceSpec
from sensing.worker.rtsp_preflight import preflight

# Given to FFmpeg through the worker's environment, the only way that OpenCV offers.
FFMPEG_OPTIONS = (
    "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|probesize;32768|analyzeduration;200000"
)


class RtspStream:
    """A camera's stream over one TCP connection; frames carry the camera's own time stamps."""

    live = True
    loop_count = 0

    def __init__(self, source: SourceSpec) -> None:
        address = resolve("rtsp", source.location)
        self.codec = preflight(address, source.username, source.password)
        started_s = time.monotonic()
        reader = OpenCvReader.ffmpeg(
            address.url(source.username, source.password, by_ip=address.scheme == "rtsp")
        )
        if reader is None:
            waited = time.monotonic() - started_s >= 0.9 * OPEN_TIMEOUT_MS / 1e3
            detail = "announced, but no picture came" if waited else "announced, but not playable"
            raise StreamUnavailable("no_frames", detail)
        self._reader = reader
        self._clock = FrameClock()
        self.captured_at_s = 0.0

    @property
    def fps(self) -> float:
        return self._reader.fps

    @property
    def width(self) -> int:
        return self._reader.width

    @property
    def height(self) -> int:
        return self._reader.height

    def grab(self) -> bool:
        if not self._reader.grab():
            return False
        self.captured_at_s = self._clock.read(self._reader.stamp_s(), time.time())
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        return self._reader.retrieve()

    def close(self) -> None:
        self._reader.close()
