"""Speeds of vehicles whose way over the road is known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.domain.homography import RoadPlane
from sensing.domain.memory import TrackMemory
from sensing.domain.pose import BODY_SIZES, camera_pose
from sensing.domain.scene import Anchor
from sensing.domain.speed import (
    SpeedParameters,
    SpeedRefused,
    SpeedSample,
    Sums,
    information_at,
    least_speed_error,
    solve,
)
from sensing.domain.speed_meter import SpeedMeter
from sensing.domain.speed_traffic import (
    estimate_length,
    length_class,
    line_occupancy_percent,
    time_on_line_s,
)
from sensing.domain.tracking import Tracks
from sensing.simulation.camera import PerspectiveCamera

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 1280, 720
CAMERA = PerspectiveCamera(WIDTH, HEIGHT, 1150, 4.8, 8.0, -7.5, 17.5)
PLANE = RoadPlane(np.linalg.inv(CAMERA.image_to_ground), np.zeros((9, 9)))
POSE = camera_pose(PLANE, WIDTH, HEIGHT)
CAR = np.array(BODY_SIZES["car"].row())[:, None]


def box_at(road_m: Floats, heading: Floats) -> Floats:
    """(4,) the box round a car standing there."""
    assert POSE is not None
    low, high = POSE.boxes(road_m[:, None], heading[:, None], CAR)
    return np.concatenate([low[:, 0], high[:, 0]])


def frame(boxes: dict[int, Floats]) -> Tracks:
    count = len(boxes)
    return Tracks(
        np.array(list(boxes), np.int64),
        np.array(list(boxes.values()), np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32),
        np.zeros(count, np.int32),
        ("car",),
        np.ones(count, np.bool_),
        np.zeros(count),
    )


def meter(
    parameters: SpeedParameters | None = None, anchor: Anchor = "bottom", plane: RoadPlane = PLANE
) -> SpeedMeter:
    memory = TrackMemory(anchor, 1.5)
    return SpeedMeter(plane, POSE, WIDTH, HEIGHT, memory, anchor=anchor, parameters=parameters)


def drive(
    times_s: Floats,
    speed_mps: float = 15.0,
    *,
    start: tuple[float, float] = (1.75, 20.0),
    heading: tuple[float, float] = (0.0, 1.0),
    acceleration: float = 0.0,
    noise_px: float = 0.0,
    seed: int = 1,
    use: SpeedMeter | None = None,
) -> SpeedMeter:
    """A meter that has seen one car, of track 7, at these times."""
    found, ahead = use or meter(), np.array(heading)
    rng = np.random.default_rng(seed)
    for t in times_s:
        since = t - times_s[0]
        way = speed_mps * since + 0.5 * acceleration * since**2
        box = box_at(np.array(start) + way * ahead, ahead) + rng.normal(0, noise_px, 4)
        found.update(frame({7: box}), float(t))
    return found


def value(found: SpeedMeter, at_s: float | None = None, *, track: int = 7) -> SpeedSample:
    sample = found.measure(track, at_s)
    assert isinstance(sample, SpeedSample), sample
    return sample


STEADY = np.arange(30) / 10


@pytest.mark.parametrize(
    ("heading", "start"),
    [((0, 1), (1.75, 20)), ((0, -1), (-1.75, 70)), ((1, 0), (-6, 35)), ((0.6, 0.8), (-4, 20))],
    ids=["away", "towards", "across", "oblique"],
)
@pytest.mark.parametrize("anchor", ["bottom", "center"])
def test_an_exact_track_gives_the_exact_speed_in_every_direction(
    heading: tuple[float, float], start: tuple[float, float], anchor: Anchor
) -> None:
    times = np.arange(12) / 10
    sample = value(drive(times, 10.0, start=start, heading=heading, use=meter(anchor=anchor)))
    assert sample.speed_mps == pytest.approx(10.0, rel=0.003)
    assert sample.heading_rad == pytest.approx(np.arctan2(heading[1], heading[0]), abs=0.02)
    assert sample.span_m == pytest.approx(10.0 * sample.span_s, rel=0.01)
    # What drives otherwise than the road begins anew once its heading is known.
    assert sample.samples == (12 if heading[0] == 0 else 9)


def test_without_a_pose_the_centre_of_a_box_reads_too_fast() -> None:
    """The parallax that the pose takes away: seen over the road, a point 0.75 m up at 8 m moves
    8 / 7.25 times as far."""
    blind = SpeedMeter(PLANE, None, WIDTH, HEIGHT, TrackMemory("center", 1.5), anchor="center")
    sample = value(drive(STEADY, 10.0, use=blind))
    assert sample.speed_mps == pytest.approx(10.0 * 8.0 / 7.25, rel=0.03)
    assert value(drive(STEADY, 10.0, use=meter(anchor="center"))).speed_mps == pytest.approx(
        10.0, rel=0.003
    )


@pytest.mark.parametrize("rate", [5, 10, 15, 25])
def test_neither_dropped_frames_nor_a_wandering_clock_change_the_speed(rate: int) -> None:
    rng = np.random.default_rng(rate)
    times = np.sort(rng.choice(np.arange(4 * rate), 3 * rate, replace=False)) / rate
    times = times + rng.uniform(-0.2, 0.2, len(times)) / rate
    assert value(drive(np.sort(times))).speed_mps == pytest.approx(15.0, rel=0.003)


def test_noise_costs_what_the_bound_says_and_the_claim_says_so_too() -> None:
    runs = [value(drive(STEADY, noise_px=1.5, seed=k)) for k in range(60)]
    errors = np.array([run.speed_mps - 15.0 for run in runs])
    road = np.stack([np.full(30, 1.75), 17.75 + 15.0 * STEADY])  # its rear

    bound = least_speed_error(PLANE, road, STEADY, 1.5)
    assert 0.8 * bound < np.sqrt(np.mean(errors**2)) < 2.0 * bound
    assert abs(errors.mean()) < bound
    body = 0.05 / 8.0 * 15.0  # the claim also holds for bodies unlike their class
    claimed = np.mean([np.sqrt(run.standard_error_mps**2 - body**2) for run in runs])
    assert claimed == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.35)


def test_the_bound_agrees_with_a_fit_by_hand() -> None:
    """Straight down at 20 px/m, looks along x: the variance of a slope is σ² / Σ(t − t̄)²."""
    plane = RoadPlane(np.diag([20.0, -20.0, 1.0]), np.zeros((9, 9)))
    times = np.array([0.0, 1.0, 2.0, 3.0])
    road = np.stack([times, np.zeros(4)])
    by_hand = 1.5 / 20 * np.sqrt(0.5) / np.sqrt(5.0)
    assert least_speed_error(plane, road, times, 1.5) == pytest.approx(by_hand, rel=1e-4)


def test_sums_give_the_same_line_as_least_squares() -> None:
    rng = np.random.default_rng(2)
    times = rng.uniform(0, 5, 20)
    places = np.stack([3 + 2 * times, 1 - times]) + rng.normal(0, 0.3, (2, 20))
    sums = Sums(np.zeros((23, 1)))
    for k, t in enumerate(times):
        z = places[:, k : k + 1]
        one = np.array([[1.0], [0.0], [1.0]])
        sums.add(one, z, (z**2).sum(axis=0), np.array([t]))
    sums.shift(np.array([1.5]))
    (x, y, vx, vy), _ = solve(sums)[0][0], None
    assert (vx, x) == pytest.approx(tuple(np.polyfit(times - 1.5, places[0], 1)), abs=1e-3)
    assert (vy, y) == pytest.approx(tuple(np.polyfit(times - 1.5, places[1], 1)), abs=1e-3)


def test_information_is_that_of_the_inverse_jacobian() -> None:
    at = np.array([[600.0], [500.0]])
    (xx, xy, yy), _ = information_at(PLANE, at, (0.5, 1.0))
    jacobian = PLANE.jacobian(at)[:, :, 0]
    covariance = jacobian @ np.diag([0.5, 1.0]) @ jacobian.T
    found = np.array([[xx[0], xy[0]], [xy[0], yy[0]]])
    assert np.allclose(found @ covariance, np.eye(2))


def test_a_braking_car_is_read_at_the_moment_asked_for() -> None:
    found = drive(STEADY, 20.0, acceleration=-3.0, noise_px=0.5)
    assert value(found, 0.5).speed_mps == pytest.approx(18.5, abs=0.5)
    assert value(found, 2.5).speed_mps == pytest.approx(12.5, abs=0.8)
    assert value(found).acceleration_mps2 == pytest.approx(-3.0, abs=0.6)


def test_a_steady_car_has_no_acceleration() -> None:
    assert {value(drive(STEADY, noise_px=1.5, seed=k)).acceleration_mps2 for k in range(20)} == {0}


def test_one_wild_box_does_not_spoil_the_speed() -> None:
    found = meter()
    for k, t in enumerate(STEADY):
        box = box_at(np.array([1.75, 20 + 15 * t]), np.array([0.0, 1.0]))
        found.update(frame({7: box + (np.array([0, 0, 0, 60.0]) if k == 12 else 0)}), float(t))
    assert value(found).speed_mps == pytest.approx(15.0, rel=0.01)


def refusal(found: SpeedMeter) -> str:
    refused = found.measure(7)
    assert isinstance(refused, SpeedRefused), refused
    return refused.reason


def test_no_speed_is_better_than_a_bad_one() -> None:
    assert refusal(drive(STEADY[:2])) == "few_samples"
    assert refusal(meter()) == "unknown_track"
    assert refusal(drive(STEADY, 0.0, noise_px=1.5)) == "standing"
    far = drive(STEADY[:4], 5.0, start=(1.75, 130.0), noise_px=1.5)
    assert refusal(far) in ("uncertain", "standing")
    strict = SpeedParameters(max_relative_error=0.001)
    assert refusal(drive(STEADY, noise_px=1.5, use=meter(strict))) == "uncertain"


def test_a_box_cut_by_the_edge_of_the_picture_is_not_read() -> None:
    """The foot of what leaves below stays at the picture's edge: taken for the car's, it stands."""
    found = meter()
    for t in np.arange(25) / 10:
        box = box_at(np.array([-1.75, 40 - 15 * t]), np.array([0.0, -1.0]))
        cut = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        if cut[3] - cut[1] > 4:
            found.update(frame({7: cut}), float(t))
    sample = value(found)
    assert sample.speed_mps == pytest.approx(15.0, rel=0.005)
    assert sample.samples < 25


def test_the_calibration_has_an_error_of_its_own() -> None:
    rng = np.random.default_rng(1)
    root = 1e-4 * PLANE.to_px.reshape(-1, 1) * rng.normal(size=(9, 4))
    sample = value(drive(STEADY, use=meter(plane=replace(PLANE, covariance=root @ root.T))))
    assert sample.calibration_error_mps > 0
    assert sample.total_error_mps == pytest.approx(
        np.hypot(sample.standard_error_mps, sample.calibration_error_mps)
    )


def test_a_clock_set_back_loses_no_track() -> None:
    found = drive(STEADY[:15])
    for k in range(15, 30):
        box = box_at(np.array([1.75, 20 + 15 * STEADY[k]]), np.array([0.0, 1.0]))
        found.update(frame({7: box}), float(STEADY[k] - 0.1 - 1000.0))
    # How long the step back lasted is not known: the looks since then count.
    assert value(found).speed_mps == pytest.approx(15.0, rel=0.003)
    assert value(found).samples == 15


def test_a_car_that_waited_for_minutes_is_read_as_it_drives() -> None:
    waited = np.arange(900) / 5
    found = meter()
    rng = np.random.default_rng(3)
    ahead = np.array([0.0, 1.0])
    for t in np.concatenate([waited, waited[-1] + 0.2 + np.arange(15) / 5]):
        way = 12.0 * max(0.0, t - waited[-1])
        box = box_at(np.array([1.75, 20.0 + way]), ahead) + rng.normal(0, 1.0, 4)
        found.update(frame({7: box}), float(t))
    assert value(found).speed_mps == pytest.approx(12.0, rel=0.03)


def test_many_tracks_at_once_are_each_their_own_and_leave_nothing_behind() -> None:
    memory = TrackMemory("bottom", 1.5)
    found = SpeedMeter(PLANE, POSE, WIDTH, HEIGHT, memory)
    for t in STEADY:
        boxes = {
            k: box_at(np.array([3.5 * (k % 3 - 1), 20 + (8 + k) * t]), np.array([0.0, 1.0]))
            for k in range(6)
        }
        found.update(frame(boxes), float(t))
    samples = [value(found, track=track) for track in range(6)]
    speeds = [sample.speed_mps for sample in samples]
    assert speeds == pytest.approx([8, 9, 10, 11, 12, 13], rel=0.005)
    assert all(sample.standard_error_mps < 0.5 for sample in samples)
    for t in np.arange(40) / 10 + 3.0:
        found.update(frame({}), float(t))
    assert len(memory) == 0
    assert isinstance(found.measure(3), SpeedRefused)


def test_nonsense_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="least_samples"):
        SpeedParameters(least_samples=2)
    with pytest.raises(ValueError, match="memory_s"):
        SpeedParameters(memory_s=float("nan"))


@pytest.mark.parametrize("length_m", [4.5, 7.0, 11.0])
def test_the_length_of_a_vehicle_follows_from_its_box(length_m: float) -> None:
    assert POSE is not None
    body = BODY_SIZES["car"]
    sizes = CAR.copy()
    sizes[0], sizes[3] = length_m, body.base_length_m * length_m / body.length_m
    low, high = POSE.outlines(np.array([[1.75], [22.0]]), np.array([[0.0], [1.0]]), sizes, body)
    box = np.concatenate([low[:, 0], high[:, 0]])
    found = estimate_length(box, PLANE, POSE, np.pi / 2, body)
    assert found is not None
    assert found.length_m == pytest.approx(length_m, abs=0.15)
    assert 0 < found.standard_error_m < 1.0


def test_a_level_view_along_the_road_shows_no_length() -> None:
    camera = PerspectiveCamera(WIDTH, HEIGHT, 1150, 1.0, 1.5, 0.1, 2.0)
    plane = RoadPlane(np.linalg.inv(camera.image_to_ground), np.zeros((9, 9)))
    pose = camera_pose(plane, WIDTH, HEIGHT)
    assert pose is not None
    low, high = pose.boxes(np.array([[0.0], [60.0]]), np.array([[0.0], [1.0]]), CAR)
    box = np.concatenate([low[:, 0], high[:, 0]])
    assert estimate_length(box, plane, pose, np.pi / 2, BODY_SIZES["car"]) is None


def test_length_classes_have_upper_bounds() -> None:
    assert [length_class(x) for x in (4.0, 6.7, 12.1, 30.0)] == [
        "short",
        "medium",
        "medium",
        "long",
    ]


def test_the_line_s_occupancy_is_the_share_of_time_that_it_is_covered() -> None:
    on_line = [time_on_line_s(length, 10.0, 1.0) for length in (4.0, 9.0, 4.0)]
    assert on_line == [0.5, 1.0, 0.5]
    assert line_occupancy_percent(on_line, 20.0) == 10.0
    assert line_occupancy_percent([], 20.0) == 0.0
    assert line_occupancy_percent([], 0.0) is None


def test_a_track_can_be_measured_after_an_heir_took_its_column() -> None:
    memory = TrackMemory("bottom", 1.5)
    subject = SpeedMeter(PLANE, POSE, WIDTH, HEIGHT, memory)
    heading = np.array([0.0, 1.0])

    def place(time_s: float) -> Floats:
        return np.array([1.75, 20.0 + 10.0 * time_s])

    for k in range(12):
        subject.update(frame({1: box_at(place(k / 10), heading)}), k / 10)
    subject.update(frame({}), 1.2)
    subject.update(frame({2: box_at(place(1.3), heading)}), 1.3)
    assert memory.living.column_of(2) is not None
    assert memory.lost.column_of(1) is None  # it lives on in 2
    before, after = subject.measure(1, 1.0), subject.measure(2)
    assert isinstance(before, SpeedSample)
    assert before.speed_mps == pytest.approx(10.0, abs=0.05)
    assert after == SpeedRefused("few_samples")
    for k in range(14, 80):
        subject.update(frame({2: box_at(place(1.3), heading)}), k / 10)
    subject.update(frame({3: box_at(place(2.0), heading), 2: box_at(place(1.3), heading)}), 8.0)
    assert subject.measure(99) == SpeedRefused("unknown_track")
