"""Frames that wait while the detector is away, so that nothing passes unseen meanwhile."""

from __future__ import annotations

import time
from collections import deque

from sensing.worker.frames import CapturedFrame

MOST_BYTES = 64 * 1024**2
MOST_FRAMES = 128
CATCH_UP_S = 5.0


class Backlog:
    """Keeps frames in order. When they are too many, or it takes too long to catch up with them,
    every other one is given up: gaps stay short all over instead of long at one end."""

    def __init__(self) -> None:
        self._frames: deque[CapturedFrame] = deque()
        self._bytes = 0
        self._thin_at_s: float | None = None
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: CapturedFrame, *, away: bool = False) -> None:
        """Keep a frame; ``away``: nobody can analyse now, so catching up begins later."""
        if away:
            self._thin_at_s = None
        self._frames.append(frame)
        self._bytes += frame.image.nbytes
        if self._bytes > MOST_BYTES or len(self._frames) > MOST_FRAMES:
            self._thin()

    def take(self) -> CapturedFrame | None:
        """The oldest frame; None when all were taken."""
        now_s = time.monotonic()
        if not self._frames:
            self._thin_at_s = None
            return None
        if self._thin_at_s is None:
            self._thin_at_s = now_s + CATCH_UP_S
        elif now_s > self._thin_at_s:
            self._thin_at_s = now_s + CATCH_UP_S
            self._thin()
        frame = self._frames.popleft()
        self._bytes -= frame.image.nbytes
        return frame

    def clear(self) -> None:
        """Give up all of them."""
        self.given_up += len(self._frames)
        self._frames.clear()
        self._bytes, self._thin_at_s = 0, None

    def _thin(self) -> None:
        before = len(self._frames)
        # The newest stays: it joins up with what comes.
        self._frames = deque(list(self._frames)[::-2][::-1])
        self._bytes = sum(frame.image.nbytes for frame in self._frames)
        self.given_up += before - len(self._frames)
