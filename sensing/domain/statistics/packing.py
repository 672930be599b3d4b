"""Histograms and grids as short bytes, so that a quarter of an hour is one small row.

A histogram is its first filled bin (uint16) followed by the counts (uint32, little-endian) up to
the last filled one; nothing at all for an empty one. A grid is its hundredths of a second (uint32,
little-endian), deflated: most cells of a street are empty.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

SPEED_WIDTH_MPS = 0.5
SPEED_BINS = 160
"""Bins of half a metre per second from 0; the last holds everything faster."""

DWELL_RATIO = 1.15
DWELL_BINS = 84
"""Bin 0 ends at one second and each next one 15 % later: 1 s to 30 hours."""

HEAT_COLUMNS, HEAT_ROWS = 48, 27
HEAT_BYTES = 4 * HEAT_ROWS * HEAT_COLUMNS


def pack(counts: Sequence[int] | Counts) -> bytes:
    """Bytes of a histogram of whole counts."""
    values = np.asarray(counts, np.int64)
    filled = np.flatnonzero(values)
    if not len(filled):
        return b""
    first, last = int(filled[0]), int(filled[-1])
    return np.uint16(first).tobytes() + values[first : last + 1].astype("<u4").tobytes()


def unpack(packed: bytes, bins: int) -> Counts:
    """(bins,) counts. Raises ``ValueError`` for bytes that are no histogram of so many bins."""
    return add_packed([packed], bins)


def add_packed(rows: Iterable[bytes], bins: int) -> Counts:
    """(bins,) sums of packed histograms. Raises as ``unpack``."""
    total = np.zeros(bins, np.int64)
    for packed in rows:
        if not packed:
            continue
        first = int.from_bytes(packed[:2], "little")
        values = np.frombuffer(packed, "<u4", offset=2)
        if first + len(values) > bins:
            raise ValueError(f"expected {bins} bins, got {first + len(values)}")
        total[first : first + len(values)] += values
    return total


def speed_bin(speed_mps: float) -> int:
    return min(int(speed_mps / SPEED_WIDTH_MPS), SPEED_BINS - 1)


def dwell_bin(dwell_s: float) -> int:
    if dwell_s < 1.0:
        return 0
    return min(1 + int(np.log(dwell_s) / np.log(DWELL_RATIO)), DWELL_BINS - 1)


def dwell_edges_s() -> NDArray[np.float64]:
    """(DWELL_BINS + 1,) seconds at which the dwell bins begin and end."""
    edges: NDArray[np.float64] = np.concatenate(
        [[0.0], DWELL_RATIO ** np.arange(DWELL_BINS, dtype=np.float64)]
    )
    return edges


def pack_heat(cells: NDArray[np.floating]) -> bytes:
    """Bytes of a grid (HEAT_ROWS, HEAT_COLUMNS) of object-seconds, to the hundredth; nothing for an
    empty one. Raises ``ValueError`` for another shape."""
    if cells.shape != (HEAT_ROWS, HEAT_COLUMNS):
        raise ValueError(f"expected {HEAT_ROWS} × {HEAT_COLUMNS} cells, got {cells.shape}")
    hundredths = np.rint(100.0 * cells).astype("<u4")
    return zlib.compress(hundredths.tobytes()) if hundredths.any() else b""


def add_heat(rows: Iterable[bytes]) -> NDArray[np.float64]:
    """(HEAT_ROWS, HEAT_COLUMNS) sums of packed grids. Raises ``ValueError`` for other bytes."""
    hundredths = np.zeros(HEAT_ROWS * HEAT_COLUMNS, np.int64)
    earlier = np.zeros(HEAT_ROWS * HEAT_COLUMNS)
    for packed in rows:
        if len(packed) == HEAT_BYTES:  # as grids were stored at first
            earlier += np.frombuffer(packed, "<f4")
        elif packed:
            hundredths += np.frombuffer(_inflated(packed), "<u4")
    return (hundredths / 100.0 + earlier).reshape(HEAT_ROWS, HEAT_COLUMNS)


def _inflated(packed: bytes) -> bytes:
    try:
        grid = zlib.decompressobj().decompress(packed, HEAT_BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"expected a packed grid, got {len(packed)} other bytes") from error
    if len(grid) != HEAT_BYTES:
        raise ValueError(f"expected a grid of {HEAT_BYTES} bytes, got {len(grid)}")
    return grid
