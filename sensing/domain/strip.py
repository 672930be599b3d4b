"""Audit strips: the pixels along a counting line over time, one row per frame, like a photo finish.

A strip is data about one line. What passes is smeared over time and averaged across the line, so it
shows that something passed, where and about how large, and is no picture of anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensing.domain.results import Direction

MIN_SAMPLES, MAX_SAMPLES = 48, 400
BAND_PX = 3
LOOKS = 64
FORGET_S = 15.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class StripMark:
    """A crossing that the system counted; (line, run, track, nth) names it for ever.

    ``along``: 0 at the line's first end, 1 at its second, None where the track was not followed.
    """

    line_id: str
    run_id: str
    track_id: int
    nth: int
    direction: Direction
    object_class: str
    confidence: float
    time_s: float
    along: float | None


class LineSampler:
    """Reads the pixels along a line: bilinear, averaged over a narrow band across it.

    ``p1`` and ``p2`` are 0–1 of a picture of ``size`` (width, height) px. Raises ``ValueError`` for
    a line of no length or a picture of no size.
    """

    def __init__(self, p1: Point, p2: Point, size: tuple[int, int]) -> None:
        width, height = size
        if width < 2 or height < 2:
            raise ValueError(f"expected a picture of at least 2 × 2 px, got {width} × {height}")
        scale = np.array([width, height], np.float64)
        start, end = np.array(p1, np.float64) * scale, np.array(p2, np.float64) * scale
        length = float(np.hypot(*(end - start)))
        if not length > 0.0:
            raise ValueError(f"expected a line of some length, got {p1} to {p2}")
        self.samples = int(np.clip(round(length), MIN_SAMPLES, MAX_SAMPLES))
        share = (np.arange(self.samples) + 0.5) / self.samples
        normal = np.array([-(end - start)[1], (end - start)[0]]) / length
        offset = np.arange(BAND_PX) - (BAND_PX - 1) / 2
        points = start + share[:, None] * (end - start)
        # (samples, band, 2); pixel centres lie at half numbers.
        points = points[:, None, :] + offset[None, :, None] * normal - 0.5
        x = np.clip(points[..., 0], 0.0, width - 1.0)
        y = np.clip(points[..., 1], 0.0, height - 1.0)
        left = np.minimum(x.astype(np.intp), width - 2)
        top = np.minimum(y.astype(np.intp), height - 2)
        right_share, low_share = x - left, y - top
        weights = np.stack(
            [
                (1 - right_share) * (1 - low_share),
                right_share * (1 - low_share),
                (1 - right_share) * low_share,
                right_share * low_share,
            ]
        )
        self._weights = (weights / BAND_PX).astype(np.float32)[..., None]
        corner = top * width + left
        self._pixels = np.stack([corner, corner + 1, corner + width, corner + width + 1])
        self._size = size

    def row(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(samples, 3) of a picture (H, W, 3) of the size that the sampler was made for."""
        if image.shape[1::-1] != self._size:
            raise ValueError(f"expected a picture of {self._size} px, got {image.shape[1::-1]}")
        looked_at = image.reshape(-1, image.shape[2])[self._pixels]
        mean = (looked_at * self._weights).sum(axis=(0, 2))
        row: NDArray[np.uint8] = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
        return row


class Trails:
    """Where tracks were lately, so that a crossing, told a moment later, finds its place on the
    line. Bounded: a few looks per track, and tracks that went are forgotten."""

    def __init__(self) -> None:
        self._looks: dict[int, deque[tuple[float, float, float]]] = {}

    def add(self, time_s: float, points: Iterable[tuple[int, float, float]]) -> None:
        """Note (track, x, y) of one frame."""
        for track_id, x, y in points:
            self._looks.setdefault(track_id, deque(maxlen=LOOKS)).append((time_s, x, y))
        gone = [t for t, looks in self._looks.items() if looks[-1][0] < time_s - FORGET_S]
        for track_id in gone:
            del self._looks[track_id]

    def along(self, track_id: int, time_s: float, p1: Point, p2: Point) -> float | None:
        """The track's place along the line at a time, 0–1; between looks on the straight path."""
        looks = self._looks.get(track_id)
        if not looks:
            return None
        x, y = looks[-1][1:] if time_s >= looks[-1][0] else looks[0][1:]
        for (before_s, x0, y0), (after_s, x1, y1) in pairwise(looks):
            if before_s <= time_s <= after_s:
                share = (time_s - before_s) / max(after_s - before_s, 1e-9)
                x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
                break
        dx, dy = p2[0] - p1[0], p2[1] - p1[1]
        share = ((x - p1[0]) * dx + (y - p1[1]) * dy) / max(dx * dx + dy * dy, 1e-12)
        return float(min(max(share, 0.0), 1.0))


def observed_spans(
    times_s: Sequence[float], longest_gap_s: float, period: tuple[float, float]
) -> list[tuple[float, float]]:
    """The stretches of a period that rows at these times cover; the rest is a gap.

    A row stands for the time until the next one, at most ``longest_gap_s`` later; the last of a
    stretch for as long as the usual spacing.
    """
    times = np.unique(np.asarray(times_s, np.float64))
    times = times[(times >= period[0]) & (times <= period[1])]
    if not len(times):
        return []
    steps = np.diff(times)
    inside = steps[steps <= longest_gap_s]
    usual_s = float(np.median(inside)) if len(inside) else 0.0
    cuts = np.flatnonzero(steps > longest_gap_s) + 1
    spans = []
    for piece in np.split(times, cuts):
        end_s = min(float(piece[-1]) + usual_s, period[1])
        if end_s > piece[0]:
            spans.append((float(piece[0]), end_s))
    return spans


def gaps_between(
    spans: Sequence[tuple[float, float]], period: tuple[float, float], least_s: float = 0.5
) -> list[tuple[float, float]]:
    """The parts of a period outside its spans that last at least ``least_s``."""
    edges = [period[0], *(t for span in spans for t in span), period[1]]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(start, end) for start, end in pairs if end - start >= least_s]
