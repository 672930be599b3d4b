"""One interface over everything that finds objects on a frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.canvas import Size, on_canvas
from models_registry.runtime.contract import ContractInvalid, ModelContract, check_names
from models_registry.runtime.detections import Detections
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.layouts import Settled, settle
from models_registry.runtime.model_file import ModelFile, read_model
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.session import Session

__all__ = ["Detector", "ModelUnusable", "assembled", "at_size", "detector_of", "load_detector"]


class Detector(Protocol):
    """Finds objects on the frames of one camera; not to be shared between threads.

    ``stage_ms`` holds the milliseconds that the last ``detect`` took by stage.
    """

    name: str
    labels: tuple[str, ...]
    stage_ms: dict[str, float]

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """Objects on a BGR frame (H, W, 3), boxes in its pixels; ``time_s`` is the frame's time."""
        ...

    def reset(self) -> None:
        """Forget what was learnt of the scene: a new stream, or another resolution."""
        ...


def load_detector(
    model_path: Path,
    contract: ModelContract | dict[str, Any] | None = None,
    *,
    threads: int = 1,
    warm_up: bool = True,
) -> OnnxDetector:
    """The detector of an ONNX file.

    ``contract`` may be complete, a dict with only what the file does not tell, or ``None``; then
    a JSON contract of the same name beside the file counts, if there is one. ``warm_up`` runs it
    once more on an empty frame, so that the first real one is not slow. Raises ``ModelUnusable``.
    """
    stated = contract if contract is not None else _contract_beside(model_path)
    return detector_of(read_model(model_path), stated, threads=threads, warm_up=warm_up)


def detector_of(
    file: ModelFile,
    stated: ModelContract | dict[str, Any] | None,
    *,
    threads: int = 1,
    warm_up: bool = True,
) -> OnnxDetector:
    """``load_detector`` for a file that is read already."""
    session = Session(file.content, threads=threads)
    detector = assembled(file, session, settle(file, session, stated), threads=threads)
    if warm_up:
        chosen = detector.contract
        detector.detect(np.zeros((chosen.input_height, chosen.input_width, 3), np.uint8), 0.0)
    return detector


def assembled(
    file: ModelFile, session: Session, settled: Settled, *, threads: int = 1
) -> OnnxDetector:
    """The detector of a session whose contract is settled, on every canvas that it names.

    Raises ``ModelUnusable`` where the graph is tied to its size.
    """
    chosen = settled.contract
    return OnnxDetector(
        file.name,
        session,
        chosen,
        settled.decoder,
        extra_feeds=settled.picture.extra_feeds(chosen.input_width, chosen.input_height),
        threads=threads,
        others=[at_size(file, chosen, x, threads) for x in chosen.canvases],
    )


def at_size(file: ModelFile, contract: ModelContract, size: Size, threads: int) -> OnnxDetector:
    """The same weights on one canvas of another size (width, height). Raises ``ModelUnusable``
    (``contract_mismatch``) where the graph is tied to its own."""
    resized = ModelFile(file.name, on_canvas(file.content, contract, size), file.pixel_range)
    stated = replace(contract, input_width=size[0], input_height=size[1], canvases=())
    try:
        return detector_of(resized, stated, threads=threads)
    except ModelUnusable as error:
        raise ModelUnusable(
            "contract_mismatch",
            f"expected a model that runs on a canvas of {size[0]}×{size[1]}: {error.message}",
        ) from error


def _contract_beside(model_path: Path) -> dict[str, Any] | None:
    path = model_path.with_suffix(".json")
    try:
        return check_names(path.read_bytes()) if path.is_file() else None
    except ContractInvalid as error:
        raise ModelUnusable("contract_invalid", f"{path.name}: {error}") from error
