"""Has the camera moved since it was calibrated? Two stills compared, without features.

Each still becomes the direction of its grey-level edges, which a change of light leaves alone. The
picture is cut into tiles; the shift of each follows from phase correlation (Kuglin and Hines,
1975). Tiles without texture abstain, tiles with something that came or went disagree with the
rest: the shift is the one on which most tiles with an opinion agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensing.domain.geometry import Floats

Verdict = Literal["unmoved", "moved", "unsure"]

_SIDE_PX = 480  # the longer side at which stills are compared
_TILE_PX = 96
_FLAT = 2.0  # mean edge strength in grey levels below which a tile shows nothing
_CLEAR_PEAK = 7.0  # height of a correlation peak over the noise of its surface
_AGREE_PX = 1.5
_MOVED_SHARE = 0.005  # of the longer side
_LEAST_TILES = 4


@dataclass(frozen=True, slots=True)
class Drift:
    """``shift_px``: the median way of the still scene, in pixels of the newer still; ``spread_px``:
    how far the tiles differ, which is large when the camera turned or zoomed; ``tiles``: how many
    had an opinion, ``agreeing``: how many share it. ``reason``: why unsure, else empty."""

    verdict: Verdict
    shift_px: tuple[float, float]
    spread_px: float
    tiles: int
    agreeing: int
    reason: str = ""

    @property
    def distance_px(self) -> float:
        return float(np.hypot(*self.shift_px))


def compare_stills(calibrated: ArrayLike, current: ArrayLike) -> Drift:
    """Compare two grey stills (H, W) or colour ones (H, W, C) of the same view, 0–255.

    Raises ``ValueError`` for what is no picture or for another shape of picture.
    """
    before, now = _grey(calibrated), _grey(current)
    if abs(before.shape[1] / before.shape[0] - now.shape[1] / now.shape[0]) > 0.02:
        raise ValueError(
            f"expected stills of one shape, got {before.shape[::-1]} and {now.shape[::-1]}"
        )
    factor = max(now.shape) / min(_SIDE_PX, max(now.shape), max(before.shape))
    width, height = round(now.shape[1] / factor), round(now.shape[0] / factor)
    shifts, offset = _tile_shifts(_shrunk(before, width, height), _shrunk(now, width, height))
    return _judged(shifts, offset, factor, max(width, height))


def _judged(shifts: Floats, places: Floats, factor: float, side_px: int) -> Drift:
    count = len(shifts)
    if count < _LEAST_TILES:
        reason = "too little to see in both stills: dark, blurred or covered"
        return Drift("unsure", (0.0, 0.0), 0.0, count, 0, reason)
    apart = np.hypot(*(shifts[:, None] - shifts[None]).transpose(2, 0, 1))
    # Turning and zooming shift neighbouring tiles alike, and far ones not quite.
    allowed = _AGREE_PX + 0.04 * np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    friends = apart <= allowed
    group = friends[int(friends.sum(axis=1).argmax())]
    agreeing = int(group.sum())
    shift = np.median(shifts[group], axis=0)
    spread = float(np.percentile(np.hypot(*(shifts[group] - shift).T), 90))
    far = float(np.percentile(np.hypot(*shifts[group].T), 75))
    x, y = (shift * factor).tolist()
    drift = ((x, y), spread * factor, count, agreeing)
    if agreeing < max(_LEAST_TILES, 0.4 * count):
        return Drift("unsure", *drift, "the parts of the picture contradict each other")
    limit = max(1.0, _MOVED_SHARE * side_px)
    if far > limit:
        return Drift("moved", *drift)
    if far > 0.6 * limit:
        return Drift("unsure", *drift, "at the edge of what can be told")
    return Drift("unmoved", *drift)


def _tile_shifts(before: Floats, now: Floats) -> tuple[Floats, Floats]:
    """(T, 2) shifts and (T, 2) places of the tiles that have an opinion."""
    shifts: list[tuple[float, float]] = []
    places: list[tuple[float, float]] = []
    old, new = _edges(before), _edges(now)
    height, width = before.shape
    tile = min(_TILE_PX, height, width)
    window = np.hanning(tile + 2)[1:-1]
    weight = window[:, None] * window
    for top in _starts(height, tile):
        for left in _starts(width, tile):
            part = np.s_[top : top + tile, left : left + tile]
            if min(np.abs(old[part]).mean(), np.abs(new[part]).mean()) < _FLAT:
                continue
            found = _phase_shift(_even(old[part]) * weight, _even(new[part]) * weight)
            if found is not None:
                shifts.append(found)
                places.append((left + tile / 2, top + tile / 2))
    return np.array(shifts).reshape(-1, 2), np.array(places).reshape(-1, 2)


def _phase_shift(
    before: NDArray[np.complex128], now: NDArray[np.complex128]
) -> tuple[float, float] | None:
    """(x, y) by which the content moved, to a fraction of a pixel; None without a clear peak."""
    spectrum = np.fft.fft2(now) * np.conj(np.fft.fft2(before))
    size = np.abs(spectrum)
    spectrum /= size + 0.05 * size.mean()
    # High frequencies are noise: what is left is a round peak, whose top can be placed finely.
    rows = np.fft.fftfreq(len(before))
    spectrum *= np.exp(-((rows[:, None] ** 2 + rows**2) / (2 * 0.15**2)))
    surface = np.fft.ifft2(spectrum).real
    y, x = np.unravel_index(int(surface.argmax()), surface.shape)
    if surface[y, x] < _CLEAR_PEAK * surface.std():
        return None
    return _top(surface[y], int(x)), _top(surface[:, x], int(y))


def _top(values: Floats, at: int) -> float:
    """Where a parabola through the highest of a cyclic row and its neighbours peaks, signed."""
    count = len(values)
    low, middle, high = values[at - 1], values[at], values[(at + 1) % count]
    bend = low - 2 * middle + high
    fine = float(0.5 * (low - high) / bend) if bend < 0 else 0.0
    return (at if at <= count // 2 else at - count) + fine


def _edges(grey: Floats) -> NDArray[np.complex128]:
    """Horizontal and vertical slope as one complex number a pixel."""
    down, across = np.gradient(grey)
    edges: NDArray[np.complex128] = np.asarray(across + 1j * down, np.complex128)
    return edges


def _even(edges: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Strong edges weigh little more than weak ones: a shadow's rim must not outvote the road."""
    size = np.abs(edges)
    evened: NDArray[np.complex128] = edges / (size + 0.5 * size.mean() + 2.0)
    return evened


def _starts(length: int, tile: int) -> list[int]:
    """Evenly laid tiles that overlap by about half."""
    count = max(1, round(2 * (length - tile) / tile)) + 1
    return sorted({int(start) for start in np.linspace(0, length - tile, count)})


def _grey(still: ArrayLike) -> Floats:
    picture = np.asarray(still, np.float64)
    if picture.ndim == 3:
        picture = picture.mean(axis=2)
    if picture.ndim != 2 or min(picture.shape) < 32 or not np.isfinite(picture).all():
        raise ValueError(f"expected a still of at least 32×32 px, got {np.shape(still)}")
    return picture


def _shrunk(grey: Floats, width: int, height: int) -> Floats:
    """Area average: each new pixel is the mean of what it covers."""
    return _averaged(_averaged(grey, height).T, width).T


def _averaged(rows: Floats, count: int) -> Floats:
    """(H, W) → (count, W)."""
    if len(rows) == count:
        return rows
    total = np.vstack([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    edges = np.linspace(0, len(rows), count + 1)
    whole = np.minimum(edges.astype(int), len(rows) - 1)
    upto = total[whole] + (edges - whole)[:, None] * rows[whole]
    averaged: Floats = np.diff(upto, axis=0) / (len(rows) / count)
    return averaged
