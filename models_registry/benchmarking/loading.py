"""A detector with its session at hand, so that inference can be timed apart from the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import assembled
from models_registry.runtime.layouts import settle
from models_registry.runtime.model_file import read_model
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.preprocess import Preprocessor
from models_registry.runtime.session import Bound, Session

Stated = ModelContract | dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """``session`` is the one that ``detector`` runs on. ``load_s``: from the file to ready."""

    detector: OnnxDetector
    session: Session
    extra_feeds: dict[str, NDArray[Any]]
    load_s: float

    def prepare(self, frame: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """What the session is fed for one frame, in memory of its own."""
        preprocess = Preprocessor(self.detector.contract)
        preprocess(frame)
        return {self.detector.contract.input_name: preprocess.tensor, **self.extra_feeds}


@dataclass(frozen=True, slots=True)
class Inference:
    """Runs the model alone on always the same input, as the detector does it."""

    session: Session
    feeds: dict[str, NDArray[Any]]
    bound: Bound | None

    def __call__(self) -> list[NDArray[Any]]:
        return self.bound.run() if self.bound else self.session.run(self.feeds)


def inference(loaded: Loaded, frame: NDArray[np.uint8]) -> Inference:
    """Of ``loaded`` on ``frame``."""
    feeds = loaded.prepare(frame)
    return Inference(loaded.session, feeds, loaded.session.bind(feeds))


def load(path: Path, contract: Stated, threads: int = 1) -> Loaded:
    """Without warm-up, so that the first run can be seen. Raises ``ModelUnusable``."""
    started_s = time.perf_counter()
    file = read_model(path)
    session = Session(file.content, threads=threads)
    settled = settle(file, session, contract)
    chosen = settled.contract
    extra = settled.picture.extra_feeds(chosen.input_width, chosen.input_height)
    detector = assembled(file, session, settled, threads=threads)
    return Loaded(detector, session, extra, time.perf_counter() - started_s)
