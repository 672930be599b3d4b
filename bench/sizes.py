"""Are lorries, tippers, tankers and coaches counted as large, and cars and vans as small?

    python -m bench.sizes [--model FILE.onnx …]

20 clips of a roadside camera (``videos/tfl`` of ``AISION_SHARED_DATA``, else ../shared/data), a
line across both carriageways; ``sizes.json`` says which crossings are of large vehicles, read by
eye from crops, and of which it cannot be told; all others are small. Trainings see every sixth
frame of these clips, without labels but those that a teacher guesses.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from bench.provenance import SHARED, print_provenance
from models_registry.builtin import DETECTOR
from sensing.domain.scene import parse_scene
from sensing.worker.detectors import build_detector
from sensing.worker.offline import analyze_recording
from sensing.worker.plan import DetectorSpec

TRUTH = Path(__file__).with_name("sizes.json")
NEAR = 6  # frames between a crossing and the one read by eye


@dataclass(slots=True)
class Sums:
    """Crossings over all clips."""

    crossings: int = 0
    large: int = 0
    large_as_large: int = 0
    small_as_large: int = 0
    unsure: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, action="append")
    cv2.setNumThreads(1)
    models = parser.parse_args().model or [DETECTOR]
    print_provenance()
    truth = json.loads(TRUTH.read_text())
    true = sum(len(x["large"]) for x in truth["clips"].values())
    for model in models:
        sums = Sums()
        for name, clip in truth["clips"].items():
            count(SHARED / "videos" / "tfl" / f"{name}.mp4", truth["line"], clip, model, sums)
        print(
            f"{model.stem}: {sums.crossings} crossings; of {true} large ones {sums.large} are"
            f" counted, {sums.large_as_large} as large; {sums.small_as_large} small ones as large;"
            f" {sums.unsure} that nobody can tell",
            flush=True,
        )


def count(
    video: Path, line: list[list[float]], clip: dict[str, Any], model: Path, sums: Sums
) -> None:
    """Adds one clip's crossings."""
    scene = parse_scene({"lines": [{"name": "road", "points": line}]})
    spec = DetectorSpec(model.stem, str(model))
    found = analyze_recording(video, scene, build_detector(spec, scene)).crossings
    left = [(x.frame_index, x.direction, x.size == "large") for x in found]
    sums.crossings += len(left)
    for frame, direction in clip["large"]:
        # Of several at once the one that is called large is taken for it.
        near = [x for x in left if x[1] == direction and abs(x[0] - frame) <= NEAR]
        if near:
            best = min(near, key=lambda x: (not x[2], abs(x[0] - frame)))
            left.remove(best)
            sums.large += 1
            sums.large_as_large += best[2]
    for frame, direction in clip["unsure"]:
        near = [x for x in left if x[1] == direction and abs(x[0] - frame) <= NEAR]
        if near:
            left.remove(min(near, key=lambda x: abs(x[0] - frame)))
            sums.unsure += 1
    sums.small_as_large += sum(x[2] for x in left)


if __name__ == "__main__":
    main()
