"""How long the last frames took."""

from __future__ import annotations

from collections import deque

import numpy as np

KEPT = 120


class Latencies:
    """Wall milliseconds of the last frames."""

    def __init__(self) -> None:
        self._ms: deque[float] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._ms)

    def add(self, ms: float) -> None:
        self._ms.append(ms)

    def percentiles(self) -> tuple[float, float]:
        """(median, 95th percentile); zeros before the first frame."""
        if not self._ms:
            return 0.0, 0.0
        p50, p95 = np.percentile(self._ms, [50, 95])
        return float(p50), float(p95)
