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
Counted = tuple[int, str, bool]  # frame, direction, whether it is called large


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
    # Of several at once the one that is called large is taken for it.
    large = [taken(left, *mark, large_first=True) for mark in clip["large"]]
    sums.large += sum(x is not None for x in large)
    sums.large_as_large += sum(x is not None and x[2] for x in large)
    unsure = [taken(left, *mark) for mark in clip["unsure"]]
    sums.unsure += sum(x is not None for x in unsure)
    sums.small_as_large += sum(x[2] for x in left)


def taken(
    left: list[Counted], frame: int, direction: str, *, large_first: bool = False
) -> Counted | None:
    """The crossing that was read by eye at ``frame``, the nearest of them; it is no longer
    ``left``."""
    near = [x for x in left if x[1] == direction and abs(x[0] - frame) <= NEAR]
    if not near:
        return None
    best = min(near, key=lambda x: (large_first and not x[2], abs(x[0] - frame)))
    left.remove(best)
    return best


if __name__ == "__main__":
    main()
