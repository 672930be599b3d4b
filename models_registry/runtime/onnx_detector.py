"""A detector made of an ONNX model and its contract."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode import LAYOUTS
from models_registry.runtime.decode.layout import Boxes, Decoder
from models_registry.runtime.detections import Detections
from models_registry.runtime.nms import strongest, suppress
from models_registry.runtime.preprocess import Placement, Preprocessor, fitted
from models_registry.runtime.session import Session

ENDLESS_PX = 1e7  # a box of this size would spoil the arithmetic of the suppression


class OnnxDetector:
    """One model on one camera: picture in, boxes in its pixels out. Keeps no state of the scene.

    ``others``: the same model on the further canvases of the contract, for frames of their shape.
    ``stage_ms`` is this thread's CPU time for one-threaded models, else wall time, since the work
    of other threads is not seen on this one's clock.
    """

    def __init__(
        self,
        name: str,
        session: Session,
        contract: ModelContract,
        decoder: Decoder,
        *,
        extra_feeds: dict[str, NDArray[Any]] | None = None,
        threads: int = 1,
        others: Sequence[OnnxDetector] = (),
    ) -> None:
        self.name = name
        self.contract = contract
        self.labels = contract.labels
        self.stage_ms: dict[str, float] = {}
        self._decode = decoder
        self._suppresses = LAYOUTS[contract.layout].suppresses
        self._preprocess = Preprocessor(contract)
        self._session = session
        self._feeds = {contract.input_name: self._preprocess.tensor, **(extra_feeds or {})}
        self._bound = session.bind(self._feeds)
        self._others = {(x.contract.input_width, x.contract.input_height): x for x in others}
        self._chosen: tuple[tuple[int, ...], OnnxDetector] | None = None
        self._clock = time.thread_time if threads == 1 else time.perf_counter

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """Objects on a BGR frame (H, W, 3), strongest first; ``time_s`` plays no part here.

        Raises ``ValueError`` for what is no frame, ``ModelUnusable`` (``run_failed``) when the
        model breaks on it.
        """
        if self._others and (other := self._on_canvas(frame)) is not self:
            detections = other.detect(frame, time_s)
            self.stage_ms = other.stage_ms
            return detections
        started = self._clock()
        placement = self._preprocess(frame)
        prepared = self._clock()
        outputs = self._bound.run() if self._bound else self._session.run(self._feeds)
        inferred = self._clock()
        with np.errstate(over="ignore", invalid="ignore"):  # a broken net's NaN are dropped below
            detections = self._finish(self._decode(outputs), placement)
        finished = self._clock()
        self.stage_ms = {
            "preprocess": (prepared - started) * 1e3,
            "inference": (inferred - prepared) * 1e3,
            "postprocess": (finished - inferred) * 1e3,
        }
        return detections

    def reset(self) -> None:
        """Nothing of the scene is remembered; a new frame size is noticed by itself."""

    def _on_canvas(self, frame: NDArray[np.uint8]) -> OnnxDetector:
        """Itself, or the one whose canvas suits the frame's shape better."""
        if frame.ndim != 3 or self._chosen is None or self._chosen[0] != frame.shape:
            height, width = frame.shape[:2] if frame.ndim == 3 else (0, 0)
            best = fitted(width, height, self.contract)
            other = self._others.get((best.input_width, best.input_height), self)
            self._chosen = frame.shape, other
        return self._chosen[1]

    def _finish(self, boxes: Boxes, placement: Placement) -> Detections:
        """Suppression, the way back to source pixels, and nothing empty or not finite."""
        contract, xyxy = self.contract, boxes.xyxy
        size = xyxy[:, 2:] - xyxy[:, :2]
        # With a NaN, inverted or endless box in it one of these does not hold.
        if len(xyxy) and not (size.min() > 0 and size.max() < ENDLESS_PX):
            real = np.flatnonzero((size.min(axis=1) > 0) & (size.max(axis=1) < ENDLESS_PX))
            boxes = Boxes(xyxy[real], boxes.confidence[real], boxes.class_id[real])
        if self._suppresses:
            kept = suppress(
                boxes.xyxy,
                boxes.confidence,
                boxes.class_id,
                iou=contract.nms_iou,
                class_agnostic=contract.class_agnostic,
                max_candidates=contract.max_candidates,
                max_detections=contract.max_detections,
            )
        else:
            kept = strongest(boxes.confidence, contract.max_detections)
        source = placement.to_source(boxes.xyxy[kept])
        inside = (source[:, 2] > source[:, 0]) & (source[:, 3] > source[:, 1])
        kept = kept[inside]
        confidence = np.minimum(boxes.confidence[kept], np.float32(1))
        return Detections(source[inside], confidence, boxes.class_id[kept], self.labels)
