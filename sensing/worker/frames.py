"""The one-slot exchange between the thread that captures and the loop that analyses.

Every frame is grabbed, so that the stream never backs up, but only a frame that is due and that
the loop has room for is retrieved: converting pictures nobody looks at costs most of the CPU.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One BGR image (H, W, 3); ``captured_at_s`` is Unix time, ``index`` counts frames grabbed."""

    image: NDArray[np.uint8]
    captured_at_s: float
    index: int
    loop: int = 0
    """Which pass of a recording that starts over without joining up; 0 elsewhere."""


class Pacer:
    """Chooses the frames to analyse: evenly spaced in their own time, ``fps`` at most."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._due_s = -math.inf
        self._last_s = -math.inf
        self._spacing_s = 0.0

    def due(self, time_s: float) -> bool:
        """Whether the frame taken at ``time_s`` is to be analysed."""
        spacing_s = time_s - self._last_s
        self._last_s = time_s
        if 0.0 < spacing_s < 1.0:
            self._spacing_s += 0.2 * (spacing_s - self._spacing_s)
        if abs(self._due_s - time_s) > 2 * self._period_s:  # the start, a gap, a clock set anew
            self._due_s = time_s
        # Half a source frame of slack, or 25 → 12.5 fps would jitter between every 2nd and 3rd.
        if time_s < self._due_s - 0.5 * self._spacing_s:
            return False
        self._due_s += self._period_s
        return True


class FrameSlot:
    """Holds at most one frame. Frames that found it full are counted in ``dropped``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: CapturedFrame | None = None
        self._closed = False
        self.dropped = 0
        self.grabbed = 0

    def has_room(self) -> bool:
        """Asked before a due frame is retrieved; a full slot counts it as dropped."""
        with self._changed:
            if self._frame is None:
                return True
            self.dropped += 1
            return False

    def put(self, frame: CapturedFrame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def close(self) -> None:
        """No frame will follow; wakes the one who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, timeout_s: float) -> CapturedFrame | None:
        """The waiting frame; None after ``timeout_s`` without one, or when the slot is closed."""
        with self._changed:
            if self._frame is None and not self._closed:
                self._changed.wait(timeout_s)
            frame, self._frame = self._frame, None
            return frame
