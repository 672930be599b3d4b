"""Recordings and simulated cameras, played at their own pace as if they were a live camera."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensing.simulation import (
    RenderFailed,
    SimulationInvalid,
    parse_simulation_url,
    render_clip,
)
from sensing.worker.addresses import check_location
from sensing.worker.errors import StreamUnavailable
from sensing.worker.opencv_stream import OpenCvReader
from sensing.worker.plan import SourceSpec

NOMINAL_FPS = 25.0
# Further behind its pace than this, a recording is continued from now instead of hurrying after.
MAX_LATE_S = 2.0
MAX_CLOCK_ERROR_S = 0.5


class Playback:
    """A video file as a stream. ``periodic`` clips join up end to start, so time alone goes on."""

    live = False

    def __init__(self, path: Path, *, loop: bool, periodic: bool = False) -> None:
        self._reader = open_file(path)
        self._path, self._loop, self._periodic = path, loop, periodic
        self._period_s = 1.0 / (self._reader.fps or NOMINAL_FPS)
        self._closed = threading.Event()
        self._anchor_s: float | None = None
        self._media_s = -self._period_s
        self._base_s = 0.0
        self._wall_ahead_s = -math.inf
        self._frames_this_pass = 0
        self.loop_count = 0
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

    @property
    def codec(self) -> str:
        return self._reader.codec

    def grab(self) -> bool | None:
        """True with a frame when its time has come; None after the last one."""
        if not self._reader.grab():
            if self._frames_this_pass == 0:
                detail = f"no picture of {self._path.name} can be decoded"
                raise StreamUnavailable("not_a_video", detail, True)
            if not self._loop or self._closed.is_set():
                return None
            self._start_over()
            if not self._reader.grab():
                raise StreamUnavailable("not_a_video", "the file changed while it played", True)
        self._frames_this_pass += 1
        self._media_s = self._next_media_s()
        self._keep_pace()
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        return self._reader.retrieve()

    def close(self) -> None:
        self._closed.set()
        self._reader.close()

    def _next_media_s(self) -> float:
        """This frame's time since the start, always growing even where its stamps do not."""
        media_s = self._base_s + self._reader.stamp_s()
        behind = media_s <= self._media_s or media_s > self._media_s + 60.0
        return self._media_s + self._period_s if behind else media_s

    def _start_over(self) -> None:
        # Not every container can seek; opening it anew always works.
        self._reader.close()
        self._reader = open_file(self._path)
        self._base_s = self._media_s + self._period_s
        self._frames_this_pass = 0
        if not self._periodic:
            self.loop_count += 1

    def _keep_pace(self) -> None:
        now_s = time.monotonic()
        if self._anchor_s is None or now_s > self._anchor_s + self._media_s + MAX_LATE_S:
            self._anchor_s = now_s - self._media_s
        due_s = self._anchor_s + self._media_s
        if due_s > now_s:
            self._closed.wait(due_s - now_s)
        # Even steps within a run, but no drifting away from the clock that everybody reads.
        ahead_s = time.time() - time.monotonic()
        if abs(ahead_s - self._wall_ahead_s) > MAX_CLOCK_ERROR_S:
            self._wall_ahead_s = ahead_s
        self.captured_at_s = due_s + self._wall_ahead_s


def open_file(path: Path) -> OpenCvReader:
    """Open a video file; raises ``StreamUnavailable`` with ``not_found`` or ``not_a_video``."""
    try:
        size = path.stat().st_size if path.is_file() else -1
    except OSError:
        size = -1
    if size < 0:
        raise StreamUnavailable("not_found", f"there is no file {path.name}", True)
    if size == 0:
        raise StreamUnavailable("not_a_video", f"{path.name} is empty", True)
    reader = OpenCvReader.ffmpeg(str(path))
    if reader is None:
        raise StreamUnavailable("not_a_video", f"{path.name} cannot be read as a video", True)
    return reader


def open_recording(source: SourceSpec) -> Playback:
    """A file named by the operator."""
    check_location("file", source.location)
    # An absolute path cannot be mistaken for one of FFmpeg's protocols or options.
    return Playback(Path(source.location).absolute(), loop=source.loop)


def open_simulation(
    source: SourceSpec, clips_dir: Path, progress: Callable[[float], None] | None = None
) -> Playback:
    """A simulated camera; its clip is rendered on first use, with ``progress`` from 0 to 1."""
    try:
        spec = parse_simulation_url(source.location)
    except SimulationInvalid as error:
        raise StreamUnavailable("simulation_invalid", str(error), True) from error
    try:
        clip = render_clip(spec, clips_dir, progress)
    except (RenderFailed, OSError) as error:
        raise StreamUnavailable("simulation_invalid", f"not rendered: {error}") from error
    return Playback(clip.video_path, loop=True, periodic=spec.loop)
