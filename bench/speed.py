"""Speeds on simulated roads whose truth is exact: error against the least possible one, and beside
it what two published formulas make of the same boxes.

    python -m bench.speed [--minutes 6] [--marked] [--tracker] [--smoothed] [--traffic]

Vehicles of eight shapes drive past five cameras of 1280×720; their boxes get 1.5 px of noise on
every edge, and one frame in five is dropped. ``--marked`` calibrates from eight marked points with
1.5 px and 3 cm of error instead of the exact plane; ``--tracker`` sends the boxes through the
tracker, as the gateway does, and measures on its boxes as detected, with ``--smoothed`` on its
smoothed ones; ``--traffic`` lets vehicles follow each other and brake.

- bound: mean Cramér–Rao bound of |error| for constant speeds, exact bodies and Gaussian noise.
- Frigate: mean of distance over time between consecutive frames at a constant frame rate; the
  distance in pixels by a metres-per-pixel scale from the zone's known edges, without perspective.
- supervision: bottom centre through a perspective transform into a target of whole metres, |last −
  first| along it over samples ÷ frame rate.

Both are written anew from their documentation.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.provenance import print_provenance
from models_registry.runtime.detections import Detections
from sensing.domain.calibration import PointMarks, RoadPoint, calibrate
from sensing.domain.homography import RoadPlane
from sensing.domain.memory import TrackMemory
from sensing.domain.pose import CameraPose, camera_pose
from sensing.domain.speed import SpeedParameters, SpeedSample, least_speed_error
from sensing.domain.speed_meter import SpeedMeter
from sensing.domain.statistics.agreement import compare_speeds
from sensing.domain.tracking import Tracker, Tracks
from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.paths import Path
from sensing.simulation.spec import SimulationSpec
from sensing.simulation.traffic import road_paths, road_period
from sensing.simulation.world import World

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 1280, 720
FPS = (5.0, 10.0, 15.0, 25.0)
NOISE_PX, DROPPED = 1.5, 0.2
LABELS = ("car", "truck", "bus", "motorcycle")
SMALLEST_PX = 14.0  # boxes less high than this no detector finds
KMH = 3.6


@dataclass(frozen=True)
class Pose:
    """A camera over the road, and the part of the road (x, y in m) that is marked in it."""

    name: str
    camera: PerspectiveCamera
    area: tuple[float, float, float, float]
    line_y_m: float


def poses() -> list[Pose]:
    def camera(focal: float, x: float, up: float, yaw: float, pitch: float) -> PerspectiveCamera:
        return PerspectiveCamera(WIDTH, HEIGHT, focal, x, up, yaw, pitch)

    return [
        Pose("lamp post", camera(1150, 4.8, 8.0, -7.5, 17.5), (-3.5, 3.5, 18, 45), 28),
        Pose("gantry", camera(1100, 0.0, 6.5, 0.0, 22.0), (-3.5, 3.5, 12, 35), 18),
        Pose("mast", camera(1300, 9.0, 14.0, -15.0, 24.0), (-3.5, 3.5, 22, 50), 32),
        Pose("side", camera(950, -12.0, 6.0, 48.0, 16.0), (-3.5, 3.5, 4, 22), 13),
        Pose("long lens", camera(2600, 5.0, 9.0, -3.5, 7.5), (-3.5, 3.5, 45, 90), 62),
    ]


@dataclass
class Truth:
    """One vehicle: its boxes as seen, without and with error, and its true way."""

    path: Path
    times_s: list[float] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    road_m: list[Floats] = field(default_factory=list)
    feet_px: list[Floats] = field(default_factory=list)  # true
    speed_mps: float = np.nan  # at the line
    line_s: float = np.nan


@dataclass(frozen=True)
class Look:
    """One delivered frame."""

    time_s: float
    number: int
    ids: NDArray[np.int64]
    boxes: Floats
    classes: NDArray[np.int32]


@dataclass
class Recording:
    looks: list[Look]
    vehicles: dict[int, Truth]
    fps: float


def record(pose: Pose, options: argparse.Namespace, fps: float, seed: int) -> Recording:
    """Boxes with error of the frames that were delivered, and the truth."""
    flow = 900.0 if options.traffic else 240.0
    spec = SimulationSpec(
        "road", seed=seed, duration_s=60.0 * options.minutes, fps=fps, width=WIDTH, height=HEIGHT,
        flow=flow, loop=False,
    )  # fmt: skip
    world = World(spec, pose.camera, tuple(road_paths(spec)), road_period(spec))
    rng = np.random.default_rng([seed, int(fps)])
    delivered = rng.random(world.frames) >= DROPPED
    frames: dict[int, list[tuple[int, Floats, int]]] = {}
    vehicles: dict[int, Truth] = {}
    for stretch in world.stretches:
        path, boxes = world.paths[stretch.number], world.boxes[stretch.number]
        truth = vehicles[stretch.track] = Truth(path)
        _note_line(truth, stretch.first_frame, stretch.indices, pose, fps)
        for k, index in enumerate(stretch.indices.tolist()):
            frame, box = stretch.first_frame + k, boxes[index]
            if delivered[frame] and box[3] - box[1] >= SMALLEST_PX:
                noisy = np.clip(box + rng.normal(0.0, NOISE_PX, 4), 0, [WIDTH, HEIGHT] * 2)
                kind = LABELS.index(path.object_class)
                frames.setdefault(frame, []).append((stretch.track, noisy, kind))
                truth.times_s.append(frame / fps)
                truth.boxes.append(noisy)
                truth.road_m.append(np.asarray(path.positions[index], np.float64))
                truth.feet_px.append(np.array([(box[0] + box[2]) / 2, box[3]]))
    looks = [
        Look(
            frame / fps,
            frame,
            np.array([seen[0] for seen in frames.get(frame, [])], np.int64),
            np.array([seen[1] for seen in frames.get(frame, [])]).reshape(-1, 4),
            np.array([seen[2] for seen in frames.get(frame, [])], np.int32),
        )
        for frame in np.flatnonzero(delivered).tolist()
    ]
    return Recording(looks, vehicles, fps)


def _note_line(
    truth: Truth, first: int, indices: NDArray[np.int64], pose: Pose, fps: float
) -> None:
    """When and how fast the middle of the vehicle passes the line, unless it does so unseen."""
    y = truth.path.positions[indices, 1]
    at = np.flatnonzero((y[:-1] < pose.line_y_m) != (y[1:] < pose.line_y_m))
    if len(at):
        truth.line_s = (first + int(at[0])) / fps
        truth.speed_mps = float(truth.path.speed_mps[indices[at[0]]])


def plane_of(pose: Pose, options: argparse.Namespace, seed: int) -> tuple[RoadPlane, CameraPose]:
    """The exact plane, or one from marks with errors."""
    left, right, near, far = pose.area
    third = (far - near) / 3
    road = np.array([(x, near + k * third) for k in range(4) for x in (left, right)]).T
    pixels = pose.camera.project(np.vstack([road, np.zeros(8)]).T)[0].T
    rng = np.random.default_rng([seed, 77])  # a calibration of its own for every row
    errors = (1.5, 0.03) if options.marked else (0.0, 0.0)
    pixels = np.clip(pixels + rng.normal(0, errors[0], pixels.shape), 0, [[WIDTH], [HEIGHT]])
    road = road + rng.normal(0, errors[1], road.shape)
    points = [
        RoadPoint((float(u / WIDTH), float(v / HEIGHT)), (float(x), float(y)))
        for (u, v), (x, y) in zip(pixels.T, road.T, strict=True)
    ]
    calibration = calibrate(PointMarks(tuple(points)), WIDTH, HEIGHT)
    found = calibration.pose or camera_pose(calibration.plane, WIDTH, HEIGHT)
    if found is None:
        raise ValueError(f"{pose.name}: expected a pose from these marks, got none")
    return calibration.plane, found


def measured(
    recording: Recording, plane: RoadPlane, pose: CameraPose, options: argparse.Namespace
) -> dict[int, SpeedSample]:
    """Speeds at the line by vehicle."""
    memory = TrackMemory("bottom", 1.5)
    meter = SpeedMeter(plane, pose, WIDTH, HEIGHT, memory, parameters=SpeedParameters())
    found: dict[int, SpeedSample] = {}
    wanted = {number: v.line_s for number, v in recording.vehicles.items()}
    for tracks, ids in _tracked(recording, options.tracker):
        meter.update(*tracks, None if options.smoothed else tracks[0].measured_xyxy)
        for track_id, vehicle in ids.items():
            line_s = wanted.get(vehicle, np.nan)
            # Read when the vehicle is well past the line, and again while it is seen: as a counter
            # would that reports a crossing late, never from the future of the whole track.
            if np.isfinite(line_s) and tracks[1] >= line_s:
                sample = meter.measure(track_id, line_s)
                if isinstance(sample, SpeedSample):
                    found[vehicle] = sample
    return found


def _tracked(
    recording: Recording, tracked: bool
) -> Iterator[tuple[tuple[Tracks, float], dict[int, int]]]:
    """Tracks of each frame, and which vehicle each one is."""
    tracker = Tracker()
    for look in recording.looks:
        if not tracked:
            yield (_as_tracks(look), look.time_s), {int(i): int(i) for i in look.ids}
            continue
        count = len(look.ids)
        found = Detections(
            look.boxes.astype(np.float32), np.full(count, 0.9, np.float32), look.classes, LABELS
        )
        tracks = tracker.update(found, look.time_s)
        ids: dict[int, int] = {}
        for track_id, box in zip(tracks.track_id.tolist(), tracks.xyxy, strict=True):
            if count:
                off = np.abs(look.boxes - box).max(axis=1)
                if off.min() < 12.0:
                    ids[track_id] = int(look.ids[off.argmin()])
        yield (tracks, look.time_s), ids


def _as_tracks(look: Look) -> Tracks:
    count = len(look.ids)
    return Tracks(
        look.ids, look.boxes.astype(np.float32), np.full(count, 0.9, np.float32), look.classes,
        LABELS, np.ones(count, np.bool_), np.full(count, look.time_s),
    )  # fmt: skip


def frigate(vehicle: Truth, pose: Pose, fps: float) -> float:
    """Mean of the last ten frame-to-frame speeds inside the marked area, in m/s."""
    left, right, near, far = pose.area
    corners = np.array([(left, near, 0), (right, near, 0), (right, far, 0), (left, far, 0)], float)
    pixels = pose.camera.project(corners)[0]
    edges = np.hypot(*(np.roll(pixels, -1, axis=0) - pixels).T)
    across = ((right - left) / edges[0] + (right - left) / edges[2]) / 2
    ahead = ((far - near) / edges[1] + (far - near) / edges[3]) / 2
    speeds: deque[float] = deque(maxlen=10)
    last: Floats | None = None
    for box, road in zip(vehicle.boxes, vehicle.road_m, strict=True):
        point = np.array([(box[0] + box[2]) / 2, box[3]])
        if near <= road[1] <= far and last is not None:
            x, y = np.abs(point - last)
            speeds.append(float(np.hypot(x * across, y * ahead)) * fps)
        last = point
    return float(np.mean(speeds)) if speeds else np.nan


def supervision(vehicle: Truth, plane: RoadPlane, pose: Pose, fps: float) -> float:
    """|last − first| in whole metres over up to one second of samples ÷ frame rate, in m/s."""
    near, far = pose.area[2:]
    kept: deque[int] = deque(maxlen=int(fps))
    for box, road in zip(vehicle.boxes, vehicle.road_m, strict=True):
        if near <= road[1] <= far:
            foot = plane.road(np.array([[(box[0] + box[2]) / 2], [box[3]]]))
            if np.isfinite(foot).all():
                kept.append(int(foot[1, 0]))
    if len(kept) < fps / 2:
        return np.nan
    return abs(kept[-1] - kept[0]) / (len(kept) / fps)


def bound_kmh(vehicle: Truth, plane: RoadPlane) -> float:
    """Mean |error| of the best estimate from the looks that show the whole vehicle."""
    boxes = np.array(vehicle.boxes)
    whole = (boxes[:, :2] > 8).all(axis=1) & (boxes[:, 2:] < (WIDTH - 8, HEIGHT - 8)).all(axis=1)
    if np.count_nonzero(whole) < 3:
        return np.nan
    road = plane.road(np.array(vehicle.feet_px)[whole].T)
    error = least_speed_error(plane, road, np.array(vehicle.times_s)[whole], NOISE_PX)
    return error * KMH * float(np.sqrt(2 / np.pi))


def row(pose: Pose, options: argparse.Namespace, fps: float, seed: int) -> dict[str, Floats]:
    """Errors in km/h of every vehicle that passes the line, by method."""
    recording = record(pose, options, fps, seed)
    plane, camera = plane_of(pose, options, seed * 100 + int(fps))
    found = measured(recording, plane, camera, options)
    passing = {
        number: v
        for number, v in recording.vehicles.items()
        if np.isfinite(v.speed_mps) and len(v.boxes) >= 3
    }
    errors: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for number, vehicle in passing.items():
        true = vehicle.speed_mps
        sample = found.get(number)
        here = {
            "true": true,
            "error": sample.speed_mps - true if sample else np.nan,
            "claimed": sample.standard_error_mps if sample else np.nan,
            "calibration": sample.calibration_error_mps if sample else np.nan,
            "frigate": frigate(vehicle, pose, fps) - true,
            "supervision": supervision(vehicle, plane, pose, fps) - true,
        }
        for name, value in here.items():
            errors[name].append(value * KMH)
        errors["bound"].append(bound_kmh(vehicle, plane))
    return {name: np.array(values) for name, values in errors.items()}


COLUMNS = ("true", "error", "claimed", "calibration", "bound", "frigate", "supervision")


def print_row(name: str, fps: str, errors: dict[str, Floats]) -> None:
    known = np.isfinite(errors["error"])
    off, true = errors["error"][known], errors["true"][known]
    found = compare_speeds((true + off) / KMH, true / KMH)
    if found is None:
        raise ValueError(f"{name} at {fps} fps: expected vehicles with a speed, got none")
    cells = [
        f"{len(known):>5}{100 * found.count / len(known):>6.0f}",
        f"{found.mean_absolute_mps * KMH:>7.2f}{found.p95_absolute_mps * KMH:>7.2f}",
        f"{found.bias_mps * KMH:>+7.2f}{found.within_percent:>6.0f}",
        f"{np.nanmean(errors['bound']):>7.2f}",
        f"{np.sqrt(np.mean((off / errors['claimed'][np.isfinite(errors['claimed'])]) ** 2)):>7.1f}",
        f"{np.nanmean(errors['calibration']):>7.2f}",
    ]
    for other in ("frigate", "supervision"):
        theirs = errors[other][np.isfinite(errors[other])]
        cells.append(f"{np.mean(np.abs(theirs)):>9.1f}{np.mean(theirs):>+7.1f}")
    print(f"{name:<11}{fps:>5}" + "".join(cells))


def main() -> None:
    options = read_options()
    print_provenance()
    print(
        "km/h; share: vehicles given a speed, %; ±3: of them within 3 km/h (above 100: 3 %), %;"
        " e/c: rms error over claimed error (jitter, body);"
    )
    print("calib: claimed error of the calibration; F: Frigate's formula, S: supervision's")
    columns = (
        f"{'n':>5}{'share':>6}{'MAE':>7}{'p95':>7}{'bias':>7}{'±3':>6}"
        f"{'bound':>7}{'e/c':>7}{'calib':>7}"
    )
    others = f"{'F MAE':>9}{'bias':>7}{'S MAE':>9}{'bias':>7}"
    print(f"{'pose':<11}{'fps':>5}{columns}{others}")
    everything: list[dict[str, Floats]] = []
    for k, pose in enumerate(poses()):
        for fps in FPS:
            errors = row(pose, options, fps, seed=options.seed + k)
            everything.append(errors)
            print_row(pose.name, f"{fps:g}", errors)
    joined = {name: np.concatenate([e[name] for e in everything]) for name in COLUMNS}
    print_row("all", "", joined)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--marked", action="store_true")
    parser.add_argument("--tracker", action="store_true")
    parser.add_argument("--smoothed", action="store_true")
    parser.add_argument("--traffic", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
