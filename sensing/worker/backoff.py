"""How long to wait before a camera is tried again."""

from __future__ import annotations

import random

QUICK_S = (0.3, 0.5, 0.8, 1.0)
QUICK_FOR_S = 60.0
SLOWEST_S = 10.0
# Knocking where nobody answers costs neither side anything, and a return is seen at once.
SILENT = frozenset({"unreachable", "timeout"})
KNOCK_S = 1.2
GROWTH = 1.5
JITTER = 0.15


class Backoff:
    """Delays between attempts: quick in the first minute of an outage, then slower up to 10 s."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._attempts = 0
        self._failing_since_s: float | None = None
        self._slow_s = QUICK_S[-1]

    def succeeded(self) -> None:
        """Frames flow again."""
        self._attempts, self._failing_since_s, self._slow_s = 0, None, QUICK_S[-1]

    def delay_s(self, now_s: float, code: str, permanent: bool) -> float:
        """Seconds to wait after a failure at ``now_s`` (monotonic)."""
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if permanent:
            delay_s = SLOWEST_S
        elif now_s - self._failing_since_s < QUICK_FOR_S:
            delay_s = QUICK_S[min(self._attempts, len(QUICK_S) - 1)]
        elif code in SILENT:
            delay_s = KNOCK_S
        else:
            self._slow_s = delay_s = min(self._slow_s * GROWTH, SLOWEST_S)
        self._attempts += 1
        # Cameras behind one failed switch must not all knock in the same instant.
        return delay_s * (1.0 + JITTER * self._random.uniform(-1.0, 1.0))
