"""The verdict on a new detector that runs on the frames of the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from models_registry.runtime.detections import Detections
from sensing.worker.agreement import overlaps
from sensing.worker.latencies import Latencies

FRAMES = 30
OBJECTS = 50
CONFIDENT = 0.5
FOUND_IOU = 0.3
LEAST_FOUND = 0.2
SLOWER = 1.25  # in the median: what else runs on the box delays a few frames of either


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a detector is not fit; ``cause`` as in ``RolledBack``."""

    cause: str
    detail: str


class Trial:
    """Compares the two detectors frame by frame.

    ``budget_ms``: what a frame may take at the camera's rate. ``comparable``: both look for the
    same things; a detector of motion does not see what stands still, so it is never called blind.
    """

    def __init__(self, budget_ms: float, *, comparable: bool = True) -> None:
        self._budget_ms = budget_ms
        self._comparable = comparable
        self._old, self._new = Latencies(), Latencies()
        self._objects = self._found = 0
        self._judged: Fault | None = None
        self._news = False

    @property
    def enough(self) -> bool:
        """It has seen enough to speak for the new detector."""
        return len(self._new) >= FRAMES and self._objects >= OBJECTS

    def old_took(self, ms: float) -> None:
        self._old.add(ms)
        self._news = True

    def new_took(self, ms: float) -> None:
        self._new.add(ms)
        self._news = True

    def compare(self, old: Detections, new: Detections) -> None:
        """Enter what both found on the same frame. Classes may differ: names are another matter."""
        self._news = True
        sure = old.select(old.confidence >= CONFIDENT)
        self._objects += len(sure)
        if len(sure) and len(new):
            overlap = overlaps(sure.xyxy, new.xyxy)
            self._found += int((overlap.max(axis=1) >= FOUND_IOU).sum())

    def fault(self) -> Fault | None:
        """What speaks against the new detector, if anything does by now."""
        if self._news:
            self._news, self._judged = False, self._judge()
        return self._judged

    def _judge(self) -> Fault | None:
        old_usual_ms, old_ms = self._old.percentiles()
        usual_ms, new_ms = self._new.percentiles()
        slower = usual_ms > SLOWER * old_usual_ms
        if len(self._new) >= FRAMES and slower and new_ms > self._budget_ms >= old_ms:
            return Fault(
                "too_slow",
                f"95 % of its frames took up to {new_ms:.0f} ms where {self._budget_ms:.0f} ms"
                f" are left per frame; the one before took {old_ms:.0f} ms",
            )
        blind = self._objects >= OBJECTS and self._found < LEAST_FOUND * self._objects
        if blind and self._comparable:
            return Fault(
                "blind",
                f"it found {self._found} of {self._objects} objects"
                " that the one before it was sure of",
            )
        return None
