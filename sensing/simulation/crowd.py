"""Persons on a plaza: where they come from, where they go, who stays for a while and who walks
together. Nobody walks through anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.simulation.paths import Floats, Path, smooth
from sensing.simulation.spec import SimulationSpec

Point = tuple[float, float]
FAR, NEAR, LEFT, RIGHT = 0, 1, 2, 3
MEETING_PLACE = ((2.6, 7.0), (12.4, 15.6))
"""x and y range (m) in which people stop; the default zone is drawn round it."""
OBSTACLES: tuple[tuple[float, float, float], ...] = (
    (-6.2, 14.6, 1.35), (-3.0, 24.0, 1.35), (5.2, 22.0, 1.35), (4.75, 11.6, 1.1),
)  # fmt: skip
"""Planters and bench: x, y, radius that paths keep clear of."""
APART_M, TOGETHER_M = 0.75, 0.6
LEAD_OUT_M = 3.0
TRIES = 14


@dataclass(frozen=True)
class _Walk:
    """Way points, and how long to stand at each (s)."""

    points: tuple[Point, ...]
    stays_s: tuple[float, ...]
    speed_mps: float


def plaza_paths(spec: SimulationSpec) -> list[Path]:
    """All persons of a clip, periodic if it loops."""
    period = plaza_period(spec)
    rng = np.random.default_rng([spec.seed, 2])
    count = round(spec.flow * period / spec.fps / 60)
    room = _Room(period)
    paths: list[Path] = []
    starts = (np.arange(count) + rng.uniform(0, 0.9, count)) / max(count, 1) * period
    for start in starts.astype(int).tolist():
        if len(paths) >= count:
            break  # a group took this one's place
        for _ in range(TRIES):
            walk = _walk(rng)
            group = _company(walk, start, spec.fps, rng, len(paths) + 1)
            if all(room.is_free(path) for path in group):
                for path in group:
                    room.take(path)
                paths.extend(group)
                break
    return paths


def plaza_period(spec: SimulationSpec) -> int:
    """Frames after which the crowd repeats. A clip without a loop is a part of a longer one."""
    return spec.frames if spec.loop else spec.frames + round(90 * spec.fps)


class _Room:
    """Who is where on each frame of the loop."""

    def __init__(self, period: int) -> None:
        self.places: NDArray[np.float32] = np.full((period, 64, 2), np.nan, np.float32)
        self.taken = np.zeros(period, np.int64)

    def is_free(self, path: Path) -> bool:
        frames = (path.first_frame + np.arange(len(path.positions))) % len(self.places)
        if self.taken[frames].max() >= self.places.shape[1] - 4:
            return False
        for x, y, radius in OBSTACLES:
            if np.hypot(path.positions[:, 0] - x, path.positions[:, 1] - y).min() < radius:
                return False
        gaps = self.places[frames] - path.positions[:, None].astype(np.float32)
        distance = np.where(np.isnan(gaps[..., 0]), np.inf, np.hypot(gaps[..., 0], gaps[..., 1]))
        return bool(distance.min() >= APART_M)

    def take(self, path: Path) -> None:
        for at, position in enumerate(path.positions):
            frame = (path.first_frame + at) % len(self.places)
            self.places[frame, self.taken[frame]] = position
            self.taken[frame] += 1


def _gate(side: int, rng: np.random.Generator) -> Point:
    """A point outside the picture, or behind the far corner of a house, where people come from."""
    if side == FAR:
        return float(rng.choice([-9.5, -4.5, 0.5, 8.5]) + rng.normal(0, 0.8)), 50.0
    if side == NEAR:
        return float(rng.uniform(-4.5, 1.8)), 4.5
    y = float(rng.uniform(8.6, 10.6))
    reach = 0.6 * y + LEAD_OUT_M
    return (-reach if side == LEFT else reach), y


def _walk(rng: np.random.Generator) -> _Walk:
    speed = float(np.clip(rng.normal(1.32, 0.17), 0.85, 1.8))
    kind = rng.random()
    if kind < 0.22:
        return _stay(rng, speed)
    sides = (LEFT, RIGHT) if kind < 0.42 else (FAR, NEAR)
    begin, end = (_gate(side, rng) for side in (sides if rng.random() < 0.5 else sides[::-1]))
    middle = (
        0.5 * (begin[0] + end[0]) + float(rng.normal(0, 1.2 if sides[0] == FAR else 0.4)),
        0.5 * (begin[1] + end[1]) + float(rng.normal(0, 0.3)),
    )
    return _Walk((begin, middle, end), (0.0, 0.0, 0.0), speed)


def _stay(rng: np.random.Generator, speed: float) -> _Walk:
    """Come to the meeting place, stand about, move on."""
    (x0, x1), (y0, y1) = MEETING_PLACE
    spot = np.array([rng.uniform(x0 + 0.6, x1 - 0.6), rng.uniform(y0 + 0.9, y1 - 0.6)])
    points, stays = [_gate(FAR, rng)], [0.0]
    for _ in range(int(rng.integers(1, 4))):
        points.append((float(spot[0]), float(spot[1])))
        stays.append(float(rng.uniform(6, 13)))
        spot = np.clip(spot + rng.normal(0, 0.5, 2), (x0 + 0.5, y0 + 0.8), (x1 - 0.5, y1 - 0.5))
    points.append(_gate(int(rng.choice([FAR, FAR, RIGHT])), rng))
    return _Walk(tuple(points), (*stays, 0.0), speed)


def _company(
    walk: _Walk, start: int, fps: float, rng: np.random.Generator, track: int
) -> list[Path]:
    """The walker, and sometimes a second one beside it."""
    lead = _path(walk, start, fps, int(rng.integers(2**31)), track)
    if rng.random() > 0.22:
        return [lead]
    side = np.stack([-np.sin(lead.heading), np.cos(lead.heading)], axis=1)
    beside = lead.positions + side * float(rng.choice([-1, 1])) * (TOGETHER_M + 0.12)
    window = round(1.2 * fps)
    friend = _moving(smooth(beside, window), start, fps, int(rng.integers(2**31)), track + 1)
    gap = float(np.hypot(*(friend.positions - lead.positions).T).min())
    return [lead, friend] if gap >= TOGETHER_M else [lead]


def _path(walk: _Walk, start: int, fps: float, look: int, track: int) -> Path:
    parts: list[Floats] = []
    for a, b, stay in zip(walk.points, walk.points[1:], walk.stays_s[1:], strict=False):
        length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
        steps = max(1, round(length / walk.speed_mps * fps))
        share = (np.arange(steps) / steps)[:, None]
        parts.append(np.array(a) * (1 - share) + np.array(b) * share)
        if stay:
            parts.append(np.repeat(np.array([b]), round(stay * fps), axis=0))
    corners = np.concatenate(parts)
    # A short window rounds stops and starts, a long one the bend of a straight walk.
    window = round((1.4 if any(walk.stays_s) else 7.0) * fps)
    return _moving(smooth(corners, window), start, fps, look, track)


def _moving(positions: Floats, start: int, fps: float, look: int, track: int) -> Path:
    velocity = np.gradient(positions, axis=0) * fps
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    return Path(
        track=track,
        object_class="person",
        size="",
        body="person",
        look=look,
        first_frame=start,
        positions=positions,
        heading=_facing(velocity, speed, fps),
        speed_mps=speed,
        travelled_m=np.cumsum(speed) / fps,
    )


def _facing(velocity: Floats, speed: Floats, fps: float) -> Floats:
    """Direction of travel; who stands keeps looking the way they came, and turns without a jerk."""
    walking = np.flatnonzero(speed > 0.25)
    angles: Sequence[float] | Floats = np.arctan2(velocity[walking, 1], velocity[walking, 0])
    unwrapped = np.unwrap(angles)
    held = np.interp(np.arange(len(speed)), walking, unwrapped)
    return smooth(held, round(0.8 * fps))
