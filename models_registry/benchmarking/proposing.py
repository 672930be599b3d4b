"""One camera's still on its way into an evaluation set: boxes proposed, plates covered."""

from __future__ import annotations

from typing import Any

import cv2

from models_registry.benchmarking.asked import Progress, Request, model_of, number_of, stills_of
from models_registry.benchmarking.blurring import blur
from models_registry.benchmarking.loading import load
from models_registry.benchmarking.runner import boxes_json
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.vehicles import one_per_vehicle

# Weak boxes are worth covering: a region covered for nothing costs less than a face that is kept.
COVERED_SCORE = 0.1


def prepare_stills(request: Request, progress: Progress) -> Any:
    """``model_path``, complete ``contract``, stills, ``blur`` false, ``score_threshold`` 0.3 →
    per still ``jpeg`` (bytes; null where not blurred), ``heads``, ``plates``, ``boxes`` (corners
    in 0–1, one per vehicle). Boxes are found on the clear picture."""
    cv2.setNumThreads(1)
    path, contract = model_of(request)
    shown = number_of(request, "score_threshold", 0.3, 1e-4, 1.0)
    covers = request.get("blur") is True
    least = min(COVERED_SCORE, shown) if covers else shown
    stated = contract.to_json() if isinstance(contract, ModelContract) else dict(contract or {})
    detector = load(path, {**stated, "score_threshold": least}).detector
    answers = []
    stills = stills_of(request)
    for index, still in enumerate(stills):
        found = detector.detect(still, 0.0)
        jpeg, heads, plates = None, 0, 0
        if covers:
            done = blur(still, found)
            heads, plates = done.heads, done.plates
            _, encoded = cv2.imencode(".jpg", done.frame, [cv2.IMWRITE_JPEG_QUALITY, 92])
            jpeg = encoded.tobytes()
        boxes = boxes_json(one_per_vehicle(found.select(found.confidence >= shown)), still)
        answers.append({"jpeg": jpeg, "heads": heads, "plates": plates, "boxes": boxes})
        progress((index + 1) / len(stills), f"{index + 1} of {len(stills)} pictures")
    return {"stills": answers}
