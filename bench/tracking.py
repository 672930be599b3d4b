"""Time to track and count one frame of 10, 50 and 100 moving objects, on one thread.

    python -m bench.tracking [--speed]

Aims: 1 ms at 50 objects, 2 ms at 100 (median). ``--speed`` measures speeds on a calibrated road as
well, and follows movements and heat, as a camera's worker does. Prints the machine, the command and
the commit.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from bench.provenance import print_provenance
from models_registry.runtime.detections import Detections
from sensing.domain.calibration import PointMarks, RoadPoint, calibrate
from sensing.domain.counting import HEIR_S
from sensing.domain.heat import HeatMap
from sensing.domain.memory import CameraMemories
from sensing.domain.results import Crossing
from sensing.domain.road import CameraRoad, road_for
from sensing.domain.scene import Scene, parse_scene
from sensing.domain.tracking import Tracker
from sensing.domain.trips import Trips
from sensing.modules import CameraView, build_modules
from sensing.simulation.camera import PerspectiveCamera

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


def road() -> CameraRoad | None:
    """Seen from high above, so that all of the picture lies before the horizon."""
    camera = PerspectiveCamera(int(WIDTH), int(HEIGHT), 1600.0, 0.0, 60.0, 3.0, 55.0)
    ground = np.array([(x, y) for y in (25.0, 45.0, 70.0) for x in (-15.0, 15.0)])
    pixels = camera.project(np.column_stack([ground, np.zeros(len(ground))]))[0]
    points = [
        RoadPoint((u / WIDTH, v / HEIGHT), (x, y))
        for (u, v), (x, y) in zip(pixels.tolist(), ground.tolist(), strict=True)
    ]
    marks = PointMarks(tuple(p for p in points if 0 <= p.image[0] <= 1 and 0 <= p.image[1] <= 1))
    return road_for(calibrate(marks, int(WIDTH), int(HEIGHT)), int(WIDTH), int(HEIGHT))


def measure(count: int, frames: int, modules: int, *, speed: bool = False) -> dict[str, float]:
    """Milliseconds per frame by column of the table, and living tracks per frame.

    The median is of wall time, and a tenth of the frames took less than ``p10``: what a frame costs
    where other work on the machine does not disturb it. ``cpu`` is the median of this thread's own
    time.
    """
    detections = traffic(count, frames, seed=count)
    tracker = Tracker()
    memories = CameraMemories("center")
    view = CameraView(memories, road() if speed else None)
    active = build_modules(scene(), int(WIDTH), int(HEIGHT), view)[:modules]
    trips = Trips(memories.keeping(HEIR_S)) if speed else None
    heat = HeatMap(int(WIDTH), int(HEIGHT), 1.0) if speed else None
    told = 0
    wall, cpu, tracking, living = [], [], [], []
    for frame, found in enumerate(detections):
        wall_begin, cpu_begin = time.perf_counter(), time.thread_time()
        tracks = tracker.update(found, frame / FPS)
        tracked = time.perf_counter()
        crossings: list[Crossing] = []
        for module in active:
            facts = module.step(tracks, frame / FPS, frame)
            crossings += facts.crossings
            told += len(facts.speeds)
        if trips is not None and heat is not None:
            trips.update(tracks, frame / FPS, crossings)
            heat.add(tracks, frame / FPS)
        cpu.append((time.thread_time() - cpu_begin) * 1e3)
        wall.append((time.perf_counter() - wall_begin) * 1e3)
        tracking.append((tracked - wall_begin) * 1e3)
        living.append(len(tracks))
    warm = frames // 10
    return {
        "p10": float(np.percentile(wall[warm:], 10)),
        "median": float(np.median(wall[warm:])),
        "p95": float(np.percentile(wall[warm:], 95)),
        "cpu": float(np.median(cpu[warm:])),
        "tracking": float(np.median(tracking[warm:])),
        "tracks": float(np.mean(living[warm:])),
        "speeds": float(told),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    frames = options.frames
    print_provenance()
    columns = ("p10", "median", "p95", "cpu", "tracking", "tracks", *(("speeds",) * options.speed))
    print("objects  modules          " + "".join(f"{name:>10}" for name in columns) + "   (ms)")
    for count in (10, 50, 100):
        for modules, name in ((1, "vehicle_traffic"), (2, "+ person_count")):
            row = measure(count, frames, modules, speed=options.speed)
            cells = "".join(f"{row[column]:>10.2f}" for column in columns)
            print(f"{count:>7}  {name:<17}{cells}")


if __name__ == "__main__":
    main()
