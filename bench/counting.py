"""Counts on recordings with a manual count: event precision, recall and F1 for each model.

    python -m bench.counting [--model motion --model FILE.onnx …] [--alone] [--simulated [S]]

The recordings and their counts are those of ``AISION_SHARED_DATA`` (else ../shared/data); without
``--model`` the detector that ships counts. ``--simulated`` adds a simulated road by day, at dusk
and night, in rain, snow and fog, each so long (300 s), rendered and scored against its exact truth;
no training knows their seeds. ``--alone``: models without motion to vouch for their weak boxes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import cv2

from bench.provenance import SHARED, print_provenance
from models_registry.builtin import DETECTOR
from sensing.domain.scene import parse_scene
from sensing.simulation import parse_simulation_url, render_clip
from sensing.worker.detectors import MOTION, build_detector
from sensing.worker.offline import analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.offline_score import as_text, score_directory
from sensing.worker.plan import DetectorSpec

CLIPS = ("opendatacam_street", "suburban_street", "car_park_top_down", "one_by_one_persons")
CONDITIONS = ("", "&time=dusk", "&time=night", "&weather=rain", "&weather=snow", "&weather=fog")


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    print_provenance()
    with tempfile.TemporaryDirectory() as folder:
        for video, truth in recordings(options.simulated, Path(folder)):
            for model in options.model:
                measure(video, truth, model, Path(folder) / "out", alone=options.alone)


def recordings(simulated_s: int, folder: Path) -> list[tuple[Path, Path]]:
    """(video, truth) of everything to count on."""
    found = []
    for name in CLIPS:
        truth = SHARED / "ground_truth" / f"{name}.json"
        if truth.is_file():
            found.append((SHARED / json.loads(truth.read_text())["video"], truth))
        else:
            print(f"left out, not at hand: {truth.name}")
    for words in CONDITIONS if simulated_s else ():
        url = f"sim://road?seed=403&duration={simulated_s}{words}"
        print(f"renders {url}", flush=True)
        clip = render_clip(parse_simulation_url(url), folder)
        found.append((clip.video_path, clip.truth_path))
    return found


def measure(video: Path, truth: Path, model: str, out: Path, *, alone: bool) -> None:
    scene = parse_scene(json.loads(truth.read_text()))
    spec = DetectorSpec() if model == MOTION else DetectorSpec(Path(model).stem, model, alone=alone)
    analysis = analyze_recording(video, scene, build_detector(spec, scene))
    write_results(out, analysis, scene, {})
    cost = sum(analysis.cpu_ms_per_frame().values())
    print(f"\n== {video.name}, {spec.name}: {cost:.1f} ms CPU per frame")
    print(as_text(score_directory(out, truth)), flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", action="append")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--simulated", type=int, nargs="?", const=300, default=0)
    options = parser.parse_args()
    options.model = options.model or [str(DETECTOR)]
    return options


if __name__ == "__main__":
    main()
