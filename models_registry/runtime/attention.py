"""Selective attention: the detector runs only on the parts of a frame that call for a look.

A small region model marks the cells in which something that counts has changed since the detector
last looked. Where nothing is marked, what was found there is still true and is told again. What
moves, is new or has just vanished is looked at on every frame, so that tracks do not break; and
everything is looked at anew every few seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.attention_canvases import smaller_detectors
from models_registry.runtime.attention_habit import Habit
from models_registry.runtime.attention_held import Held, centres_of
from models_registry.runtime.attention_regions import RegionModel
from models_registry.runtime.attention_windows import (
    Canvases,
    Window,
    grown,
    plan_windows,
    touching,
)
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections, FloatArray
from models_registry.runtime.detector import Detector, load_detector
from models_registry.runtime.model_file import read_model
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.preprocess import fitted, place

REGION_MODEL = Path(__file__).parent.parent / "builtin" / "attention.onnx"
EDGE_PX = 2.0  # on the canvas: a box this near to a crop's edge is cut by it
CROWDED_LOOKS = 5  # so many whole looks in a row: choosing is not worth its time for a moment


@dataclass(frozen=True, slots=True)
class AttentionParameters:
    """Times in seconds, confidences in 0–1. Raises ``ValueError`` for nonsense.

    ``whole_every_s``: at least so often the whole frame is looked at. ``alert_s``: what moves, is
    new or has vanished is followed frame by frame for so long. ``gap_s``: after a longer hole in
    the stream nothing that was found is believed. ``crowded_s``: where whole frames were called for
    again and again, so long nobody asks. ``sure``: weaker boxes call for no look.
    """

    whole_every_s: float = 5.0
    alert_s: float = 0.3
    gap_s: float = 1.5
    crowded_s: float = 1.0
    sure: float = 0.3

    def __post_init__(self) -> None:
        for name in ("whole_every_s", "alert_s", "gap_s", "crowded_s"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: expected seconds above 0, got {getattr(self, name)!r}")
        if not 0.0 < self.sure <= 1.0:
            raise ValueError(f"sure: expected a confidence in (0, 1], got {self.sure!r}")


class AttentiveDetector:
    """A ``Detector`` before which a region model stands.

    ``smaller``: the same model on smaller canvases; without any it is the whole frame or nothing.
    ``looks`` counts frames with a ``whole`` look, a look at ``parts``, and ``none``; ``crowded``
    are whole looks without a question.
    """

    def __init__(
        self,
        detector: Detector,
        regions: RegionModel,
        smaller: Sequence[OnnxDetector] = (),
        parameters: AttentionParameters | None = None,
    ) -> None:
        self.name, self.labels = detector.name, detector.labels
        self.stage_ms: dict[str, float] = {}
        self.looks: Counter[str] = Counter()
        self.parameters = parameters or AttentionParameters()
        self._detector, self._regions, self._smaller = detector, regions, tuple(smaller)
        self._habit = Habit(regions.rows, regions.columns)
        self.reset()

    def reset(self) -> None:
        """Forget the scene: a new stream or another picture size."""
        self._detector.reset()
        self._regions.reset()
        self._habit.reset()
        self._held = Held(self.labels, self.parameters.sure)
        self._size: tuple[int, int] | None = None
        self._last_s = self._whole_s = -np.inf
        self._step_s = 0.0
        self._whole_in_a_row, self._crowded_until_s = 0, -np.inf

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """Objects on a BGR frame (H, W, 3), boxes in its pixels, found now or still there."""
        started = time.thread_time()
        self._inside: Counter[str] = Counter()
        size = (frame.shape[1], frame.shape[0])
        step_s = time_s - self._last_s
        if self._size != size or not 0.0 <= step_s <= self.parameters.gap_s:
            self.reset()
            self._size, self._canvases = size, self._canvases_for(size)
        else:
            self._step_s = step_s
        self._last_s = time_s
        if time_s < self._crowded_until_s:
            self.looks["crowded"] += 1
            found = self._run(self._detector, frame)
            self.stage_ms = dict(self._inside)
            return found
        self._regions.see(frame)
        if not time_s - self._whole_s < self.parameters.whole_every_s:  # nor is it, of no number
            self._look_at_all(frame, time_s)
        else:
            self._look_where_needed(frame, time_s)
        found = self._held.found()
        spent_ms = (time.thread_time() - started) * 1e3
        own_ms = spent_ms - sum(self._inside.values())
        self.stage_ms = {"attention": max(0.0, own_ms), **self._inside}
        return found

    def _canvases_for(self, size: tuple[int, int]) -> Canvases:
        if not self._smaller or not isinstance(self._detector, OnnxDetector):
            return Canvases((), size, 1.0)
        contract = fitted(*size, self._detector.contract)
        sizes = tuple((x.contract.input_width, x.contract.input_height) for x in self._smaller)
        whole = (contract.input_width, contract.input_height)
        return Canvases(sizes, whole, place(*size, contract).scale_x)

    def _look_where_needed(self, frame: NDArray[np.uint8], time_s: float) -> None:
        marked = self._habit.awake(self._regions.marks(), time_s)
        boxes = self._wanted(marked, time_s)
        if not len(boxes):
            self.looks["none"] += 1
            self._whole_in_a_row = 0
            return
        windows = plan_windows(boxes, self._canvases, self._frame_size())
        seen = self._through(windows, frame) if windows is not None else None
        if windows is None or seen is None:
            self._look_at_all(frame, time_s, marked)
            self._whole_in_a_row += 1
            if self._whole_in_a_row >= CROWDED_LOOKS:
                self._crowded_until_s = time_s + self.parameters.crowded_s
                self._whole_s = -np.inf  # what is held grows old meanwhile
            return
        self.looks["parts"] += 1
        self._whole_in_a_row = 0
        cores = np.array([x.core for x in windows], np.float32)
        before = self._held.objects()
        self._held.take(seen, _inside(self._held.centres(), cores), time_s, self._alert_s())
        for core in cores:
            self._regions.looked(core)
        self._learn(marked, self._regions.cells(cores), before, time_s)

    def _look_at_all(
        self, frame: NDArray[np.uint8], time_s: float, marked: NDArray[np.bool_] | None = None
    ) -> None:
        self.looks["whole"] += 1
        before = self._held.objects()
        found = self._run(self._detector, frame)
        self._held.take(found, None, time_s, self._alert_s())
        self._regions.looked()
        self._whole_s = time_s
        if marked is not None:
            self._learn(marked, np.ones_like(marked), before, time_s)

    def _alert_s(self) -> float:
        """Two frames more, however few come in a second."""
        return max(self.parameters.alert_s, 2.5 * self._step_s)

    def _frame_size(self) -> tuple[int, int]:
        assert self._size is not None
        return self._size

    def _wanted(self, marked: NDArray[np.bool_], time_s: float) -> FloatArray:
        """(N, 4) boxes to be looked at, with a margin, so that nothing known to be there is cut."""
        cell = self._regions.cell_side()
        patches = [grown(self._regions.boxes(marked), cell, 0.0)] if marked.any() else []
        restless = self._held.restless(time_s)
        if len(restless):
            patches.append(grown(restless, cell / 2, 0.15))
        if not patches:
            return np.zeros((0, 4), np.float32)
        boxes = np.concatenate(patches)
        standing = grown(self._held.objects(), EDGE_PX, 0.05)
        near = np.zeros(len(standing), np.bool_)
        for box in boxes:
            near |= touching(box, standing)
        edge = np.array(self._frame_size() * 2, np.float32)
        wanted: FloatArray = np.clip(np.concatenate([boxes, standing[near]]), 0, edge)
        return wanted

    def _through(self, windows: list[Window], frame: NDArray[np.uint8]) -> Detections | None:
        """What is found in the windows; None when one of them cuts through something."""
        parts = []
        for window in windows:
            x1, y1, x2, y2 = window.crop
            found = self._run(self._smaller[window.canvas], frame[y1:y2, x1:x2])
            shift = np.array([x1, y1, x1, y1], np.float32)
            found = Detections(found.xyxy + shift, found.confidence, found.class_id, found.labels)
            cores = np.array([window.core], np.float32)
            found = found.select(_inside(centres_of(found.xyxy), cores))
            cut = _cut(found.xyxy, window.crop, self._frame_size(), EDGE_PX / self._canvases.scale)
            if (cut & (found.confidence >= self.parameters.sure)).any():
                return None
            parts.append(found.select(~cut))
        return _strongest_first(parts)

    def _run(self, detector: Detector, frame: NDArray[np.uint8]) -> Detections:
        found = detector.detect(frame, self._last_s)
        self._inside.update(detector.stage_ms)
        return found

    def _learn(
        self,
        marked: NDArray[np.bool_],
        looked: NDArray[np.bool_],
        before: FloatArray,
        time_s: float,
    ) -> None:
        """Marks at which there is nothing, time and again, soon call for a look less often."""
        side = self._regions.cell_side()
        objects = np.concatenate([before, self._held.objects()])
        near = self._regions.cells(grown(objects, side / 2, 0.0))
        self._habit.learn(marked & looked, near, time_s)


def load_attentive(
    model_path: Path,
    contract: ModelContract | dict[str, Any] | None = None,
    *,
    threads: int = 1,
    region_model: Path = REGION_MODEL,
) -> AttentiveDetector:
    """The detector of an ONNX file with attention before it. Raises ``ModelUnusable``."""
    detector = load_detector(model_path, contract, threads=threads)
    return attend(detector, model_path, threads=threads, region_model=region_model)


def attend(
    detector: OnnxDetector,
    model_path: Path,
    *,
    threads: int = 1,
    region_model: Path = REGION_MODEL,
) -> AttentiveDetector:
    """``load_attentive`` for a file whose detector is loaded already."""
    smaller = smaller_detectors(read_model(model_path), detector.contract, threads=threads)
    return AttentiveDetector(detector, RegionModel(region_model), smaller)


def _inside(points: FloatArray, boxes: FloatArray) -> NDArray[np.bool_]:
    """(N,) which points (N, 2) lie in one of the boxes (M, 4)."""
    x, y = points[:, :1], points[:, 1:]
    within = (x >= boxes[:, 0]) & (x < boxes[:, 2]) & (y >= boxes[:, 1]) & (y < boxes[:, 3])
    return np.asarray(within.any(axis=1), np.bool_)


def _cut(
    xyxy: FloatArray, crop: tuple[int, int, int, int], size: tuple[int, int], near_px: float
) -> NDArray[np.bool_]:
    """(N,) which boxes end at an edge of the crop that is none of the frame."""
    x1, y1, x2, y2 = crop
    cut = np.zeros(len(xyxy), np.bool_)
    if x1 > 0:
        cut |= xyxy[:, 0] < x1 + near_px
    if y1 > 0:
        cut |= xyxy[:, 1] < y1 + near_px
    if x2 < size[0]:
        cut |= xyxy[:, 2] > x2 - near_px
    if y2 < size[1]:
        cut |= xyxy[:, 3] > y2 - near_px
    return cut


def _strongest_first(parts: list[Detections]) -> Detections:
    whole = Detections(
        np.concatenate([x.xyxy for x in parts]),
        np.concatenate([x.confidence for x in parts]),
        np.concatenate([x.class_id for x in parts]),
        parts[0].labels,
    )
    return whole.select(np.argsort(-whole.confidence, kind="stable"))
