"""Bins of time with what was observed of them. A bin without data is not a zero: a camera that was
down, a time of which nothing is known, and a road on which nobody drove are three things."""

from __future__ import annotations

from typing import Literal

Coverage = Literal["complete", "partial", "down", "unknown"]

COMPLETE_SHARE = 0.98
"""Share of a bin's time from which it counts as observed: a few lost frames make no gap."""


def coverage_of(width_s: float, observed_s: float, down_s: float) -> Coverage:
    """What is known of ``width_s`` seconds: ``complete``, then no counts is a true zero;
    ``partial``; ``down``: nothing observed, camera known to have been down; ``unknown``: nothing
    observed, and nobody knows why. All in s."""
    if observed_s > 0.0 and observed_s >= COMPLETE_SHARE * width_s:
        return "complete"
    if observed_s > 0.0:
        return "partial"
    return "down" if down_s > 0.0 else "unknown"


def flow_per_h(count: float, observed_s: float) -> float | None:
    """q = 3600·V / T in vehicles (or persons) an hour; None for no time."""
    return 3600.0 * count / observed_s if observed_s > 0.0 else None
