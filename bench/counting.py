"""Counts on recordings with a manual count: event precision, recall and F1 for each model.

    python -m bench.counting [--model motion --model FILE.onnx …] [--simulated]

The recordings and their counts are those of ``AISION_SHARED_DATA`` (else ../shared/data).
``--simulated`` adds ten minutes of a simulated road, rendered and scored against its exact truth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import cv2

from bench.provenance import SHARED, print_provenance
from sensing.domain.scene import parse_scene
from sensing.simulation import parse_simulation_url, render_clip
from sensing.worker.detectors import MOTION, build_detector
from sensing.worker.offline import analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.offline_score import as_text, score_directory
from sensing.worker.plan import DetectorSpec

CLIPS = ("opendatacam_street", "suburban_street", "car_park_top_down", "one_by_one_persons")
ROAD = "sim://road?seed=3&duration=600"


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    print_provenance()
    with tempfile.TemporaryDirectory() as folder:
        for video, truth in recordings(options.simulated, Path(folder)):
            for model in options.model:
                measure(video, truth, model, Path(folder) / "out")


def recordings(simulated: bool, folder: Path) -> list[tuple[Path, Path]]:
    """(video, truth) of everything to count on."""
    found = []
    for name in CLIPS:
        truth = SHARED / "ground_truth" / f"{name}.json"
        if truth.is_file():
            found.append((SHARED / json.loads(truth.read_text())["video"], truth))
        else:
            print(f"left out, not at hand: {truth.name}")
    if simulated:
        clip = render_clip(parse_simulation_url(ROAD), folder)
        found.append((clip.video_path, clip.truth_path))
    return found


def measure(video: Path, truth: Path, model: str, out: Path) -> None:
    scene = parse_scene(json.loads(truth.read_text()))
    spec = DetectorSpec() if model == MOTION else DetectorSpec(Path(model).stem, model)
    analysis = analyze_recording(video, scene, build_detector(spec, scene))
    write_results(out, analysis, scene, {})
    cost = sum(analysis.cpu_ms_per_frame().values())
    print(f"\n== {video.name}, {spec.name}: {cost:.1f} ms CPU per frame")
    print(as_text(score_directory(out, truth)))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", action="append")
    parser.add_argument("--simulated", action="store_true")
    options = parser.parse_args()
    nano = SHARED / "models" / "yolox_nano_416.onnx"
    options.model = options.model or [MOTION, *([str(nano)] if nano.is_file() else [])]
    return options


if __name__ == "__main__":
    main()
