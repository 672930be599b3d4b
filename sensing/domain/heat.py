"""Where objects spend their time: object-seconds per cell of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensing.domain.classes import PERSON_CLASSES, VEHICLE_CLASSES, counted_class
from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS, pack_heat
from sensing.domain.tracking import Tracks

KINDS = ("vehicle", "person")
QUARTER_S = 900

Grid = NDArray[np.float64]
Heat = tuple[str, int, bytes]
"""(kind, quarter = unix // 900, packed grid of ``packing.pack_heat``)."""


class HeatMap:
    """Sums for vehicles and persons since they were last taken.

    An object is where the middle of its box's lower edge is. The time between two frames counts
    unless it is longer than ``longest_gap_s``; tracks that are not seen on a frame do not.
    """

    def __init__(self, frame_width: int, frame_height: int, longest_gap_s: float) -> None:
        self._scale = np.array([[HEAT_COLUMNS / frame_width], [HEAT_ROWS / frame_height]])
        self._longest_gap_s = longest_gap_s
        self._last_s: float | None = None
        self._quarter = 0
        self._cells = np.zeros((len(KINDS), HEAT_ROWS, HEAT_COLUMNS))
        self._labels: tuple[str, ...] = ()
        self._kinds = np.zeros(0, np.intp)
        self._whole: list[Heat] = []

    def add(self, tracks: Tracks, time_s: float) -> None:
        """Enter the tracks on the frame taken at ``time_s`` (Unix seconds)."""
        if int(time_s // QUARTER_S) != self._quarter:
            self._close()
            self._quarter = int(time_s // QUARTER_S)
        passed_s = 0.0 if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        if not len(tracks) or not 0.0 < passed_s <= self._longest_gap_s:
            return
        if tracks.labels is not self._labels:
            self._labels = tracks.labels
            self._kinds = np.array([_kind(label) for label in tracks.labels], np.intp)
        kinds = self._kinds[tracks.class_id]
        seen = tracks.observed & (kinds >= 0)
        boxes = tracks.xyxy[seen].T
        foot = np.stack([0.5 * (boxes[0] + boxes[2]), boxes[3]]) * self._scale
        # An object may reach below the picture's edge.
        column = np.clip(foot[0], 0, HEAT_COLUMNS - 1).astype(np.intp)
        row = np.clip(foot[1], 0, HEAT_ROWS - 1).astype(np.intp)
        np.add.at(self._cells, (kinds[seen], row, column), passed_s)

    def take(self) -> tuple[Heat, ...]:
        """The sums since the last time, which begin anew."""
        self._close()
        taken, self._whole = tuple(self._whole), []
        return taken

    def _close(self) -> None:
        for kind, cells in zip(KINDS, self._cells, strict=True):
            if packed := pack_heat(cells):
                self._whole.append((kind, self._quarter, packed))
        self._cells[:] = 0.0


def _kind(label: str) -> int:
    """The place in ``KINDS``; -1 for what is neither."""
    object_class = counted_class(label)
    if object_class in VEHICLE_CLASSES:
        return 0
    return 1 if object_class in PERSON_CLASSES else -1
