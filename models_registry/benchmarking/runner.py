"""What can be measured, as targets ``f(request, progress)`` of the sandbox: JSON in, JSON out.

A request that makes no sense raises ``MeasurementFailed`` (``request_invalid``), a model that
cannot serve ``ModelUnusable``, a set that cannot be used ``EvaluationSetInvalid``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models_registry.benchmarking import accuracy, latency, ratio
from models_registry.benchmarking.agreement import compare_detections
from models_registry.benchmarking.asked import (
    MOST_STILLS,
    MOST_THREADS,
    Progress,
    Request,
    count_of,
    counts_of,
    invalid,
    model_of,
    number_of,
    part_of,
    plain,
    stills_of,
    text_of,
    words_of,
)
from models_registry.benchmarking.blurring import blur
from models_registry.benchmarking.evaluation_set import load_set
from models_registry.benchmarking.loading import Stated, load
from models_registry.benchmarking.machine import machine
from models_registry.benchmarking.set_import import ImportWishes
from models_registry.benchmarking.set_import import import_set as import_files
from models_registry.benchmarking.stills import Frame
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import assembled
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.layouts import settle
from models_registry.runtime.model_file import ModelFile, read_model
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.session import Session
from models_registry.runtime.vehicles import one_per_vehicle

SHOWN_SCORE = 0.3
MOST_CONTRACTS = 24


def measure_latency(request: Request, progress: Progress) -> Any:
    """``model_path``, ``contract``, stills (see ``stills_of``), ``threads`` [1], ``batch_sizes``
    [1], ``frames`` 200, ``seconds`` 20 per thread count, ``warm_up_frames`` 5 →
    ``latency.Latency``."""
    cv2.setNumThreads(1)  # as the sensing workers do
    effort = latency.Effort(
        frames=count_of(request, "frames", 200, 3, 10_000),
        warm_up_frames=count_of(request, "warm_up_frames", 5, 0, 1000),
        seconds=number_of(request, "seconds", 20.0, 0.1, 3600.0),
    )
    return plain(
        latency.measure_latency(
            *model_of(request),
            stills_of(request),
            threads=counts_of(request, "threads", MOST_THREADS),
            batch_sizes=counts_of(request, "batch_sizes", 64),
            effort=effort,
            progress=progress,
        )
    )


def measure_ratio(request: Request, progress: Progress) -> Any:
    """``base`` and ``candidate`` (each ``model_path``, ``contract``), stills, ``threads`` 1,
    ``rounds`` 25, ``frames_per_round`` 4, ``seconds`` 60 → ``ratio.Ratio``."""
    cv2.setNumThreads(1)
    return plain(
        ratio.measure_ratio(
            model_of(part_of(request, "base")),
            model_of(part_of(request, "candidate")),
            stills_of(request),
            threads=count_of(request, "threads", 1, 1, MOST_THREADS),
            rounds=count_of(request, "rounds", 25, 3, 1000),
            frames_per_round=count_of(request, "frames_per_round", 4, 1, 100),
            seconds=number_of(request, "seconds", 60.0, 0.1, 3600.0),
            progress=progress,
        )
    )


def measure_accuracy(request: Request, progress: Progress) -> Any:
    """``model_path``, ``contract``, ``set_dir``, ``score_floor`` 0.01, ``max_images`` null,
    ``threads`` 1 → ``accuracy.Accuracy`` with ``settings`` and ``machine``."""
    cv2.setNumThreads(1)
    folder = Path(text_of(request, "set_dir"))
    floor = number_of(request, "score_floor", accuracy.SCORE_FLOOR, 1e-4, 0.5)
    most = None
    if request.get("max_images") is not None:
        most = count_of(request, "max_images", 1, 1, 1_000_000)
    threads = count_of(request, "threads", 1, 1, MOST_THREADS)
    detector = _detector(request, floor, threads)
    measured = accuracy.measure(
        detector, load_set(folder), folder, max_images=most, progress=progress
    )
    used = detector.contract
    settings = {
        "score_floor": floor,
        "nms_iou": used.nms_iou,
        "max_candidates": used.max_candidates,
        "max_detections": used.max_detections,
        "threads": threads,
    }
    return {**plain(measured), "settings": settings, "machine": plain(machine())}


def compare(request: Request, progress: Progress) -> Any:
    """``first`` and ``second`` (each ``model_path``, ``contract``, ``score_threshold`` 0.3),
    stills, ``boxes_of`` 0: on how many stills the boxes of both are returned →
    ``agreement.Comparison`` with ``boxes``, corners in 0–1. Agreement, never accuracy."""
    cv2.setNumThreads(1)
    sides = [part_of(request, name) for name in ("first", "second")]
    detectors = [
        _detector(x, number_of(x, "score_threshold", SHOWN_SCORE, 1e-4, 1.0)) for x in sides
    ]
    stills = stills_of(request)
    shown = count_of(request, "boxes_of", 0, 0, MOST_STILLS)
    pairs: list[tuple[Detections, Detections]] = []
    for index, still in enumerate(stills):
        first, second = (x.detect(still, 0.0) for x in detectors)
        pairs.append((first, second))
        progress((index + 1) / len(stills), f"{index + 1} of {len(stills)} pictures")
    boxes = [
        {"first": boxes_json(first, still), "second": boxes_json(second, still)}
        for (first, second), still in zip(pairs[:shown], stills, strict=False)
    ]
    thresholds = [x.contract.score_threshold for x in detectors]
    found = plain(compare_detections(pairs))
    return {**found, "score_thresholds": thresholds, "boxes": boxes}


def preview(request: Request, progress: Progress) -> Any:
    """``model_path``, one still, ``contracts`` (each complete or partial), ``score_threshold`` 0.3
    → per contract its ``boxes`` (corners in 0–1, one per vehicle, as cameras have it) and the
    complete ``contract``, or ``error``."""
    cv2.setNumThreads(1)
    path, _ = model_of(request)
    contracts = request.get("contracts")
    listed = isinstance(contracts, list) and all(isinstance(x, dict) for x in contracts)
    if not isinstance(contracts, list) or not listed or not 1 <= len(contracts) <= MOST_CONTRACTS:
        raise invalid("contracts", f"1–{MOST_CONTRACTS} JSON objects", contracts)
    score = number_of(request, "score_threshold", SHOWN_SCORE, 1e-4, 1.0)
    still = stills_of(request)[0]
    file = read_model(path)
    session = Session(file.content)
    results = []
    for index, contract in enumerate(contracts):
        try:
            answer = _read_under(contract, score, still, file, session)
        except ModelUnusable as error:
            answer = {"error": {"code": error.code, "message": error.message}}
        results.append(answer)
        progress((index + 1) / len(contracts), f"contract {index + 1} of {len(contracts)}")
    return {"width_px": still.shape[1], "height_px": still.shape[0], "results": results}


def _read_under(
    contract: dict[str, Any], score: float, still: Frame, file: ModelFile, session: Session
) -> dict[str, Any]:
    own = settle(file, session, contract).contract
    # The threshold is for looking; the contract that is returned keeps its own.
    shown = replace(own, score_threshold=score)
    settled = settle(file, session, shown)
    detector = assembled(file, session, settled)
    boxes = boxes_json(one_per_vehicle(detector.detect(still, 0.0)), still)
    return {"error": None, "contract": own.to_json(), "boxes": boxes}


def blur_stills(request: Request, progress: Progress) -> Any:
    """``model_path``, ``contract``, stills, ``score_threshold`` 0.1 → per still ``jpeg`` (bytes, no
    metadata), ``heads`` and ``plates`` covered. What it cannot do: see ``blurring``."""
    cv2.setNumThreads(1)
    detector = _detector(request, number_of(request, "score_threshold", 0.1, 1e-4, 1.0))
    stills = stills_of(request)
    answers = []
    for index, still in enumerate(stills):
        done = blur(still, detector.detect(still, 0.0))
        _, jpeg = cv2.imencode(".jpg", done.frame, [cv2.IMWRITE_JPEG_QUALITY, 92])
        answers.append({"jpeg": jpeg.tobytes(), "heads": done.heads, "plates": done.plates})
        progress((index + 1) / len(stills), f"{index + 1} of {len(stills)} pictures")
    return {"stills": answers}


def import_set(request: Request, progress: Progress) -> Any:
    """``path`` (folder or zip) and ``folder`` to write the stored form to; ``format``,
    ``class_names``, ``classes_covered``, ``rename``, ``split``, ``annotations`` as in
    ``ImportWishes`` → ``set_import.ImportSummary``."""
    rename = request.get("rename", {})
    if not isinstance(rename, dict) or not all(isinstance(x, str) for x in rename.values()):
        raise invalid("rename", "an object of words", rename)
    covered = request.get("classes_covered")
    wishes = ImportWishes(
        format=text_of(request, "format", ""),
        class_names=words_of(request, "class_names"),
        classes_covered=None if covered is None else words_of(request, "classes_covered"),
        rename=rename,
        split=text_of(request, "split", ""),
        annotations=text_of(request, "annotations", ""),
    )
    path, folder = Path(text_of(request, "path")), Path(text_of(request, "folder"))
    return plain(import_files(path, folder, wishes, progress))


def boxes_json(found: Detections, still: Frame) -> list[dict[str, Any]]:
    """Class, score and corners in 0–1 of each box, strongest first."""
    size = np.array([still.shape[1], still.shape[0]] * 2, np.float64)
    return [
        {"class": name, "score": round(float(score), 4), "xyxy": [round(x, 5) for x in corners]}
        for name, score, corners in zip(
            found.class_names(), found.confidence, (found.xyxy / size).tolist(), strict=True
        )
    ]


def _detector(request: Request, score_threshold: float, threads: int = 1) -> OnnxDetector:
    path, contract = model_of(request)
    return load(path, _with_threshold(contract, score_threshold), threads).detector


def _with_threshold(contract: Stated, score_threshold: float) -> Stated:
    if isinstance(contract, ModelContract):
        return replace(contract, score_threshold=score_threshold)
    return {**(contract or {}), "score_threshold": score_threshold}
