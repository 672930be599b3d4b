"""Selective attention: detector time saved and events lost, on quiet and on busy cameras.

    python -m bench.lightweight.attention [--model FILE.onnx] [--regions FILE.onnx] [--fps N]
                                          [--clip NAME_OR_URL …]

Each clip is counted twice in one run, with attention before the detector and without. The time is
CPU time, and attention's own work (the region model, the bookkeeping) is part of it. Both answers
pass through the same tracking and counting, and are scored against the same count. Recordings and
their counts are those of ``AISION_SHARED_DATA`` (else ../shared/data), without which only the
simulated cameras are measured.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from bench.provenance import SHARED, print_provenance
from models_registry.runtime.attention import REGION_MODEL, load_attentive
from models_registry.runtime.detector import Detector, load_detector
from sensing.domain.scene import parse_scene
from sensing.simulation import parse_simulation_url, render_clip
from sensing.worker.offline import analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.offline_score import Scores, score_directory

QUIET = (
    "sim://road?seed=61&flow=60&duration=90",
    "sim://road?seed=62&flow=60&duration=300&weather=rain",
    "sim://road?seed=63&flow=60&duration=300&time=night",
)
BUSY = ("sim://road?seed=64&flow=1200&duration=120",)
CLIPS = ("suburban_street", "car_park_top_down", "one_by_one_persons", "opendatacam_street")


NO_DETECTOR = ("decode", "track", "sense")


@dataclass(frozen=True)
class Clip:
    name: str
    video: Path
    truth: Path


@dataclass(frozen=True)
class Measured:
    """``detect_ms``: CPU per analysed frame of everything before tracking, decoding left out."""

    scores: Scores
    frames: int
    detect_ms: float
    own_ms: float


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    print_provenance()
    print(f"region model: {options.regions.name}, {options.regions.stat().st_size} bytes\n")
    print(
        "| clip | frames | whole / parts / none | plain ms | attentive ms | own ms | saved |"
        " F1 plain | F1 attentive | events | lost | gained |"
    )
    print("|---" * 12 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips(options.clip or [*CLIPS, *QUIET, *BUSY], Path(options.keep or folder)):
            measure(clip, options, Path(folder) / "out")


def clips(names: list[str], folder: Path) -> Iterator[Clip]:
    """Simulated cameras are rendered when it is their turn."""
    for name in names:
        if name.startswith("sim://"):
            made = render_clip(parse_simulation_url(name), folder)
            yield Clip(name, made.video_path, made.truth_path)
            continue
        truth = SHARED / "ground_truth" / f"{name}.json"
        if truth.is_file():
            yield Clip(name, SHARED / json.loads(truth.read_text())["video"], truth)
        else:
            print(f"left out, not at hand: {truth.name}")


def measure(clip: Clip, options: argparse.Namespace, out: Path) -> None:
    attentive = load_attentive(options.model, region_model=options.regions)
    mine = count(clip, attentive, options.fps, out)
    plain = count(clip, load_detector(options.model), options.fps, out)
    asked = attentive.looks
    looks = [
        f"{x / mine.frames:.1%}"
        for x in (asked["whole"] + asked["crowded"], asked["parts"], asked["none"])
    ]
    lost = missed(mine.scores) - missed(plain.scores)
    gained = missed(plain.scores) - missed(mine.scores)
    print(
        f"| {clip.name} | {mine.frames} | {' / '.join(looks)}"
        f" | {plain.detect_ms:.2f} | {mine.detect_ms:.2f} | {mine.own_ms:.2f}"
        f" | {plain.detect_ms / mine.detect_ms:.1f} ×"
        f" | {f1(plain.scores)} | {f1(mine.scores)} | {events(plain.scores)}"
        f" | {len(lost)} | {len(gained)} |",
        flush=True,
    )


def count(clip: Clip, detector: Detector, fps: float, out: Path) -> Measured:
    """The clip through detector, tracking and counting, as ``analyze`` and ``score`` do it."""
    scene = parse_scene(json.loads(clip.truth.read_text()))
    analysis = analyze_recording(clip.video, scene, detector, analysed_fps=fps)
    write_results(out, analysis, scene, {})
    cost = analysis.cpu_ms_per_frame()
    return Measured(
        score_directory(out, clip.truth),
        analysis.frames_analysed,
        sum(ms for stage, ms in cost.items() if stage not in NO_DETECTOR),
        cost.get("attention", 0.0),
    )


def missed(scores: Scores) -> set[object]:
    """True events and visits that were not found."""
    parts = (*scores.lines.values(), *scores.zones.values())
    return {event for part in parts for event in part.missed}


def events(scores: Scores) -> int:
    return sum(part.truth for part in (*scores.lines.values(), *scores.zones.values()))


def f1(scores: Scores) -> str:
    """Of all lines and zones together."""
    parts = (*scores.lines.values(), *scores.zones.values())
    matched, found = sum(x.matched for x in parts), sum(x.found for x in parts)
    return f"{2 * matched / max(1, found + events(scores)):.3f}".removeprefix("0")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=SHARED / "models" / "yolox_nano_416.onnx")
    parser.add_argument("--regions", type=Path, default=REGION_MODEL)
    parser.add_argument("--clip", action="append", help="a clip or a sim:// URL; default: all")
    parser.add_argument("--fps", type=float, default=10.0, help="frames analysed per second")
    parser.add_argument("--keep", help="folder for rendered clips (default: thrown away)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
