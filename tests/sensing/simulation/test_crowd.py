from __future__ import annotations

import numpy as np

from sensing.simulation import parse_simulation_url
from sensing.simulation.crowd import MEETING_PLACE, OBSTACLES, TOGETHER_M, plaza_paths, plaza_period
from sensing.simulation.persons import HANDS, TORSO, joints, person_of


def test_persons_keep_apart_from_each_other_on_every_frame() -> None:
    spec = parse_simulation_url("sim://plaza?flow=30&seed=4")
    period = plaza_period(spec)
    places: list[list[np.ndarray]] = [[] for _ in range(period)]
    for path in plaza_paths(spec):
        for at, position in enumerate(path.positions):
            places[(path.first_frame + at) % period].append(position)
    assert max(len(here) for here in places) > 10
    for here in places:
        points = np.array(here)
        gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        gaps[np.diag_indices(len(points))] = np.inf
        assert gaps.min() >= TOGETHER_M - 1e-6


def test_nobody_walks_through_a_planter_or_the_bench() -> None:
    for path in plaza_paths(parse_simulation_url("sim://plaza?seed=2")):
        for x, y, radius in OBSTACLES:
            assert np.hypot(*(path.positions - (x, y)).T).min() >= radius


def test_walkers_walk_at_walking_speed_and_some_stand_at_the_meeting_place() -> None:
    paths = plaza_paths(parse_simulation_url("sim://plaza?seed=11&duration=300"))
    assert all(path.speed_mps.max() < 2.4 for path in paths)
    standing = [path for path in paths if (path.speed_mps < 0.05).sum() > 40]
    assert 4 <= len(standing) < len(paths) / 2
    (x0, x1), (y0, y1) = MEETING_PLACE
    for path in standing:
        x, y = path.positions[path.speed_mps < 0.05].T
        assert x.min() > x0
        assert x.max() < x1
        assert y.min() > y0
        assert y.max() < y1


def test_persons_come_from_outside_the_picture_and_leave_it() -> None:
    spec = parse_simulation_url("sim://plaza?seed=3")
    for path in plaza_paths(spec):
        for x, y in (path.positions[0], path.positions[-1]):
            assert y > 45 or y < 6 or abs(x) > 7


def test_the_crowd_is_about_as_dense_as_asked_for() -> None:
    spec = parse_simulation_url("sim://plaza?flow=12&duration=300&seed=5")
    assert 48 <= len(plaza_paths(spec)) <= 61


def test_legs_move_with_the_way_and_rest_when_standing() -> None:
    walking = joints(7, 0.3, 1.3)
    assert abs(walking[4, 0] - walking[5, 0]) > 0.2  # one ankle is ahead of the other
    standing = joints(7, 0.3, 0.0)
    np.testing.assert_allclose(standing[4, 0], standing[5, 0])
    np.testing.assert_allclose(
        joints(7, 0.0, 1.3)[4], joints(7, 0.82 * person_of(7).height_m, 1.3)[4]
    )


def test_the_outline_of_the_truth_holds_every_joint() -> None:
    for look in range(40):
        low, high = person_of(look).outline.min(axis=0), person_of(look).outline.max(axis=0)
        for way in np.linspace(0, 1.4, 12):
            table = joints(look, float(way), 1.35)[:TORSO]
            assert (table[HANDS, 0] < high[0] + 0.16).all()
            assert (table >= low - 0.16).all()
            assert (table <= high + 0.16).all()
