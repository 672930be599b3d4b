"""When a frame was taken, from the camera's own time stamps and our clock.

Arrival times jitter with the network and with our own load; a track's speed and a crossing's time
must not. The camera's time stamps are even but start anywhere and drift, so they are tied to our
clock by the least delayed arrivals: no frame arrives before it was taken.
"""

from __future__ import annotations

import math

# A stamp that disagrees with arrival by more than this belongs to a restarted or broken clock.
MAX_DISAGREEMENT_S = 2.0
# How fast the tie may follow a slower clock, seconds per second; crystal clocks stay below 1e-4.
DRIFT_S_PER_S = 1e-3


class FrameClock:
    """Maps (stamp, arrival) to Unix seconds that grow, unless our own clock is set back."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_stamp_s = -math.inf
        self._last_s = -math.inf

    def read(self, stamp_s: float | None, arrived_s: float) -> float:
        """The time of a frame stamped ``stamp_s`` (None: none) that came at ``arrived_s``."""
        taken_s = arrived_s
        if stamp_s is not None and math.isfinite(stamp_s) and stamp_s > self._last_stamp_s:
            taken_s = self._tied(stamp_s, arrived_s)
            self._last_stamp_s = stamp_s
        elif stamp_s is not None:
            self._offset_s, self._last_stamp_s = None, -math.inf
        # A little back is jitter and made to grow; further back, our own clock was set.
        if taken_s > self._last_s - MAX_DISAGREEMENT_S:
            taken_s = max(taken_s, self._last_s + 1e-3)
        self._last_s = taken_s
        return self._last_s

    def _tied(self, stamp_s: float, arrived_s: float) -> float:
        delay_s = arrived_s - stamp_s
        if self._offset_s is None or abs(delay_s - self._offset_s) > MAX_DISAGREEMENT_S:
            self._offset_s = delay_s
        else:
            followed_s = self._offset_s + DRIFT_S_PER_S * max(0.0, stamp_s - self._last_stamp_s)
            self._offset_s = min(delay_s, followed_s)
        return stamp_s + self._offset_s
