"""Headways, and speeds that follow their crossings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.domain.calibration_document import parse_calibration
from sensing.domain.counting import LineCounter
from sensing.domain.memory import TrackMemory
from sensing.domain.passing import SETTLE_S, SHADED_SIZES, Headways, Passings
from sensing.domain.pose import BODY_SIZES
from sensing.domain.results import Crossing, SpeedReading
from sensing.domain.road import CameraRoad, road_for
from sensing.domain.scene import Anchor, CountingLine
from sensing.domain.tracking import Tracks
from sensing.simulation import parse_simulation_url, simulated_calibration

SPEC = parse_simulation_url("sim://road?width=1280&height=720")
CALIBRATION = parse_calibration(simulated_calibration(SPEC))
LINE = CountingLine("road", "Road", (0.08, 0.6), (0.97, 0.6), one_way="backward")


def crossing(track: int, time_s: float, direction: str = "forward", line: str = "road") -> Crossing:
    return Crossing(line, track, 0, direction, "car", "small", 0.9, time_s, 0)  # type: ignore[arg-type]


def watched(*times_s: float, longest_gap_s: float = 1.0) -> Headways:
    headways = Headways(longest_gap_s)
    for time_s in times_s:
        headways.frame(time_s)
    return headways


def seconds(known: tuple[float, object] | None) -> float | None:
    return None if known is None else known[0]


def test_a_headway_is_the_time_since_the_one_before_over_the_same_line_and_way() -> None:
    headways = watched(0.0, 0.5, 1.0)
    assert headways.of(crossing(1, 0.1)) is None  # the first of a run
    assert headways.of(crossing(2, 0.2, "backward")) is None
    assert headways.of(crossing(3, 0.3, line="other")) is None
    assert headways.of(crossing(4, 0.9)) == (pytest.approx(0.8), ("road", 1, 0))
    assert seconds(headways.of(crossing(5, 1.0, "backward"))) == pytest.approx(0.8)


def test_nobody_knows_who_passed_in_a_gap() -> None:
    headways = watched(0.0, 0.5)
    assert headways.of(crossing(1, 0.4)) is None
    headways.frame(3.0)
    assert headways.of(crossing(2, 0.45)) is None  # told late, of before the gap
    assert headways.of(crossing(3, 3.0)) is None
    headways.frame(3.5)
    assert seconds(headways.of(crossing(4, 3.4))) == pytest.approx(0.4)
    headways.frame(1.0)  # the clock was set back
    assert headways.of(crossing(5, 1.0)) is None


def test_a_crossing_told_late_has_the_headway_of_its_own_time() -> None:
    headways = watched(0.0, 1.0, 2.0, 3.0)
    headways.of(crossing(1, 0.5))
    headways.of(crossing(2, 2.5))
    assert seconds(headways.of(crossing(3, 2.0))) == pytest.approx(1.5)
    assert seconds(headways.of(crossing(4, 3.0))) == pytest.approx(0.5)


def drive(
    road: CameraRoad | None,
    cars: dict[int, tuple[float, float]],
    *,
    anchor: Anchor = "center",
    until_s: float = 6.0,
    lost_s: float = math.inf,
    shaded_until_s: float = 0.0,
) -> tuple[list[tuple[float, Crossing]], list[tuple[float, SpeedReading]]]:
    """Cars going away, by track: (y at the start in m, speed in m/s). What is told, and when."""
    memory = TrackMemory(anchor, 1.5)
    counter = LineCounter([LINE], SPEC.width, SPEC.height, anchor, memory=memory)
    passings = Passings([LINE], memory, road)
    crossings: list[tuple[float, Crossing]] = []
    readings: list[tuple[float, SpeedReading]] = []
    for k in range(int(until_s * 10)):
        time_s = k / 10
        seen = cars if time_s < lost_s else {}
        tracks = boxes(time_s, seen, shaded=time_s < shaded_until_s)
        told, settled = passings.update(tracks, time_s, counter.update(tracks, time_s, k))
        crossings += [(time_s, found) for found in told]
        readings += [(time_s, reading) for reading in settled]
    told, settled = passings.finish(counter.finish())
    crossings += [(math.inf, found) for found in told]
    return crossings, readings + [(math.inf, reading) for reading in settled]


def boxes(time_s: float, cars: dict[int, tuple[float, float]], *, shaded: bool = False) -> Tracks:
    pose = CALIBRATION.pose
    assert pose is not None
    count = len(cars)
    ground = np.array([(1.75, y + v * time_s) for y, v in cars.values()]).reshape(-1, 2).T
    heading = np.tile([[0.0], [1.0]], count)
    corners: NDArray[np.float64] = np.zeros((0, 4))
    if count:
        body = (SHADED_SIZES if shaded else BODY_SIZES)["car"]
        sizes = np.repeat(np.array(body.row())[:, None], count, axis=1)
        corners = np.concatenate(pose.outlines(ground, heading, sizes, body)).T
    exact = corners.astype(np.float32)
    return Tracks(
        np.array(list(cars), np.int64), exact, np.full(count, 0.9, np.float32),
        np.zeros(count, np.int32), ("car",), np.ones(count, np.bool_), np.full(count, time_s),
        measured_xyxy=exact, shaded=shaded,
    )  # fmt: skip


TWO = {1: (17.0, 12.0), 2: (2.0, 15.0)}
ROAD = road_for(CALIBRATION, SPEC.width, SPEC.height)


@pytest.mark.parametrize("anchor", ["center", "bottom"])
def test_speeds_follow_their_crossings_with_length_and_gap(anchor: Anchor) -> None:
    crossings, readings = drive(ROAD, TWO, anchor=anchor)
    assert [found.track_id for _, found in crossings] == [1, 2]
    assert [reading.track_id for _, reading in readings] == [1, 2]
    for (told_s, found), (settled_s, reading) in zip(crossings, readings, strict=True):
        assert told_s < found.time_s + 0.8  # once it is clear of the line
        assert found.time_s + SETTLE_S <= settled_s < found.time_s + SETTLE_S + 0.11
        # The meter takes a car for a block: that shifts the middle of its box, not its lower edge.
        off = 0.01 if anchor == "center" else 0.003
        assert reading.speed_mps == pytest.approx(TWO[found.track_id][1], rel=off)
        assert 0.0 < reading.standard_error_mps < 0.5
        assert reading.length_m == pytest.approx(4.5, abs=0.3)
        assert reading.on_line_s == pytest.approx(4.5 / reading.speed_mps, rel=0.1)
    (_, first), (_, second) = crossings
    assert first.headway_s is None
    assert second.headway_s == pytest.approx(second.time_s - first.time_s)
    first_reading, second_reading = readings[0][1], readings[1][1]
    assert first_reading.gap_s is None
    assert first_reading.on_line_s is not None
    assert second_reading.gap_s == pytest.approx(second.headway_s - first_reading.on_line_s)
    # Going away is up in the picture: from the right of the line's arrow to its left.
    assert [found.wrong_way for _, found in crossings] == [False, False]


def test_a_car_that_is_lost_behind_the_line_still_gets_its_speed() -> None:
    crossings, readings = drive(ROAD, {1: TWO[1]}, lost_s=1.2)
    ((told_s, found),) = crossings
    ((settled_s, reading),) = readings
    assert settled_s > 1.2 > found.time_s
    assert reading.speed_mps == pytest.approx(12.0, abs=0.1)
    assert math.isfinite(settled_s)
    assert told_s < settled_s


@pytest.mark.parametrize("swap_s", [0.5, 0.8, 1.0, 1.3, 1.6, 2.0, 9.0])
def test_a_change_of_detector_in_mid_run_spoils_no_speed(swap_s: float) -> None:
    """Until then the boxes take in the shadow beneath the cars, and then they do not: to the lower
    edge that is a jump, and to a meter that goes on with the other bodies a wrong speed."""
    crossings, readings = drive(ROAD, TWO, anchor="bottom", shaded_until_s=swap_s)
    assert [found.track_id for _, found in crossings] == [1, 2]
    assert [reading.track_id for _, reading in readings] == [1, 2]
    for _, reading in readings:
        assert reading.speed_mps == pytest.approx(TWO[reading.track_id][1], rel=0.005)
        assert reading.length_m == pytest.approx(4.5, abs=0.3)


def test_at_the_end_of_a_run_all_that_waits_is_told() -> None:
    _, readings = drive(ROAD, TWO, until_s=2.4)
    assert [reading.track_id for _, reading in readings] == [1, 2]
    assert readings[-1][0] == math.inf


def test_without_a_calibration_there_are_headways_and_no_speeds() -> None:
    crossings, readings = drive(None, TWO)
    assert readings == []
    assert crossings[1][1].headway_s is not None


@pytest.mark.parametrize("anchor", ["center", "bottom"])
def test_without_a_pose_the_lower_edge_gives_the_speed(anchor: Anchor) -> None:
    assert ROAD is not None
    flat = CameraRoad(ROAD.plane, None, SPEC.width, SPEC.height)
    _, readings = drive(flat, {1: TWO[1]}, anchor=anchor)
    ((_, reading),) = readings
    # A bumper is above the road: a little too fast, as the class says.
    assert reading.speed_mps == pytest.approx(12.0, rel=0.05)
    assert (reading.length_m, reading.gap_s, reading.on_line_s) == (None, None, None)


def test_frames_of_another_size_show_the_same_speed() -> None:
    half = road_for(CALIBRATION, SPEC.width // 2, SPEC.height // 2)
    assert half is not None
    assert ROAD is not None
    assert half.pose is not None
    ground = np.array([[1.0, -2.0], [25.0, 60.0]])
    assert half.plane.image(ground) * 2 == pytest.approx(ROAD.plane.image(ground))
    assert road_for(None, 640, 360) is None
