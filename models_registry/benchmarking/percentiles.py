"""Many times in milliseconds as the few numbers that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FRAMES_FOR_P99 = 100  # of fewer, the 99th percentile would only be the slowest one by another name
FRAMES_FOR_P95 = 20


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds per frame; percentiles are None where too few frames were timed to have them."""

    frames: int
    mean_ms: float
    min_ms: float
    p50_ms: float
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float


def times(values_ms: Sequence[float]) -> Times:
    """Of at least one value."""
    values = np.asarray(values_ms, np.float64)
    p50, p95, p99 = (float(x) for x in np.percentile(values, [50, 95, 99]))
    return Times(
        frames=len(values),
        mean_ms=float(values.mean()),
        min_ms=float(values.min()),
        p50_ms=p50,
        p95_ms=p95 if len(values) >= FRAMES_FOR_P95 else None,
        p99_ms=p99 if len(values) >= FRAMES_FOR_P99 else None,
        max_ms=float(values.max()),
    )
