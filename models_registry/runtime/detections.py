"""What a detector found on one frame, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes of one frame.

    ``xyxy`` is (N, 4) float32 in source pixels, ``confidence`` (N,) float32 in 0–1, ``class_id``
    (N,) int32 indexing ``labels``. Raises ``ValueError`` when the arrays disagree, so that inner
    code may trust them.
    """

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        if self.xyxy.shape != (count, 4):
            raise ValueError(f"expected xyxy of shape (N, 4), got {self.xyxy.shape}")
        if self.confidence.shape != (count,) or self.class_id.shape != (count,):
            raise ValueError(
                f"expected {count} confidences and classes,"
                f" got {self.confidence.shape} and {self.class_id.shape}"
            )

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def empty(cls, labels: tuple[str, ...] = ()) -> Detections:
        """No boxes, as from a frame on which nothing is."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), labels
        )

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The boxes that a mask or an index array names, in its order."""
        return Detections(self.xyxy[keep], self.confidence[keep], self.class_id[keep], self.labels)

    def class_names(self) -> list[str]:
        """The label of each box."""
        return [self.labels[i] for i in self.class_id]
