"""Reading a recording frame by frame, as fast as it decodes, with its faults told in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# Containers round the number of frames that they state; more than this missing is a cut file.
TRUNCATED_SHARE = 0.02
TRUNCATED_FRAMES = 3


class RecordingUnusable(ValueError):
    """The recording cannot be analysed; ``code`` is for programs, the message for persons."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """``index`` counts all frames of the file, analysed or not; ``time_s`` is from the first."""

    index: int
    time_s: float
    image: NDArray[np.uint8]


class Recording:
    """A video file: ``fps`` is the nominal rate, ``frames_stated`` its own claim (0: none)."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise RecordingUnusable("not_found", f"expected a video file, found none at {path}")
        if path.stat().st_size == 0:
            raise RecordingUnusable("empty", f"expected a video, got an empty file: {path}")
        self.path = path
        # One decoding thread: CPU per frame is then what one camera costs a busy gateway.
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            raise RecordingUnusable(
                "not_a_video",
                f"expected a video that FFmpeg can read, got {path.name}"
                " (no video, or cut off before its index)",
            )
        self.fps = _rate(self._capture.get(cv2.CAP_PROP_FPS))
        self.frames_stated = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.frames_read = 0

    def close(self) -> None:
        self._capture.release()

    def frames(self, analysed_fps: float | None = None) -> Iterator[RecordedFrame]:
        """Frames in order, thinned by time to ``analysed_fps``; skipped ones are never converted.

        Raises ``RecordingUnusable`` after the last frame when the file ends long before it says.
        """
        clock = _Clock(1.0 / self.fps)
        period_s = 0.0 if analysed_fps is None else 1.0 / analysed_fps
        due_s = 0.0
        while self._capture.grab():
            index = self.frames_read
            self.frames_read += 1
            time_s = clock.read(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
            # Half a frame of slack, or 25 → 12.5 fps would jitter between every 2nd and 3rd frame.
            if time_s + 0.5 / self.fps < due_s:
                continue
            due_s = max(due_s + period_s, time_s - period_s)
            decoded, image = self._capture.retrieve()
            if decoded and image is not None and image.size:
                yield RecordedFrame(index, time_s, np.asarray(image, np.uint8))
        self._check_complete()

    def _check_complete(self) -> None:
        if self.frames_read == 0:
            raise RecordingUnusable(
                "no_frames", f"expected frames, but none of {self.path.name} could be decoded"
            )
        missing = self.frames_stated - self.frames_read
        if missing > max(TRUNCATED_FRAMES, TRUNCATED_SHARE * self.frames_stated):
            raise RecordingUnusable(
                "truncated",
                f"expected the {self.frames_stated} frames that {self.path.name} states,"
                f" but it ends after {self.frames_read}; use --partial to analyse what is there",
            )


class _Clock:
    """Seconds since the first frame, always growing, from stamps that may repeat or jump back."""

    def __init__(self, nominal_s: float) -> None:
        self._nominal_s = nominal_s
        self._first_s: float | None = None
        self._last_s = 0.0

    def read(self, stamp_s: float) -> float:
        if self._first_s is None:
            self._first_s = stamp_s
            return 0.0
        time_s = stamp_s - self._first_s
        if not np.isfinite(time_s) or time_s <= self._last_s:
            # Later stamps must not fall behind the time that this frame was given.
            self._first_s -= self._last_s + self._nominal_s - time_s if np.isfinite(time_s) else 0.0
            time_s = self._last_s + self._nominal_s
        self._last_s = time_s
        return time_s


def _rate(stated: float) -> float:
    """The stated frame rate where it is believable, else 25."""
    return stated if np.isfinite(stated) and 0.1 <= stated <= 1000.0 else 25.0
