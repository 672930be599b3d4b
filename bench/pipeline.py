"""What the pipeline costs beside decoding and inference alone, for one camera.

    python -m bench.pipeline [--video FILE] [--model FILE] [--scene FILE]

The two are measured in turn on blocks of the same frames, in CPU time of this thread, so that the
machine's moods hit both. Aim: (decode + detect + track + sense) ÷ (decode + inference) ≤ 1.25.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.provenance import SHARED, print_provenance
from models_registry.runtime.onnx_detector import OnnxDetector
from models_registry.runtime.session import Session
from sensing.domain.scene import parse_scene
from sensing.worker.detectors import build_detector
from sensing.worker.pipeline import Pipeline
from sensing.worker.plan import DetectorSpec

BLOCK = 20


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    print_provenance()
    print(f"video {options.video.name}, model {options.model.name}")
    scene = parse_scene(json.loads(options.scene.read_text()))
    detector = build_detector(DetectorSpec(options.model.stem, str(options.model)))
    assert isinstance(detector, OnnxDetector), "expected an ONNX model"
    pipeline = Pipeline(scene, detector)
    contract = detector.contract
    session = Session(options.model.read_bytes())
    shape = (1, 3, contract.input_height, contract.input_width)
    feeds = {contract.input_name: np.full(shape, 114, np.float32)}
    alone, whole = cv2.VideoCapture(str(options.video)), cv2.VideoCapture(str(options.video))
    fps = alone.get(cv2.CAP_PROP_FPS) or 25.0
    ratios, totals, stages = [], {"alone": 0.0, "whole": 0.0}, dict[str, list[float]]()
    frames = 0
    while frames < options.frames:
        base_s, count = time_alone(alone, session, feeds)
        full_s, stage_ms = time_whole(whole, pipeline, frames, fps)
        if count < BLOCK:
            break
        if frames >= 2 * BLOCK:  # the first blocks warm caches and tracks
            ratios.append(full_s / base_s)
            totals["alone"] += base_s
            totals["whole"] += full_s
            for name, values in stage_ms.items():
                stages.setdefault(name, []).extend(values)
        frames += count
    measured = len(ratios) * BLOCK
    print(f"{measured} frames in {len(ratios)} blocks of {BLOCK}; CPU ms per frame:")
    print(f"  decode + inference alone {totals['alone'] / measured * 1e3:8.2f}")
    print(f"  whole pipeline           {totals['whole'] / measured * 1e3:8.2f}")
    for name, values in stages.items():
        print(f"    {name:<23}{np.median(values):8.2f} (median)")
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    print(f"ratio: median {middle:.3f} (10–90 %: {low:.3f}–{high:.3f}); aim ≤ 1.25")


def time_alone(
    capture: cv2.VideoCapture, session: Session, feeds: dict[str, NDArray[Any]]
) -> tuple[float, int]:
    """CPU seconds to decode and infer one block, and how many frames there still were."""
    begun, count = time.thread_time(), 0
    for _ in range(BLOCK):
        read, _frame = capture.read()
        if not read:
            break
        session.run(feeds)
        count += 1
    return time.thread_time() - begun, count


def time_whole(
    capture: cv2.VideoCapture, pipeline: Pipeline, first: int, fps: float
) -> tuple[float, dict[str, list[float]]]:
    """CPU seconds for the same block through the whole pipeline, and its stages in ms."""
    stages: dict[str, list[float]] = {}
    begun = time.thread_time()
    for index in range(first, first + BLOCK):
        read, frame = capture.read()
        if not read:
            break
        result = pipeline.step(np.asarray(frame, np.uint8), index / fps, index)
        for name, ms in {**pipeline.detector.stage_ms, **result.stage_ms}.items():
            stages.setdefault(name, []).append(ms)
    return time.thread_time() - begun, stages


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    street = SHARED / "videos" / "opendatacam_street_640x360.mp4"
    truth = SHARED / "ground_truth" / "opendatacam_street.json"
    parser.add_argument("--video", type=Path, default=street)
    parser.add_argument("--model", type=Path, default=SHARED / "models" / "yolox_nano_416.onnx")
    parser.add_argument("--scene", type=Path, default=truth)
    parser.add_argument("--frames", type=int, default=480)
    options = parser.parse_args()
    for path in (options.video, options.model, options.scene):
        if not path.is_file():
            parser.error(f"expected a file, found none at {path}")
    return options


if __name__ == "__main__":
    main()
