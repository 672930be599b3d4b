"""How well automatic counts, events and speeds agree with those of a person."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class CountAgreement:
    """Over bins: ``wape_percent`` = 100·Σ|A−M| / ΣM; ``mape_percent`` = mean of 100·|A−M| / M over
    the ``mape_bins`` with M > 0; ``bias_percent`` = 100·Σ(A−M) / ΣM. None where ΣM is 0."""

    automatic: float
    manual: float
    bins: int
    wape_percent: float | None
    mape_percent: float | None
    mape_bins: int
    bias_percent: float | None


@dataclass(frozen=True, slots=True)
class SpeedAgreement:
    """Of measured minus reference speeds, m/s. ``within_percent``: share within ±3 km/h, or ±3 %
    above 100 km/h."""

    count: int
    mean_absolute_mps: float
    median_absolute_mps: float
    p95_absolute_mps: float
    bias_mps: float
    within_percent: float


def compare_counts(
    automatic: Sequence[float | None], manual: Sequence[float | None]
) -> CountAgreement:
    """Bins side by side; one in which either has no data (None) is in no sum. Raises ``ValueError``
    for lists of different length or negative counts."""
    pairs = [
        (a, m) for a, m in zip(automatic, manual, strict=True) if a is not None and m is not None
    ]
    if any(a < 0 or m < 0 for a, m in pairs):
        raise ValueError("expected counts of at least 0")
    total = sum(m for _, m in pairs)
    shares = [100.0 * abs(a - m) / m for a, m in pairs if m > 0]
    off = sum(abs(a - m) for a, m in pairs)
    return CountAgreement(
        automatic=sum(a for a, _ in pairs),
        manual=total,
        bins=len(pairs),
        wape_percent=100.0 * off / total if total else None,
        mape_percent=sum(shares) / len(shares) if shares else None,
        mape_bins=len(shares),
        bias_percent=100.0 * sum(a - m for a, m in pairs) / total if total else None,
    )


def geh(automatic_per_h: float, manual_per_h: float) -> float:
    """GEH = √(2·(A−M)² / (A+M)) of two hourly flows; 0 where both are 0. It means nothing for other
    periods: bring counts to an hour first (``geh_of_counts``)."""
    if automatic_per_h < 0 or manual_per_h < 0:
        raise ValueError("expected flows of at least 0")
    total = automatic_per_h + manual_per_h
    return math.sqrt(2.0 * (automatic_per_h - manual_per_h) ** 2 / total) if total else 0.0


def geh_of_counts(automatic: float, manual: float, period_s: float) -> float:
    """GEH of counts of a whole hour or more, as hourly flows. Raises ``ValueError`` for less: a
    quarter of an hour multiplied by four doubles its noise."""
    if period_s < HOUR_S * 0.999:
        raise ValueError(f"expected a period of an hour or more, got {period_s} s")
    return geh(automatic * HOUR_S / period_s, manual * HOUR_S / period_s)


def confusion_matrix(
    confusion: Mapping[tuple[str, str], int],
) -> tuple[list[str], list[list[int]]]:
    """(classes, rows of the true class with columns of the found one), from events by (true class,
    found class); what was true most often comes first."""
    true: Counter[str] = Counter()
    for (name, _found), count in confusion.items():
        true[name] += count
    names = {name for pair in confusion for name in pair}
    classes = sorted(names, key=lambda name: (-true[name], name))
    return classes, [[confusion.get((t, f), 0) for f in classes] for t in classes]


def compare_speeds(measured_mps: ArrayLike, reference_mps: ArrayLike) -> SpeedAgreement | None:
    """Pairs of speeds; None without any. Raises ``ValueError`` for unequal lengths."""
    measured = np.asarray(measured_mps, np.float64)
    reference = np.asarray(reference_mps, np.float64)
    if measured.shape != reference.shape:
        raise ValueError(f"expected pairs, got {measured.shape} and {reference.shape}")
    if not len(measured):
        return None
    error = measured - reference
    size = np.abs(error)
    allowed = np.where(reference > 100.0 / 3.6, 0.03 * reference, 3.0 / 3.6)
    return SpeedAgreement(
        count=len(error),
        mean_absolute_mps=float(size.mean()),
        median_absolute_mps=float(np.median(size)),
        p95_absolute_mps=float(np.percentile(size, 95)),
        bias_mps=float(error.mean()),
        within_percent=100.0 * float(np.mean(size <= allowed * (1.0 + 1e-12))),
    )


Z_95 = 1.959963984540054  # standard normal deviate of a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class Share:
    """A share of ``of`` with its 95 % interval, all 0–1. ``value`` is None where ``of`` is 0: then
    nothing is known, and the interval is the whole range."""

    hits: int
    of: int
    value: float | None
    low: float
    high: float


def wilson(hits: int, of: int) -> Share:
    """Wilson's score interval: right for small numbers and near 0 or 1, where the usual one fails.
    Raises ``ValueError`` unless 0 ≤ hits ≤ of."""
    if not 0 <= hits <= of:
        raise ValueError(f"expected 0 to {of} hits, got {hits}")
    if of == 0:
        return Share(0, 0, None, 0.0, 1.0)
    share, square = hits / of, Z_95 * Z_95
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = Z_95 / (1 + square / of)
    half *= math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    # Rounding must not leave the share outside of its own interval.
    low, high = min(centre - half, share), max(centre + half, share)
    return Share(hits, of, share, max(0.0, low), min(1.0, high))


def f1_share(matched: int, found: int, truth: int) -> Share:
    """F1 with an interval. F1 = 2·J / (1 + J) of J = matched / (found + truth − matched), a share
    of events, so J's Wilson interval carries over."""
    jaccard = wilson(matched, found + truth - matched)

    def grown(value: float) -> float:
        return 2.0 * value / (1.0 + value)

    value = None if jaccard.value is None else grown(jaccard.value)
    return Share(matched, jaccard.of, value, grown(jaccard.low), grown(jaccard.high))
