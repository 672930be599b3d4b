from __future__ import annotations

import numpy as np
import pytest

from sensing.domain.counting import CountingParameters, LineCounter
from sensing.domain.scene import CountingLine
from tests.sensing.domain.paths import (
    ACROSS,
    HEIGHT,
    WIDTH,
    Frame,
    Point,
    count,
    straight,
    through,
    tracks,
    tracks_at,
)

DOWN = ((500.0, 350.0), (500.0, 650.0))
UP = DOWN[::-1]


def line(x1: float, y1: float, x2: float, y2: float) -> CountingLine:
    return CountingLine("a", "a", (x1, y1), (x2, y2))


@pytest.mark.parametrize(
    ("drawn", "way", "expected"),
    [
        (ACROSS, DOWN, "forward"),
        (ACROSS, UP, "backward"),
        (line(0.8, 0.5, 0.2, 0.5), DOWN, "backward"),
        (line(0.8, 0.5, 0.2, 0.5), UP, "forward"),
        (line(0.5, 0.2, 0.5, 0.8), ((350, 500), (650, 500)), "backward"),
        (line(0.5, 0.2, 0.5, 0.8), ((650, 500), (350, 500)), "forward"),
        (line(0.5, 0.8, 0.5, 0.2), ((350, 500), (650, 500)), "forward"),
        (line(0.2, 0.2, 0.8, 0.8), ((650, 350), (350, 650)), "forward"),
        (line(0.2, 0.2, 0.8, 0.8), ((350, 650), (650, 350)), "backward"),
        (line(0.8, 0.8, 0.2, 0.2), ((350, 650), (650, 350)), "forward"),
    ],
)
def test_forward_is_from_the_left_of_the_arrow_to_its_right(
    drawn: CountingLine, way: tuple[Point, Point], expected: str
) -> None:
    assert [c.direction for c in count(straight(*way, 12), drawn)] == [expected]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param([(500, y) for y in (400, 430, 460)], [], id="stops short of the line"),
        pytest.param(
            [(500, y) for y in (400, 450, 503, 502, 450, 400)], [], id="turns on the line"
        ),
        pytest.param(
            [(500, y) for y in (400, 450, 520, 580, 580, 520, 450, 400)],
            ["forward", "backward"],
            id="passes and comes back",
        ),
        pytest.param(
            [(500, y) for y in (400, 460, 540, 600, 540, 460, 400, 460, 540, 600)],
            ["forward", "backward", "forward"],
            id="passes three times",
        ),
        pytest.param([(500, 380), (500, 620)], ["forward"], id="jumps over it between two looks"),
        pytest.param(
            [(500, 400), (500, 495), (500, 505), (500, 600)], ["forward"], id="slow, then off"
        ),
        pytest.param([(100, y) for y in (400, 450, 550, 600)], [], id="outside of its left end"),
        pytest.param([(900, y) for y in (400, 450, 550, 600)], [], id="outside of its right end"),
        pytest.param([(210, y) for y in (400, 450, 550, 600)], ["forward"], id="just inside"),
        pytest.param(
            [(100, 400), (100, 600), (500, 600), (500, 400)],
            ["backward"],
            id="around its end and back through it",
        ),
        pytest.param([(300, 480), (700, 490), (300, 495)], [], id="runs along it"),
        pytest.param(
            [(500, y) for y in (497, 499, 502, 510, 540, 600)],
            ["forward"],
            id="born inside the band",
        ),
        pytest.param([(500, y) for y in (503, 505, 520, 560)], [], id="born just past it"),
    ],
)
def test_a_path_is_counted_once_per_true_change_of_side(
    points: list[Point], expected: list[str]
) -> None:
    assert [c.direction for c in count(through(points))] == expected


@pytest.mark.parametrize("fps", [3.0, 10.0, 25.0])
def test_a_minute_on_the_line_with_3_px_jitter_counts_once_per_vehicle(fps: float) -> None:
    # Ten roads, each over one line as wide as the picture, with ten vehicles side by side.
    rng = np.random.default_rng(7)
    roads, abreast, stand = 10, 10, int(60 * fps)
    approach = np.linspace(-200.0, 0.0, int(2 * fps) + 1)
    along = np.concatenate([approach, np.zeros(stand), -approach[::-1]])
    middle = np.stack(np.meshgrid(np.arange(abreast), np.arange(roads)), axis=-1).reshape(-1, 2)
    middle = (middle + 0.5) * (200.0, 1000.0)
    width, height = 200 * abreast, 1000 * roads
    levels = [(i + 0.5) / roads for i in range(roads)]
    lines = [CountingLine(str(i), str(i), (0.0, y), (1.0, y)) for i, y in enumerate(levels)]
    counter = LineCounter(lines, width, height)
    found = []
    for frame, way in enumerate(along.tolist()):
        centres = middle + rng.normal((0.0, way), 3.0, middle.shape)
        found += counter.update(tracks_at(centres, frame / fps), frame / fps, frame)
    found += counter.finish()
    vehicles = [c.track_id for c in found]
    assert sorted(vehicles) == list(range(1, roads * abreast + 1))
    assert all(c.line_id == str((c.track_id - 1) // abreast) for c in found)
    assert {c.direction for c in found} == {"forward"}


@pytest.mark.parametrize("gap_frames", [0, 1, 3, 6])
@pytest.mark.parametrize("switch_at", [430.0, 470.0, 490.0, 500.0, 510.0])
def test_an_identity_switch_at_the_line_counts_once(gap_frames: int, switch_at: float) -> None:
    frames: list[Frame] = []
    for time_s, centres in straight((500, 300), (500, 700), 41):
        y = centres[1][1]
        if y < switch_at:
            frames.append((time_s, {1: centres[1]}))
        elif y < switch_at + 10.0 * gap_frames:
            frames.append((time_s, {}))
        else:
            frames.append((time_s, {2: centres[1]}))
    assert [c.direction for c in count(frames)] == ["forward"]


def test_a_lost_track_that_coasts_over_the_line_leaves_the_crossing_to_its_heir() -> None:
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    found = []
    for frame, (time_s, centres) in enumerate(straight((500, 300), (500, 700), 41)):
        y = centres[1][1]
        here = {1: centres[1]} if y < 480 else {1: centres[1], 2: centres[1]}
        if y < 480 or y > 520:
            unseen = [1] if y > 520 else []
        else:
            here, unseen = {1: centres[1]}, [1]
        found += counter.update(tracks(here, time_s, unseen=unseen), time_s, frame)
    assert [(c.direction, c.track_id) for c in found + counter.finish()] == [("forward", 2)]


def test_a_coasting_track_without_an_heir_counts_nothing() -> None:
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    found = []
    for frame, (time_s, centres) in enumerate(straight((500, 300), (500, 700), 41)):
        unseen = [1] if centres[1][1] > 480 else []
        found += counter.update(tracks(centres, time_s, unseen=unseen), time_s, frame)
    assert found + counter.finish() == []


def test_two_tracks_of_one_object_count_once() -> None:
    frames = [
        (time_s, {1: point, 2: (point[0] + 3.0, point[1] + 2.0)})
        for time_s, centres in straight(*DOWN, 20)
        for point in centres.values()
    ]
    assert [c.direction for c in count(frames)] == ["forward"]


def test_two_objects_side_by_side_count_twice() -> None:
    frames = [
        (time_s, {1: point, 2: (point[0] + 70.0, point[1])})
        for time_s, centres in straight(*DOWN, 20)
        for point in centres.values()
    ]
    assert [c.track_id for c in count(frames)] == [1, 2]


def test_two_objects_that_meet_on_the_line_count_in_both_directions() -> None:
    down, up = straight((470, 350), (470, 650), 20), straight((530, 650), (530, 350), 20)
    frames = [(a[0], {1: a[1][1], 2: b[1][1]}) for a, b in zip(down, up, strict=True)]
    assert sorted(c.direction for c in count(frames)) == ["backward", "forward"]


def test_a_follower_born_before_the_line_is_not_taken_for_the_one_that_left() -> None:
    frames: list[Frame] = []
    for time_s, centres in straight((500, 400), (500, 620), 12):
        frames.append((time_s, {1: centres[1]}))
    for time_s, centres in straight((500, 380), (500, 620), 12):
        frames.append((1.2 + time_s, {2: centres[1]}))
    assert [(c.track_id, c.direction) for c in count(frames)] == [(1, "forward"), (2, "forward")]


def test_a_truck_wider_than_the_line_counts_once() -> None:
    short = line(0.48, 0.5, 0.52, 0.5)
    assert len(count(straight(*DOWN, 20), short, size=(400.0, 200.0))) == 1


def test_dropped_frames_lose_nothing_and_the_time_is_interpolated() -> None:
    frames = straight((500, 400), (500, 600), 21)
    crossing = count([frame for i, frame in enumerate(frames) if i % 7 == 0 or i > 14])[0]
    assert crossing.time_s == pytest.approx(1.0)


def test_an_object_that_vanishes_past_the_line_is_counted_at_its_end() -> None:
    points = [(500.0, y) for y in (434.0, 460.0, 486.0, 512.0)]
    assert count(through(points), finish=False) == []
    crossing = count(through(points))[0]
    assert (crossing.direction, crossing.frame_index) == ("forward", 3)


def test_a_stop_past_the_line_is_timed_when_it_came_and_before_it_when_it_left() -> None:
    rng = np.random.default_rng(3)
    for offset, expected in ((2.0, 5.0), (-2.0, 15.0)):
        y = np.concatenate(
            [
                np.linspace(300, 500 + offset, 50),
                np.full(100, 500 + offset),
                np.linspace(500, 700, 50),
            ]
        )
        jittered = [(500.0, float(v)) for v in y + rng.normal(0.0, 2.0, len(y))]
        assert count(through(jittered))[0].time_s == pytest.approx(expected, abs=0.6)


def test_a_track_seen_before_it_was_confirmed_is_counted_from_its_first_look() -> None:
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    confirmed = tracks({1: (500.0, 560.0)}, 1.2, first_seen_s={1: 1.0})
    origin = tracks({1: (500.0, 460.0)}, 1.0).xyxy
    confirmed = type(confirmed)(**{**vars(confirmed), "origin_xyxy": origin})
    later = tracks({1: (500.0, 600.0)}, 1.3)
    found = counter.update(confirmed, 1.2, 2) + counter.update(later, 1.3, 3)
    assert [(c.direction, round(c.time_s, 2)) for c in found] == [("forward", 1.08)]


def test_passes_of_one_track_are_numbered() -> None:
    points = [(500.0, y) for y in (400, 460, 540, 600, 540, 460, 400, 460, 540, 600)]
    assert [(c.track_id, c.nth) for c in count(through(points))] == [(1, 0), (1, 1), (1, 2)]


def test_only_counted_tracks_are_reported_but_all_are_followed() -> None:
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    found = []
    for frame, (time_s, centres) in enumerate(straight(*DOWN, 20)):
        car_now = np.array([frame > 15])
        found += counter.update(tracks(centres, time_s), time_s, frame, car_now)
    assert found == []


def test_a_clock_set_back_keeps_the_count_and_forgets_lost_tracks() -> None:
    frames = straight((500, 300), (500, 700), 41)
    back = [(t if t < 1.5 else t - 1000.0, c) for t, c in frames]
    assert len(count(back)) == 1
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    for index in range(200):
        time_s = (-1000.0 if index > 100 else 0.0) + index / 10
        counter.update(tracks({index + 1: (float(index), 100.0)}, time_s), time_s, index)
    assert len(counter._memory) < 40


def test_nothing_is_remembered_of_tracks_that_ended() -> None:
    counter = LineCounter([ACROSS], WIDTH, HEIGHT)
    for index in range(100):
        time_s = index / 10
        counter.update(tracks({index + 1: (10.0 * index, 300.0)}, time_s), time_s, index)
    for index in range(100, 200):
        counter.update(tracks({}, index / 10), index / 10, index)
    assert (len(counter._memory), counter._recent, counter._memory._inherited) == (0, [], set())


def test_no_lines_no_objects_no_crossings() -> None:
    assert LineCounter([], WIDTH, HEIGHT).update(tracks({1: (1.0, 1.0)}, 0.0), 0.0, 0) == []
    assert LineCounter([ACROSS], WIDTH, HEIGHT).update(tracks({}, 0.0), 0.0, 0) == []
    assert LineCounter([ACROSS], WIDTH, HEIGHT).finish() == []


@pytest.mark.parametrize("name", ["band_share", "band_noise", "band_least_px", "heir_s"])
def test_nonsense_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} of at least 0, got -1"):
        CountingParameters(**{name: -1.0})
