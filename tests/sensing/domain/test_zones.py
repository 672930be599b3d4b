from __future__ import annotations

import numpy as np
import pytest

from sensing.domain.results import Visit
from sensing.domain.scene import Zone
from sensing.domain.zones import VisitParameters, ZoneMonitor
from tests.sensing.domain.paths import HEIGHT, WIDTH, Frame, straight, tracks

ROOM = Zone("room", "room", ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)))


def watch(
    frames: list[Frame], parameters: VisitParameters | None = None, zone: Zone = ROOM
) -> tuple[list[Visit], list[int]]:
    """The visits of these frames, and the occupancy on each."""
    monitor = ZoneMonitor([zone], WIDTH, HEIGHT, parameters=parameters)
    visits: list[Visit] = []
    occupancy: list[int] = []
    for time_s, centres in frames:
        visits += monitor.update(tracks(centres, time_s, label="person"), time_s)
        occupancy.append(monitor.occupancy()[zone.id])
    return visits + monitor.finish(), occupancy


def stay(seconds: float, track: int = 1, start_s: float = 0.0) -> list[Frame]:
    return [(start_s + i / 10, {track: (500.0, 500.0)}) for i in range(round(seconds * 10) + 1)]


def test_a_walk_through_is_one_visit_with_the_times_at_the_edges() -> None:
    visits, occupancy = watch(straight((200, 500), (800, 500), 61))
    assert [(v.zone_id, v.track_id, v.nth, v.object_class) for v in visits] == [
        ("room", 1, 0, "person")
    ] or visits == []
    visits, occupancy = watch(straight((200, 500), (800, 500), 121))
    assert [(v.zone_id, v.track_id, v.nth, v.object_class) for v in visits] == [
        ("room", 1, 0, "person")
    ]
    assert visits[0].enter_s == pytest.approx(4.0, abs=0.01)
    assert visits[0].leave_s == pytest.approx(8.0, abs=0.01)
    assert (min(occupancy), max(occupancy)) == (0, 1)


@pytest.mark.parametrize(("seconds", "visits"), [(1.5, 0), (2.5, 1)])
def test_a_stay_shorter_than_the_minimum_is_no_visit(seconds: float, visits: int) -> None:
    assert len(watch(stay(seconds))[0]) == visits


def test_a_minute_at_the_edge_with_jitter_is_one_visit() -> None:
    rng = np.random.default_rng(4)
    inside = straight((500, 500), (600, 500), 20)
    edge: list[Frame] = [
        (2.0 + i / 10, {1: (600.0 + float(dx), 500.0 + float(dy))})
        for i, (dx, dy) in enumerate(rng.normal(0.0, 3.0, (600, 2)))
    ]
    assert len(watch(inside + edge)[0]) == 1


@pytest.mark.parametrize(("out_s", "visits"), [(1.0, 1), (4.0, 2)])
def test_stepping_out_for_less_than_the_reentry_time_goes_on_with_the_visit(
    out_s: float, visits: int
) -> None:
    frames = stay(5.0)
    frames += [(5.1 + i / 10, {1: (650.0, 500.0)}) for i in range(int(out_s * 10))]
    frames += stay(5.0, start_s=frames[-1][0] + 0.1)
    found, _ = watch(frames)
    assert [v.nth for v in found] == list(range(visits))


@pytest.mark.parametrize(("lost_s", "visits"), [(0.0, 1), (1.5, 1), (6.0, 2)])
def test_an_identity_switch_inside_goes_on_with_the_visit(lost_s: float, visits: int) -> None:
    frames = stay(5.0)
    frames += [(5.1 + i / 10, {}) for i in range(int(lost_s * 10))]
    frames += stay(5.0, track=2, start_s=frames[-1][0] + 0.1)
    found, occupancy = watch(frames)
    assert len(found) == visits
    assert max(occupancy) == 1
    if visits == 1:
        assert found[0].track_id == 2
        assert (found[0].enter_s, found[0].leave_s) == (0.0, pytest.approx(10.1 + lost_s))


def test_who_is_lost_inside_left_when_last_seen() -> None:
    frames = stay(5.0) + [(5.1 + i / 10, {}) for i in range(100)]
    found, occupancy = watch(frames)
    assert [(v.enter_s, v.leave_s, v.dwell_s) for v in found] == [(0.0, 5.0, 5.0)]
    assert occupancy[-1] == 0


def test_occupancy_counts_all_who_are_inside() -> None:
    frames: list[Frame] = [
        (i / 10, {1: (450.0, 450.0), 2: (550.0, 550.0), 3: (800.0, 500.0)}) for i in range(30)
    ]
    assert watch(frames)[1] == [2] * 30


def test_another_person_who_comes_later_is_another_visit() -> None:
    frames = stay(5.0) + [(5.1 + i / 10, {}) for i in range(50)] + stay(5.0, track=2, start_s=10.1)
    assert [(v.track_id, v.enter_s) for v in watch(frames)[0]] == [(1, 0.0), (2, 10.1)]


def test_a_zone_narrower_than_the_band_can_still_be_entered() -> None:
    slit = Zone("slit", "slit", ((0.0, 0.499), (1.0, 0.499), (1.0, 0.503), (0.0, 0.503)))
    found, _ = watch([(i / 10, {1: (500.0, 501.0)}) for i in range(50)], zone=slit)
    assert len(found) == 1


def test_a_class_that_is_not_counted_is_not_reported() -> None:
    monitor = ZoneMonitor([ROOM], WIDTH, HEIGHT)
    for time_s, centres in stay(5.0):
        monitor.update(tracks(centres, time_s), time_s, np.array([False]))
    assert monitor.occupancy() == {"room": 0}
    assert monitor.finish() == []


def test_nothing_is_remembered_of_who_left() -> None:
    monitor = ZoneMonitor([ROOM], WIDTH, HEIGHT)
    for index in range(300):
        centres = {index + 1: (500.0 + index % 7, 500.0)} if index < 200 else {}
        monitor.update(tracks(centres, index / 10), index / 10)
    assert len(monitor._memory) == 0


@pytest.mark.parametrize("name", ["minimum_stay_s", "reentry_s"])
def test_nonsense_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} of at least 0 s, got nan"):
        VisitParameters(**{name: float("nan")})


def test_who_comes_in_where_another_leaves_does_not_go_on_with_his_visit() -> None:
    hall = Zone("hall", "hall", ((0.0, 0.0), (0.6, 0.0), (0.6, 1.0), (0.0, 1.0)))
    monitor = ZoneMonitor([hall], WIDTH, HEIGHT)
    visits: list[Visit] = []
    for frame in range(120):
        time_s = frame / 10
        centres = {}
        if frame < 50:
            centres[1] = (500.0 - 10.0 * frame, 500.0)  # to the left edge and out
        if frame >= 57:
            centres[2] = (10.0 * (frame - 55), 530.0)  # in over the same edge
        here = tracks(centres, time_s, label="person", first_seen_s={2: 5.5})
        origin = here.xyxy.copy()
        if 2 in centres:
            origin[-1] = tracks({2: (0.0, 530.0)}, 5.5).xyxy[0]
        here = type(here)(**{**vars(here), "origin_xyxy": origin})
        visits += monitor.update(here, time_s)
    visits += monitor.finish()
    assert [(v.track_id, v.nth) for v in visits] == [(1, 0), (2, 0)]
