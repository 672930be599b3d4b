"""Time to track and count one frame of 10, 50 and 100 moving objects, on one thread.

    python -m bench.tracking

Aims: 1 ms at 50 objects, 2 ms at 100 (median). Prints the machine, the command and the commit.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from bench.provenance import print_provenance
from models_registry.runtime.detections import Detections
from sensing.domain.scene import Scene, parse_scene
from sensing.domain.tracking import Tracker
from sensing.modules import build_modules

WIDTH, HEIGHT, FPS = 1920, 1080, 10.0
LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck")


def traffic(count: int, frames: int, seed: int) -> list[Detections]:
    """Objects in ten lanes that go round, with jitter, misses, doubtful looks and doubled boxes."""
    rng = np.random.default_rng(seed)
    lane, place = np.arange(count) % 10, np.arange(count) // 10
    spacing = WIDTH / max(1.0, count / 10)
    y = 60.0 + lane * 100.0
    x = (place + rng.uniform(0, 0.4, count)) * spacing
    speed = np.where(lane % 2 == 0, 1, -1) * (60.0 + 20.0 * lane)
    size = np.stack([rng.uniform(50, 90, count), rng.uniform(35, 60, count)], axis=1)
    result = []
    for frame in range(frames):
        centre = np.stack([(x + speed * frame / FPS) % WIDTH, y], axis=1)
        centre += rng.normal(0, 1.5, centre.shape)
        seen = rng.random(count) > 0.03
        twin = seen & (rng.random(count) < 0.05)
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        confidence = np.where(rng.random(count) < 0.15, 0.25, 0.8)
        result.append(
            Detections(
                np.concatenate([boxes[seen], boxes[twin]]).astype(np.float32),
                np.concatenate([confidence[seen], confidence[twin] * 0.8]).astype(np.float32),
                np.concatenate([np.full(seen.sum(), 2), np.full(twin.sum(), 5)]).astype(np.int32),
                LABELS,
            )
        )
    return result


def scene() -> Scene:
    """Two lines and a zone, both modules on: what a camera usually has."""
    return parse_scene(
        {
            "lines": [
                {"name": "west", "points": [[0.3, 0.0], [0.3, 1.0]]},
                {"name": "east", "points": [[0.7, 0.0], [0.7, 1.0]]},
            ],
            "zones": [
                {"name": "middle", "points": [[0.4, 0.2], [0.6, 0.2], [0.6, 0.8], [0.4, 0.8]]}
            ],
            "modules": [{"kind": "vehicle_traffic"}, {"kind": "person_count"}],
        }
    )


def measure(count: int, frames: int, modules: int) -> dict[str, float]:
    """Milliseconds per frame by column of the table, and living tracks per frame.

    The median is of wall time; ``cpu`` is the median of this thread's own time, which other work on
    the machine disturbs less.
    """
    detections = traffic(count, frames, seed=count)
    tracker = Tracker()
    active = build_modules(scene(), WIDTH, HEIGHT)[:modules]
    wall, cpu, tracking, living = [], [], [], []
    for frame, found in enumerate(detections):
        wall_begin, cpu_begin = time.perf_counter(), time.thread_time()
        tracks = tracker.update(found, frame / FPS)
        tracked = time.perf_counter()
        for module in active:
            module.step(tracks, frame / FPS, frame)
        cpu.append((time.thread_time() - cpu_begin) * 1e3)
        wall.append((time.perf_counter() - wall_begin) * 1e3)
        tracking.append((tracked - wall_begin) * 1e3)
        living.append(len(tracks))
    warm = frames // 10
    return {
        "median": float(np.median(wall[warm:])),
        "p95": float(np.percentile(wall[warm:], 95)),
        "cpu": float(np.median(cpu[warm:])),
        "tracking": float(np.median(tracking[warm:])),
        "tracks": float(np.mean(living[warm:])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=400)
    frames = parser.parse_args().frames
    print_provenance()
    columns = ("median", "p95", "cpu", "tracking", "tracks")
    print("objects  modules          " + "".join(f"{name:>10}" for name in columns) + "   (ms)")
    for count in (10, 50, 100):
        for modules, name in ((1, "vehicle_traffic"), (2, "+ person_count")):
            row = measure(count, frames, modules)
            cells = "".join(f"{row[column]:>10.2f}" for column in columns)
            print(f"{count:>7}  {name:<17}{cells}")


if __name__ == "__main__":
    main()
