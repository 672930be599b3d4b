"""How large an ordinary object looks at each height of a fixed camera's picture, as learned."""

from __future__ import annotations

from collections import deque

import numpy as np

BINS = 12
KEPT = 41  # sizes remembered per bin
USUAL = 60.0  # percentile that is typical: parts of cars are more common than lorries
ENOUGH = 6  # sizes before anything is said


class SizeScale:
    """Typical width and height by the row of a box's centre, in pixels of the picture analysed."""

    def __init__(self, picture_height: int) -> None:
        self._height = float(picture_height)
        self._widths: list[deque[float]] = [deque(maxlen=KEPT) for _ in range(BINS)]
        self._heights: list[deque[float]] = [deque(maxlen=KEPT) for _ in range(BINS)]
        self._count = 0
        self._table: list[tuple[float, float]] | None = None  # width, height of each bin

    def bin_of(self, centre_y: float) -> int:
        return min(max(int(centre_y / self._height * BINS), 0), BINS - 1)

    def add(self, centre_y: float, width: float, height: float) -> None:
        """Learn from one whole, freely seen object; call once per object and bin."""
        row = self.bin_of(centre_y)
        self._widths[row].append(width)
        self._heights[row].append(height)
        self._count += 1
        self._table = None

    def typical(self, centre_y: float) -> tuple[float, float] | None:
        """(width, height) expected here, or None while too little has been seen."""
        if self._count < ENOUGH:
            return None
        if self._table is None:
            sides = self._fit(self._widths).tolist(), self._fit(self._heights).tolist()
            self._table = list(zip(*sides, strict=True))
        return self._table[self.bin_of(centre_y)]

    def _fit(self, sizes: list[deque[float]]) -> np.ndarray:
        """Size per bin: it grows linearly with the row (a plane seen by a pinhole)."""
        rows = np.array([i for i in range(BINS) if sizes[i]], float)
        usual = np.array([np.percentile(sizes[int(i)], USUAL) for i in rows])
        weights = np.sqrt(np.minimum([len(sizes[int(i)]) for i in rows], 10))
        if len(rows) < 3:
            return np.full(BINS, np.average(usual, weights=weights))
        slope, offset = np.polyfit(rows, usual, 1, w=weights)
        line = slope * np.arange(BINS) + offset
        return np.clip(line, 0.6 * usual.min(), 1.5 * usual.max())
