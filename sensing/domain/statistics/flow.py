"""Flow, peak hour, density (Highway Capacity Manual; Wardrop, 1952)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeakHour:
    """The hour of four quarters from index ``first`` that carried most. ``factor`` = V₆₀ /
    (4·max V₁₅), between 0.25 and 1; None where nobody came."""

    first: int
    volume: float
    busiest_quarter: float
    factor: float | None


def peak_hour(quarters: Sequence[float | None]) -> PeakHour | None:
    """The best sliding four 15-minute counts; the earliest of equals.

    None in a quarter is a quarter without data: an hour with such is no candidate, for what is
    missing would be read as nobody. Returns None where no hour is whole.
    """
    best: PeakHour | None = None
    for first in range(len(quarters) - 3):
        hour = [count for count in quarters[first : first + 4] if count is not None]
        if len(hour) < 4:
            continue
        volume, busiest = sum(hour), max(hour)
        if best is None or volume > best.volume:
            factor = volume / (4.0 * busiest) if busiest > 0 else None
            best = PeakHour(first, volume, busiest, factor)
    return best


def density_per_km(flow_per_h: float, space_mean_mps: float) -> float | None:
    """k = q / v_s in vehicles a kilometre; None for standing traffic, which no line sees."""
    return flow_per_h / (3.6 * space_mean_mps) if space_mean_mps > 0.0 else None
