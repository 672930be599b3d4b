"""``motion``: the detector without weights, so that a fixed camera counts from the first minute."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections, FloatArray
from models_registry.runtime.motion_background import Background
from models_registry.runtime.motion_blobs import find_blobs
from models_registry.runtime.motion_kinds import Kinds
from models_registry.runtime.motion_memory import Memory, Thing
from models_registry.runtime.motion_scale import SizeScale
from models_registry.runtime.motion_shadow import shadow_mask, solid_mask

LABELS = ("person", "bicycle", "motorcycle", "car", "bus", "truck")
MAX_STEP_S = 1.0  # after a gap in the stream the background has aged by no more than this


@dataclass(frozen=True, slots=True)
class MotionParameters:
    """How the motion detector works.

    ``classes``: the object classes that may be reported; a shape is then told only among these.
    ``absorb_s``: seconds after which a stopped object becomes background, longer than a red light.
    ``analysed_width``: the picture is reduced by a whole factor to about this many pixels.
    ``min_confidence``: weaker detections are not reported.
    Raises ``ValueError`` naming the field, what was expected and what came.
    """

    classes: tuple[str, ...] = LABELS
    absorb_s: float = 120.0
    analysed_width: int = 384
    min_confidence: float = 0.3

    def __post_init__(self) -> None:
        unknown = [name for name in self.classes if name not in LABELS]
        if unknown or not self.classes:
            raise ValueError(f"classes: expected some of {', '.join(LABELS)}, got {self.classes!r}")
        if not 5.0 <= self.absorb_s <= 3600.0:
            raise ValueError(f"absorb_s: expected 5 to 3600 seconds, got {self.absorb_s!r}")
        if not 64 <= self.analysed_width <= 1920:
            raise ValueError(f"analysed_width: expected 64 to 1920, got {self.analysed_width!r}")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ValueError(f"min_confidence: expected 0 to 1, got {self.min_confidence!r}")


@dataclass(frozen=True, slots=True)
class Moving:
    """A thing on one frame: ``box`` (4,) in its pixels, ``class_id`` indexing ``LABELS``."""

    thing: Thing
    box: FloatArray
    confidence: float
    class_id: int


class MotionDetector:
    """Adaptive background, shadow removal, blobs grouped and split by size, classes by shape."""

    name = "motion"
    labels: tuple[str, ...] = LABELS

    def __init__(self, parameters: MotionParameters | None = None) -> None:
        self.parameters = parameters or MotionParameters()
        self.stage_ms: dict[str, float] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the scene: a new stream or another picture size."""
        self._background: Background | None = None
        self._size: tuple[int, int] | None = None
        self._last_s: float | None = None

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """Moving things on a BGR frame (H, W, 3) taken at ``time_s`` seconds; boxes in pixels."""
        started = time.thread_time()
        seen = self.watch(frame, time_s)
        least = self.parameters.min_confidence
        found = self._detections([x for x in seen if x.confidence >= least])
        self.stage_ms = {"motion": (time.thread_time() - started) * 1e3}
        return found

    def watch(self, frame: NDArray[np.uint8], time_s: float) -> list[Moving]:
        """The same, one by one with the thing that each is, the unsure ones too."""
        height, width = frame.shape[:2]
        factor = max(1, round(max(width, height) / self.parameters.analysed_width))
        picture = _reduced(frame, factor)
        if self._background is None or self._size != (width, height):
            self._start(picture, (width, height), time_s)
            return []
        assert self._background is not None
        assert self._last_s is not None
        step_s = min(max(time_s - self._last_s, 1e-3), MAX_STEP_S)
        self._last_s = time_s

        changed = self._background.apply(picture, step_s)
        shadow = shadow_mask(picture, self._background.expected, changed)
        blobs = find_blobs(
            solid_mask(changed, shadow), changed, self._scale, self._memory.expected(time_s)
        )
        things = self._memory.update(blobs, time_s)
        self._forgive_noise(picture, changed, things, step_s)
        if not things:
            return []
        edge = np.array([width, height, width, height], np.float32)
        boxes = np.clip(np.stack([x.box for x in things]) * np.float32(factor), 0.0, edge)
        return [
            Moving(thing, box, self._kinds.confidence(thing), LABELS.index(self._kinds.of(thing)))
            for thing, box in zip(things, boxes.astype(np.float32), strict=True)
        ]

    def _start(self, picture: NDArray[np.uint8], size: tuple[int, int], time_s: float) -> None:
        height, width = picture.shape[:2]
        self._size = size
        self._last_s = time_s
        self._background = Background(picture, self.parameters.absorb_s)
        self._scale = SizeScale(height)
        self._memory = Memory(width, height, self._scale)
        self._kinds = Kinds(self.parameters.classes, self._scale, width)

    def _forgive_noise(
        self,
        picture: NDArray[np.uint8],
        changed: NDArray[np.uint8],
        things: list[Thing],
        step_s: float,
    ) -> None:
        """What changed outside every thing is weather or noise: the background learns it."""
        outside = changed.copy()
        for thing in things:
            x1, y1, x2, y2 = thing.box.astype(int)
            margin = 2 + (y2 - y1) // 4  # its shadow is no noise either
            outside[max(0, y1 - margin) : y2 + margin, max(0, x1 - margin) : x2 + margin] = 0
        assert self._background is not None
        self._background.forgive(outside, picture, step_s)

    @staticmethod
    def _detections(seen: list[Moving]) -> Detections:
        if not seen:
            return Detections.empty(LABELS)
        return Detections(
            np.stack([x.box for x in seen]),
            np.array([x.confidence for x in seen], np.float32),
            np.array([x.class_id for x in seen], np.int32),
            LABELS,
        )


def _reduced(frame: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """The frame reduced by a whole factor (averaging, so noise falls with it), as YCrCb."""
    if factor == 1:
        small = cv2.blur(frame, (3, 3))
    else:
        height, width = frame.shape[:2]
        small = cv2.resize(
            frame, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA
        )
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb), np.uint8)
