"""Getting used to what never means anything: leaves in the wind, a flag, a screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
USED_TO = 3  # looks at a cell that brought nothing
NAP_S, LONGEST_NAP_S = 0.4, 1.6  # what comes out of there is marked in the cells beside it


class Habit:
    """Per cell: how often a mark there turned out to be nothing, and when it was last looked at."""

    def __init__(self, rows: int, columns: int) -> None:
        self._vain = np.zeros((rows, columns), np.int32)
        self._looked_s = np.full((rows, columns), -np.inf)

    def reset(self) -> None:
        """Another scene."""
        self._vain[:] = 0
        self._looked_s[:] = -np.inf

    def awake(self, marked: Bools, time_s: float) -> Bools:
        """The marked cells (rows, columns) less those that may rest a moment longer."""
        nap_s = np.minimum(self._vain // USED_TO * NAP_S, LONGEST_NAP_S)
        return np.asarray(marked & (time_s - self._looked_s >= nap_s), np.bool_)

    def learn(self, looked: Bools, near: Bools, time_s: float) -> None:
        """``looked``: marked cells that were looked at; ``near``: where an object is or was."""
        vain = looked & ~near
        self._vain[vain] += 1
        self._vain[near] = 0
        self._looked_s[looked] = time_s
