from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sensing.simulation import parse_simulation_url
from sensing.simulation.paths import Path, smooth
from sensing.simulation.traffic import BY_BODY, road_paths, road_period

ROADS = [
    "sim://road?seed=1",
    "sim://road?seed=2&stop_and_go=1",
    "sim://road?seed=3&flow=1200&stop_and_go=1&duration=120",
    "sim://road?seed=4&flow=2000&speed_limit=30",
    "sim://road?seed=5&fps=4&loop=0",
]


def _lanes(paths: list[Path]) -> list[list[Path]]:
    return [
        [p for p in paths if p.positions[0, 0] < 0],
        [p for p in paths if p.positions[0, 0] > 0],
    ]


def _clear_gap(follower: Path, leader: Path, period: int) -> float:
    """Least distance between two bumpers over all frames on which both are on the road (m)."""
    shift = (leader.first_frame - follower.first_frame) % period
    least = np.inf
    for lap in (shift - period, shift):
        begin, end = max(0, lap), min(len(follower.positions), lap + len(leader.positions))
        if end > begin:
            ahead = leader.travelled_m[begin - lap : end - lap]
            gap = ahead - follower.travelled_m[begin:end]
            gap = gap[gap > 0]  # the other order is the next pair's business
            if len(gap):
                lengths = BY_BODY[follower.body].length_m + BY_BODY[leader.body].length_m
                least = min(least, float(gap.min()) - lengths / 2)
    return least


@pytest.mark.parametrize("url", ROADS)
def test_vehicles_of_a_lane_never_touch(url: str) -> None:
    spec = parse_simulation_url(url)
    paths = road_paths(spec)
    for lane in _lanes(paths):
        assert len(lane) > 3
        for leader, follower in pairwise([*lane, lane[0]]):
            assert _clear_gap(follower, leader, road_period(spec)) > 1.0


@pytest.mark.parametrize("url", ROADS)
def test_nobody_drives_backwards_or_much_too_fast(url: str) -> None:
    spec = parse_simulation_url(url)
    for path in road_paths(spec):
        assert np.diff(path.travelled_m).min() > -1e-9
        assert path.speed_mps.max() < 1.3 * spec.speed_limit_kmh / 3.6


def test_the_speed_told_is_the_speed_driven() -> None:
    spec = parse_simulation_url("sim://road?seed=6&stop_and_go=1")
    for path in road_paths(spec):
        driven = np.diff(path.travelled_m) * spec.fps
        told = (path.speed_mps[1:] + path.speed_mps[:-1]) / 2
        np.testing.assert_allclose(told, driven, atol=0.4)


def test_brakes_and_engines_stay_within_what_vehicles_can_do() -> None:
    spec = parse_simulation_url("sim://road?seed=2&stop_and_go=1")
    for path in road_paths(spec):
        assert np.abs(np.diff(path.speed_mps)).max() * spec.fps < 8.0


def test_stop_and_go_makes_vehicles_stand_and_free_flow_does_not() -> None:
    def standing(url: str) -> int:
        return sum(bool((p.speed_mps < 0.1).any()) for p in road_paths(parse_simulation_url(url)))

    assert standing("sim://road?seed=8") == 0
    assert standing("sim://road?seed=8&stop_and_go=1") >= 5


def test_the_flow_asked_for_is_the_flow_sent() -> None:
    assert len(road_paths(parse_simulation_url("sim://road?duration=600&flow=900"))) == 150
    assert road_paths(parse_simulation_url("sim://road?flow=0")) == []


def test_ten_minutes_bring_every_kind_of_vehicle_in_its_share() -> None:
    paths = road_paths(parse_simulation_url("sim://road?duration=600&seed=3"))
    for body, model in BY_BODY.items():
        share = sum(path.body == body for path in paths) / len(paths)
        assert share == pytest.approx(model.share, abs=0.04)


def test_the_seed_alone_decides_the_traffic() -> None:
    def positions(seed: int) -> list[float]:
        paths = road_paths(parse_simulation_url(f"sim://road?seed={seed}"))
        return [float(value) for path in paths for value in path.positions.ravel()]

    assert positions(1) == positions(1)
    assert positions(1) != positions(2)


def test_smoothing_keeps_straight_lines_and_the_order_of_two_paths() -> None:
    line = np.arange(40.0)
    np.testing.assert_allclose(smooth(line, 9), line, atol=1e-9)
    steps = np.floor(np.arange(60.0) / 10) * 10
    assert (smooth(steps, 15) - smooth(steps - 3.0, 15)).min() == pytest.approx(3.0)
