"""What it costs that a model runs in a process of its own.

    python -m bench.isolation [--model FILE] [--frames 200]

Blocks of the same frames go through the model in this process and in its own, in turn. CPU is that
of this thread plus that of the other process; wall is what the caller waits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.provenance import SHARED, print_provenance
from models_registry.runtime.detector import load_detector
from models_registry.runtime.isolated import IsolatedDetector
from models_registry.runtime.onnx_detector import OnnxDetector

SIZES = ((640, 360), (1280, 720), (1920, 1080))
BLOCK = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=SHARED / "models" / "yolox_nano_416.onnx")
    parser.add_argument("--frames", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print_provenance()
    here = load_detector(options.model)
    begun = time.perf_counter()
    apart = IsolatedDetector(options.model)
    while not apart.loaded(1.0):
        pass
    print(f"{options.model.name}: loaded in its own process in {time.perf_counter() - begun:.2f} s")
    print("per frame, in ms; median (10–90 %)")
    for width, height in SIZES:
        measure(here, apart, frames_of(width, height, options.frames), f"{width}×{height}")
    apart.close()


def frames_of(width: int, height: int, count: int) -> list[NDArray[np.uint8]]:
    """A few frames of a street, again and again: all of a Full HD video would not fit."""
    video = cv2.VideoCapture(str(SHARED / "videos" / "opendatacam_street_640x360.mp4"))
    few = [np.asarray(cv2.resize(video.read()[1], (width, height)), np.uint8) for _ in range(20)]
    return [few[at % len(few)] for at in range(count)]


def measure(
    here: OnnxDetector, apart: IsolatedDetector, frames: list[NDArray[np.uint8]], title: str
) -> None:
    rows = []
    for first in range(0, len(frames), BLOCK):
        block = frames[first : first + BLOCK]
        rows.append((*cost(here, block, None), *cost(apart, block, apart.pid)))
    figures = np.array(rows[1:]) * 1e3
    print(
        f"{title:>10}: here wall {middle(figures[:, 0])} CPU {middle(figures[:, 1])};"
        f" apart wall {middle(figures[:, 3])} CPU {middle(figures[:, 4])}"
        f" of which the caller's {middle(figures[:, 5])}\n"
        f"{'':>12}apart minus here: wall {middle(figures[:, 3] - figures[:, 0])},"
        f" CPU {middle(figures[:, 4] - figures[:, 1])}"
    )


def cost(
    detector: OnnxDetector | IsolatedDetector, block: list[NDArray[np.uint8]], pid: int | None
) -> tuple[float, float, float]:
    """Seconds per frame: of the clock, of all CPUs, of the caller's CPU."""
    other_clock = None if pid is None else (~pid << 3) | 2  # the kernel's name for its CPU clock
    other = 0.0 if other_clock is None else time.clock_gettime(other_clock)
    wall, own = time.perf_counter(), time.thread_time()
    for frame in block:
        detector.detect(frame, 0.0)
    wall, own = time.perf_counter() - wall, time.thread_time() - own
    other = 0.0 if other_clock is None else time.clock_gettime(other_clock) - other
    return wall / len(block), (own + other) / len(block), own / len(block)


def middle(values: NDArray[np.float64]) -> str:
    low, median, high = np.percentile(values, [10, 50, 90])
    return f"{median:.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    main()
