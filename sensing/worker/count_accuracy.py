"""A model's counts on an annotated clip, as a target of the sandbox: JSON in, JSON out."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2

from models_registry.benchmarking.asked import plain
from models_registry.benchmarking.machine import machine
from models_registry.runtime.detector import load_detector
from sensing.domain.scene import Scene
from sensing.worker.count_truth import CountsImpossible, truth_scene
from sensing.worker.offline import Analysis, Progress, analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.offline_score import ScoreImpossible, as_document, score_directory
from sensing.worker.recording import RecordingUnusable


def count_accuracy(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> Any:
    """``model_path``, ``contract``, ``clip``, ``truth``, ``analysed_fps`` null, ``threads`` 1 → the
    scores per line and zone, ``wape`` over the totals per line and direction, speed, ``machine``.

    Raises ``CountsImpossible`` and ``ModelUnusable``.
    """
    cv2.setNumThreads(1)
    scene = truth_scene(request["truth"])
    detector = load_detector(
        Path(request["model_path"]), request["contract"], threads=int(request.get("threads", 1))
    )

    def report(now: Progress) -> None:
        progress(min(now.share or 0.0, 0.99), f"{now.frames_per_s:.1f} frames/s")

    try:
        analysis = analyze_recording(
            Path(request["clip"]),
            scene,
            detector,
            analysed_fps=request.get("analysed_fps"),
            progress=report,
        )
    except RecordingUnusable as problem:
        raise CountsImpossible("clip_unusable", str(problem)) from problem
    scores = scored(analysis, scene, request["truth"])
    speed = {
        "frames": analysis.frames_analysed,
        "duration_s": round(analysis.duration_s, 3),
        "wall_s": round(analysis.wall_s, 3),
        "cpu_ms_per_frame": {k: round(v, 3) for k, v in analysis.cpu_ms_per_frame().items()},
    }
    totals = direction_totals(analysis, scene, request["truth"])
    return {
        **scores,
        "directions": totals,
        "wape": wape(totals),
        **speed,
        "machine": plain(machine()),
    }


def scored(analysis: Analysis, scene: Scene, truth: Any) -> dict[str, Any]:
    """Event and visit scores of an analysis. Raises ``CountsImpossible``."""
    with tempfile.TemporaryDirectory() as folder:
        found, file = Path(folder) / "found", Path(folder) / "truth.json"
        file.write_text(json.dumps(truth))
        write_results(found, analysis, scene, {})
        try:
            return as_document(score_directory(found, file))
        except ScoreImpossible as problem:
            raise CountsImpossible("truth_invalid", str(problem)) from problem


def direction_totals(analysis: Analysis, scene: Scene, truth: Any) -> list[dict[str, Any]]:
    """Found and true crossings of each line in each direction."""
    names = {line.id: line.name for line in scene.lines}
    known = names | {name: name for name in names.values()}
    found = Counter((names[x.line_id], x.direction) for x in analysis.crossings)
    true = Counter(
        (known.get(str(x.get("line")), ""), str(x.get("direction")))
        for x in truth.get("crossings", [])
    )
    return [
        {
            "line": name,
            "direction": direction,
            "found": found[name, direction],
            "truth": true[name, direction],
        }
        for name in names.values()
        for direction in ("forward", "backward")
    ]


def wape(totals: list[dict[str, Any]]) -> float | None:
    """Σ |found − true| ÷ Σ true over the totals; None without a true crossing."""
    true = sum(x["truth"] for x in totals)
    wrong = sum(abs(x["found"] - x["truth"]) for x in totals)
    return round(wrong / true, 4) if true else None
