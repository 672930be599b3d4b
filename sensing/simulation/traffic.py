"""Vehicles on a two-way road: who comes when, how fast, and how each follows the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.simulation.paths import Floats, Path, smooth
from sensing.simulation.spec import SimulationSpec

LANE_M = 3.5
FAR_M = 190.0
NEAR_M = -14.0
SIGNAL_TOWARDS_M = 16.0
SIGNAL_AWAY_M = 52.0
"""Where the queue of each direction begins with stop_and_go, so that it reaches over the line."""
REACTION_S = 1.5
GAP_M = 2.4
RED_SHARE = 0.4


@dataclass(frozen=True)
class VehicleModel:
    """Outer measures in metres and the share of the traffic."""

    body: str
    object_class: str
    size: str
    length_m: float
    width_m: float
    height_m: float
    share: float
    speed_factor: float = 1.0


MODELS = (
    VehicleModel("hatchback", "car", "small", 4.0, 1.76, 1.50, 0.24),
    VehicleModel("bus", "bus", "large", 11.8, 2.55, 3.05, 0.05, 0.9),
    VehicleModel("saloon", "car", "small", 4.7, 1.82, 1.44, 0.17),
    VehicleModel("truck", "truck", "large", 8.2, 2.50, 3.35, 0.09, 0.9),
    VehicleModel("suv", "car", "small", 4.5, 1.90, 1.68, 0.16),
    VehicleModel("motorcycle", "motorcycle", "small", 2.15, 0.80, 1.62, 0.08, 1.05),
    VehicleModel("van", "car", "small", 5.3, 1.98, 2.10, 0.11),
    VehicleModel("estate", "car", "small", 4.6, 1.80, 1.48, 0.10),
)
BY_BODY = {model.body: model for model in MODELS}


def road_paths(spec: SimulationSpec) -> list[Path]:
    """All vehicles of a clip; both directions, periodic if the spec loops."""
    period = road_period(spec)
    paths: list[Path] = []
    for towards in (True, False):
        rng = np.random.default_rng([spec.seed, 1, int(towards)])
        fleet = _fleet(spec, period, rng, towards=towards)
        for vehicle, (first, front) in zip(
            fleet, _follow(spec, period, fleet, towards), strict=True
        ):
            path = _path(spec, len(paths) + 1, vehicle, first, front, towards=towards)
            if path is not None:
                paths.append(path)
    return paths


def road_period(spec: SimulationSpec) -> int:
    """Frames after which traffic repeats. A clip that must not loop is a part of a longer loop."""
    return spec.frames if spec.loop else spec.frames + round(60 * spec.fps)


@dataclass(frozen=True)
class _Vehicle:
    model: VehicleModel
    look: int
    arrival: int  # frame at which its front would pass s = 0 on an empty road
    speed_mps: float
    lane_offset_m: float


def _fleet(
    spec: SimulationSpec, period: int, rng: np.random.Generator, *, towards: bool
) -> list[_Vehicle]:
    """Vehicles of one direction in order of arrival."""
    count = round(spec.flow / 2 * period / spec.fps / 3600)
    if count == 0:
        return []
    minimum = 1.6 * spec.fps
    slack = period - count * minimum
    gaps = minimum + slack * rng.dirichlet(np.ones(count))
    arrivals = np.cumsum(gaps).astype(np.int64)
    # A low-discrepancy sequence: also a short clip shows every kind of vehicle in its share.
    start = np.random.default_rng([spec.seed, 15]).random()
    picks = (start + (np.arange(count) + (0 if towards else count)) * 0.6180339887498949) % 1.0
    shares = np.cumsum([model.share for model in MODELS])
    kinds = np.minimum(np.searchsorted(shares, picks), len(MODELS) - 1)
    limit = spec.speed_limit_kmh / 3.6
    fleet = []
    for arrival, kind in zip(arrivals.tolist(), kinds.tolist(), strict=True):
        model = MODELS[kind]
        speed = limit * model.speed_factor * float(np.clip(rng.normal(0.95, 0.08), 0.75, 1.2))
        offset = float(np.clip(rng.normal(0.0, 0.12), -0.3, 0.3))
        fleet.append(_Vehicle(model, int(rng.integers(2**31)), arrival, speed, offset))
    return fleet


def _follow(
    spec: SimulationSpec, period: int, fleet: Sequence[_Vehicle], towards: bool
) -> list[tuple[int, Floats]]:
    """First frame and position of the front along the lane (m) of each vehicle.

    Newell's car following: x(t) = min(free driving, leader's x(t - reaction) - its length - gap).
    The first vehicle follows the last one of the lap before; sweeps repeat until nothing changes,
    which makes the traffic exactly periodic.
    """
    if not fleet:
        return []
    road = FAR_M - NEAR_M + 30.0
    lead_in = round(20 * spec.fps)
    slowest = min(vehicle.speed_mps for vehicle in fleet)
    steps = round(road / slowest * spec.fps) + 2 * lead_in + round(240 * spec.fps)
    red = _red_frames(spec, period, steps + 4 * period) if spec.stop_and_go else None
    stop = FAR_M - SIGNAL_TOWARDS_M if towards else SIGNAL_AWAY_M - NEAR_M
    delay = max(1, round(REACTION_S * spec.fps))
    fronts: list[Floats | None] = [None] * len(fleet)
    for _ in range(8):
        changed = False
        for k, vehicle in enumerate(fleet):
            leader, leads = fleet[k - 1], fronts[k - 1]
            limit = np.full(steps, np.inf)
            if leads is not None:
                shift = vehicle.arrival - leader.arrival - delay + (period if k == 0 else 0)
                index = np.arange(steps) + shift
                known = (index >= 0) & (index < steps)  # before and after, the leader is not there
                limit[known] = leads[index[known]] - leader.model.length_m - GAP_M
            front = _drive(vehicle, limit, lead_in, spec.fps)
            if red is not None:
                start = (vehicle.arrival - lead_in) % period
                front = _obey(
                    vehicle,
                    front,
                    limit,
                    lead_in=lead_in,
                    stop=stop,
                    red=red[start : start + steps],
                    fps=spec.fps,
                )
            before = fronts[k]
            changed |= before is None or not np.array_equal(before, front)
            fronts[k] = front
        if not changed:
            break
    window = round(4.6 * spec.fps)
    return [
        (vehicle.arrival - lead_in, smooth(front, window))
        for vehicle, front in zip(fleet, fronts, strict=True)
        if front is not None
    ]


def _drive(vehicle: _Vehicle, limit: Floats, lead_in: int, fps: float) -> Floats:
    """Farthest way within the vehicle's own speed and ``limit``; x = 0 at ``lead_in`` at best."""
    reach = vehicle.speed_mps / fps * (np.arange(len(limit)) - lead_in)
    return reach + np.minimum(np.minimum.accumulate(limit - reach), 0.0)


def _obey(
    vehicle: _Vehicle,
    front: Floats,
    limit: Floats,
    *,
    lead_in: int,
    stop: float,
    red: NDArray[np.bool_],
    fps: float,
) -> Floats:
    """Hold the vehicle at ``stop`` whenever it would pass it while the signal is red."""
    limit = limit.copy()
    for _ in range(12):
        passing = int(np.searchsorted(front, stop, side="right"))
        if passing >= len(red) or not red[passing]:
            break
        greens = np.flatnonzero(~red[passing:])
        green = passing + int(greens[0]) if len(greens) else len(red)
        limit[:green] = np.minimum(limit[:green], stop)
        front = _drive(vehicle, limit, lead_in, fps)
    return front


def _red_frames(spec: SimulationSpec, period: int, length: int) -> NDArray[np.bool_]:
    cycle = period / max(1, round(period / (42 * spec.fps)))
    return np.arange(length) % cycle < RED_SHARE * cycle


def _path(
    spec: SimulationSpec,
    track: int,
    vehicle: _Vehicle,
    first: int,
    front: Floats,
    *,
    towards: bool,
) -> Path | None:
    on_road = np.flatnonzero((front > 0) & (front < FAR_M - NEAR_M + vehicle.model.length_m))
    if not len(on_road):
        return None
    begin, end = int(on_road[0]), int(on_road[-1]) + 1
    middle = front[begin:end] - vehicle.model.length_m / 2
    speed = np.gradient(front)[begin:end] * spec.fps
    # Right-hand traffic: away from the camera on the right, towards it on the left.
    x = (-LANE_M / 2 if towards else LANE_M / 2) + vehicle.lane_offset_m
    y = FAR_M - middle if towards else NEAR_M + middle
    return Path(
        track=track,
        object_class=vehicle.model.object_class,
        size=vehicle.model.size,
        body=vehicle.model.body,
        look=vehicle.look,
        first_frame=first + begin,
        positions=np.stack([np.full(len(y), x), y], axis=1),
        heading=np.full(len(y), -np.pi / 2 if towards else np.pi / 2),
        speed_mps=np.maximum(speed, 0.0),
        travelled_m=middle,
    )
