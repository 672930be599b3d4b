"""Which tracks a module counts: those of its classes, sure enough."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from sensing.domain.classes import counted_class
from sensing.domain.tracking import Tracks


class TrackSelection:
    """A mask over tracks by counted class and least confidence."""

    def __init__(self, classes: Collection[str], minimum_confidence: float) -> None:
        self._classes = frozenset(classes)
        self._minimum_confidence = minimum_confidence
        self._labels: tuple[str, ...] = ()
        self._wanted = np.zeros(0, np.bool_)

    def mask(self, tracks: Tracks) -> NDArray[np.bool_]:
        """(N,) True where a track is counted."""
        if tracks.labels != self._labels:
            self._labels = tracks.labels
            self._wanted = np.array(
                [counted_class(label) in self._classes for label in tracks.labels], np.bool_
            )
        chosen: NDArray[np.bool_] = self._wanted[tracks.class_id]
        chosen &= tracks.confidence >= self._minimum_confidence
        return chosen
