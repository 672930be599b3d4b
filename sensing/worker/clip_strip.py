"""The audit strip of a recorded clip and the system's crossings on it, as a target of the sandbox.

The clip goes through the same pipeline as a live camera; the strip takes more of its frames than
the detector does, where the clip has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.domain.results import Crossing
from sensing.domain.scene import Scene, SceneInvalid, parse_scene
from sensing.modules import MODULE_KINDS
from sensing.worker.detectors import build_detector
from sensing.worker.frames import Pacer
from sensing.worker.messages import Overlay, StripBlock
from sensing.worker.pipeline import Pipeline
from sensing.worker.plan import DetectorSpec, StripOrder
from sensing.worker.recording import RecordedFrame, Recording, RecordingUnusable
from sensing.worker.run import overlay_boxes
from sensing.worker.strip import StripRecorder

ROWS_PER_S = 12.5
NOTHING = Overlay(0, 0.0, ())


class ClipUnusable(Exception):
    """``clip_unusable`` or ``too_long``, with words for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def clip_strip(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> Any:
    """``clip``, ``scene`` (document), ``detector`` (name, model_path, contract, parameters),
    ``analysed_fps``, ``lines`` [[id, p1, p2]], ``most_s`` → ``tiles`` [{times_s, strips}],
    ``marks``, ``duration_s``, ``detector``.

    Raises ``ClipUnusable``, ``ModelUnusable``.
    """
    cv2.setNumThreads(1)
    try:
        scene = parse_scene(request["scene"], MODULE_KINDS)
        recording = Recording(Path(request["clip"]))
    except (SceneInvalid, RecordingUnusable) as problem:
        raise ClipUnusable("clip_unusable", str(problem)) from problem
    spec = DetectorSpec(**request["detector"])
    maker = _Maker(scene, spec, request)
    try:
        for frame in recording.frames(None):
            maker.add(frame)
            if recording.frames_stated and frame.index % 10 == 0:
                progress(min(frame.index / recording.frames_stated, 0.99), "reading the clip")
    except RecordingUnusable as problem:
        if problem.code != "truncated":  # what is there of a cut clip can be recounted
            raise ClipUnusable("clip_unusable", str(problem)) from problem
    finally:
        recording.close()
    return maker.answer()


class _Maker:
    def __init__(self, scene: Scene, spec: DetectorSpec, request: Mapping[str, Any]) -> None:
        self._pipeline = Pipeline(scene, build_detector(spec, scene))
        self._most_s = float(request["most_s"])
        lines = tuple((str(i), (a[0], a[1]), (b[0], b[1])) for i, a, b in request["lines"])
        self._blocks: list[StripBlock] = []
        order = StripOrder(0, lines, 0.0, self._most_s)
        self._recorder = StripRecorder(0, order, scene.anchor, self._blocks.append)
        self._analysed, self._sampled = Pacer(float(request["analysed_fps"])), Pacer(ROWS_PER_S)
        self._last_s, self._steps_s = 0.0, 0.0

    def add(self, frame: RecordedFrame) -> None:
        if frame.time_s > self._most_s:
            limit = f"expected a clip of at most {self._most_s / 60:g} minutes"
            raise ClipUnusable("too_long", f"{limit}: cut it, or recount live minutes")
        self._steps_s, self._last_s = frame.time_s - self._last_s, frame.time_s
        overlay = NOTHING
        crossings: tuple[Crossing, ...] = ()
        if self._analysed.due(frame.time_s):
            overlay, crossings = self._sensed(frame)
        if self._sampled.due(frame.time_s):
            self._recorder.add_row(frame.image, frame.time_s)
        if overlay is not NOTHING:
            self._recorder.follow(overlay, crossings, "clip")
        self._recorder.tick(frame.time_s)

    def _sensed(self, frame: RecordedFrame) -> tuple[Overlay, tuple[Crossing, ...]]:
        image: NDArray[np.uint8] = frame.image
        result = self._pipeline.step(image, frame.time_s, frame.index)
        height, width = image.shape[:2]
        boxes = overlay_boxes(result.tracks, width, height)
        return Overlay(0, frame.time_s, boxes), result.facts.crossings

    def answer(self) -> dict[str, Any]:
        self._recorder.note(self._pipeline.finish().crossings, "clip")
        self._recorder.flush(last=True)
        return {
            "tiles": [
                {"times_s": list(b.times_s), "strips": [list(strip) for strip in b.strips]}
                for b in self._blocks
                if b.times_s
            ],
            "marks": [_document(mark) for block in self._blocks for mark in block.marks],
            "duration_s": self._last_s + self._steps_s,
            "detector": self._pipeline.detector.name,
        }


def _document(mark: Any) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in mark.__dataclass_fields__}
