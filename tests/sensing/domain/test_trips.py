"""Movements of tracks between lines, also through the tracker's losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sensing.domain.counting import LineCounter
from sensing.domain.memory import TrackMemory
from sensing.domain.results import Crossing, Movement
from sensing.domain.scene import CountingLine
from sensing.domain.trips import Trips
from tests.sensing.domain.paths import HEIGHT, WIDTH, Frame, straight, tracks

UPPER = CountingLine("upper", "Upper", (0.1, 0.4), (0.9, 0.4))
LOWER = CountingLine("lower", "Lower", (0.1, 0.6), (0.9, 0.6))


def run(
    frames: Iterable[Frame], *, label: str = "car", longest_s: float = 600.0, finish: bool = True
) -> tuple[list[tuple[float, Movement]], list[Crossing]]:
    """(when told, movement), and all crossings."""
    memory = TrackMemory("center", 1.5)
    counter = LineCounter([UPPER, LOWER], WIDTH, HEIGHT, memory=memory)
    trips = Trips(memory, longest_s)
    found: list[tuple[float, Movement]] = []
    passed: list[Crossing] = []
    for index, (time_s, centres) in enumerate(frames):
        seen = tracks(centres, time_s, label=label)
        crossings = counter.update(seen, time_s, index)
        found += [(time_s, m) for m in trips.update(seen, time_s, crossings)]
        passed += crossings
    if finish:
        found += [(1e9, m) for m in trips.finish(counter.finish())]
    return found, passed


def empty(start_s: float, count: int) -> list[Frame]:
    return [(start_s + k / 10, {}) for k in range(count)]


DOWN = straight((500, 300), (500, 700), 41)


def test_a_track_is_a_movement_from_its_first_line_to_its_last_when_it_is_over() -> None:
    found, passed = run([*DOWN, *empty(4.1, 30)], finish=False)
    ((told_s, movement),) = found
    assert (movement.origin, movement.destination) == (("upper", "forward"), ("lower", "forward"))
    assert (movement.track_id, movement.object_class) == (1, "car")
    assert movement.time_s == passed[-1].time_s
    assert 5.4 < told_s < 6.0  # a lost track is waited for


def test_a_run_that_ends_ends_all_trips_once() -> None:
    found, _ = run(DOWN)
    assert [told_s for told_s, _ in found] == [1e9]
    assert run([*DOWN, *empty(4.1, 30)])[0][0][0] < 10.0
    assert len(run([*DOWN, *empty(4.1, 30)])[0]) == 1


def test_one_line_is_no_movement_and_to_and_fro_is_a_turn() -> None:
    assert run(straight((500, 300), (500, 500), 21))[0] == []
    back = [(2.1 + k / 10, {1: (500.0, 500.0 - 10 * k)}) for k in range(21)]
    ((_, movement),) = run([*straight((500, 300), (500, 500), 21), *back])[0]
    assert (movement.origin, movement.destination) == (("upper", "forward"), ("upper", "backward"))


def test_an_heir_goes_on_with_its_parent_s_trip() -> None:
    lost = [(t, c if t < 1.9 or t > 2.3 else {}) for t, c in DOWN]
    renamed = [(t, {2: c[1]} if t > 2.3 and c else c) for t, c in lost]
    ((_, movement),) = run(renamed)[0]
    assert (movement.track_id, movement.origin, movement.destination) == (
        2,
        ("upper", "forward"),
        ("lower", "forward"),
    )


def test_who_waits_longer_than_a_trip_lasts_begins_another() -> None:
    wait = [(2.1 + k, {1: (500.0, 500.0)}) for k in range(20)]
    on = [(22.2 + k / 10, {1: (500.0, 500.0 + 10 * k)}) for k in range(21)]
    way = [*straight((500, 300), (500, 500), 21), *wait, *on]
    assert len(run(way)[0]) == 1
    assert run(way, longest_s=10.0)[0] == []


def test_many_tracks_make_the_movements_that_their_crossings_tell() -> None:
    frames: list[Frame] = []
    for k in range(61):
        centres = {
            1: (300.0, 300 + 10.0 * k),
            2: (600.0, 900 - 10.0 * k),
            3: (800.0, 300 + 4.0 * k),
            4: (150.0, 480 + 10.0 * (k - 30)),
        }
        frames.append((k / 10, {i: c for i, c in centres.items() if 0 <= c[1] <= 1000}))
    found, passed = run(frames)
    gates: dict[int, list[tuple[str, str]]] = {}
    for crossing in passed:
        gates.setdefault(crossing.track_id, []).append((crossing.line_id, crossing.direction))
    ends = {track: (way[0], way[-1]) for track, way in gates.items() if len(way) > 1}
    assert len(found) == 3
    assert {m.track_id: (m.origin, m.destination) for _, m in found} == ends


def test_a_class_that_changes_on_the_way_is_still_one_movement() -> None:
    memory = TrackMemory("center", 1.5)
    counter = LineCounter([UPPER, LOWER], WIDTH, HEIGHT, memory=memory)
    trips = Trips(memory)
    for index, (time_s, centres) in enumerate(DOWN):
        label = "person" if centres[1][1] < 500 else "bicycle"
        seen = tracks(centres, time_s, label=label)
        trips.update(seen, time_s, counter.update(seen, time_s, index))
    (movement,) = trips.finish(counter.finish())
    assert movement.object_class == "bicycle"
    assert dataclasses.astuple(movement)[1:3] == (("upper", "forward"), ("lower", "forward"))
