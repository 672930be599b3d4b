from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from sensing.domain.tracking import Tracker, TrackerParameters, Tracks

LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
Box = tuple[float, float, float, float]


def seen(
    boxes: Sequence[Box], confidence: float | Sequence[float] = 0.9, label: str | list[str] = "car"
) -> Detections:
    names = [label] * len(boxes) if isinstance(label, str) else label
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.broadcast_to(np.array(confidence, np.float32), len(boxes)).copy(),
        np.array([LABELS.index(name) for name in names], np.int32),
        LABELS,
    )


def at(x: float, y: float = 100.0, width: float = 60.0, height: float = 40.0) -> Box:
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def follow(tracker: Tracker, looks: Sequence[Detections], fps: float = 10.0) -> list[Tracks]:
    return [tracker.update(look, index / fps) for index, look in enumerate(looks)]


def test_a_track_is_confirmed_at_its_third_look_and_remembers_its_first() -> None:
    shown = follow(Tracker(), [seen([at(100 + 10 * i)]) for i in range(4)])
    assert [len(tracks) for tracks in shown] == [0, 0, 1, 1]
    assert shown[2].track_id.tolist() == [1]
    assert shown[2].first_seen_s.tolist() == [0.0]
    assert shown[2].origin_xyxy is not None
    assert shown[2].origin_xyxy[0].tolist() == list(at(100))


def test_at_three_frames_a_second_two_looks_confirm() -> None:
    shown = follow(Tracker(), [seen([at(100 + 50 * i)]) for i in range(2)], fps=3.0)
    assert [len(tracks) for tracks in shown] == [0, 1]


def test_one_doubtful_look_begins_no_track_but_keeps_one_alive() -> None:
    for confidence in (0.3, 0.45):
        doubtful = follow(Tracker(), [seen([at(100)], confidence) for _ in range(10)])
        assert all(len(tracks) == 0 for tracks in doubtful)
    shown = follow(Tracker(), [seen([at(100)], 0.9 if i < 3 else 0.3) for i in range(20)])
    assert shown[-1].track_id.tolist() == [1]
    assert shown[-1].observed.tolist() == [True]


def test_what_has_left_is_not_found_again_in_a_doubtful_look_beside_its_way() -> None:
    def with_look(x: float) -> list[bool]:
        moving = [seen([at(100 + 10 * i)]) for i in range(10)]
        gone = [seen([])] * 6
        return follow(Tracker(), [*moving, *gone, seen([at(x)], 0.3)])[-1].observed.tolist()

    assert with_look(260 + 20) == [True]  # about where it should be by now
    assert with_look(260 - 50) == [False]


def test_a_lost_track_coasts_for_a_second_then_ends_for_ever() -> None:
    tracker = Tracker()
    follow(tracker, [seen([at(100 + 10 * i)]) for i in range(10)])
    states = [tracker.update(Detections.empty(), 1.0 + i / 10) for i in range(12)]
    assert [len(tracks) for tracks in states] == [1] * 10 + [0] * 2
    assert not any(tracks.observed.any() for tracks in states)
    assert [tracks.ended for tracks in states] == [()] * 10 + [(1,)] + [()]
    assert states[5].xyxy[0, 0] == pytest.approx(at(100 + 150)[0], abs=3)
    again = [tracker.update(seen([at(300)]), 2.5 + i / 10) for i in range(4)]
    assert again[-1].track_id.tolist() == [2]


def test_a_track_found_again_within_a_second_keeps_its_identity() -> None:
    looks = [seen([at(100 + 10 * i)]) if not 10 <= i < 18 else seen([]) for i in range(30)]
    assert {i for tracks in follow(Tracker(), looks) for i in tracks.track_id.tolist()} == {1}


@pytest.mark.parametrize("fps", [3.0, 5.0, 10.0, 30.0])
def test_a_fast_small_object_keeps_its_identity_at_any_rate(fps: float) -> None:
    speed_px_s = 240.0  # six of its own sizes a second
    looks = [seen([at(20 + speed_px_s * i / fps, width=40, height=40)]) for i in range(12)]
    assert {i for tracks in follow(Tracker(), looks, fps) for i in tracks.track_id.tolist()} == {1}


def test_uneven_frame_times_do_not_disturb_the_motion() -> None:
    tracker, times = Tracker(), np.cumsum([0.1, 0.1, 0.4, 0.05, 0.3, 0.1, 0.5, 0.1])
    shown = [tracker.update(seen([at(100 + 200 * t)]), float(t)) for t in times]
    assert shown[-1].track_id.tolist() == [1]
    assert shown[-1].xyxy[0, 0] == pytest.approx(at(100 + 200 * times[-1])[0], abs=3)


def test_the_class_is_voted_over_the_whole_track() -> None:
    names = ["car", "truck", "car", "truck", "truck", "truck", "car", "truck"]
    shown = follow(Tracker(), [seen([at(100 + 5 * i)], label=[n]) for i, n in enumerate(names)])
    assert {i for tracks in shown for i in tracks.track_id.tolist()} == {1}
    assert LABELS[shown[-1].class_id[0]] == "truck"


def test_a_sure_look_outvotes_two_doubtful_ones() -> None:
    looks = [seen([at(100)], 0.95, "bus")] + [seen([at(100)], 0.45, "car")] * 2
    shown = follow(Tracker(), looks)
    assert LABELS[shown[-1].class_id[0]] == "bus"


def test_a_van_found_as_car_and_truck_is_one_track() -> None:
    looks = [
        seen([at(100 + 5 * i), at(102 + 5 * i, 101)], [0.6, 0.55], ["car", "truck"])
        for i in range(20)
    ]
    assert {i for tracks in follow(Tracker(), looks) for i in tracks.track_id.tolist()} == {1}


def test_two_cars_close_together_are_two_tracks() -> None:
    looks = [seen([at(100 + 5 * i), at(145 + 5 * i)]) for i in range(20)]
    assert {i for tracks in follow(Tracker(), looks) for i in tracks.track_id.tolist()} == {1, 2}


def test_a_rider_and_the_motorcycle_are_one_motorcycle() -> None:
    looks = [
        seen(
            [at(100 + 8 * i, 120, 60, 60), at(100 + 8 * i, 100, 40, 80)],
            [0.5, 0.9],
            ["motorcycle", "person"],
        )
        for i in range(10)
    ]
    shown = follow(Tracker(), looks)
    assert [LABELS[i] for i in shown[-1].class_id] == ["motorcycle"]


def ridden(motorcycle: float, person: float) -> list[Detections]:
    """A rider seen with these confidences, he and what he rides."""
    return [
        seen(
            [at(100 + 8 * i, 120, 60, 60), at(100 + 8 * i, 110, 50, 70)],
            [motorcycle, person],
            ["motorcycle", "person"],
        )
        for i in range(10)
    ]


def test_a_surely_seen_rider_vouches_for_a_weakly_seen_motorcycle() -> None:
    shown = follow(Tracker(), ridden(0.35, 0.6))
    assert [LABELS[i] for i in shown[-1].class_id] == ["motorcycle"]
    assert shown[2].track_id.tolist() == [1]  # it has been there from the first look


def test_who_hardly_seems_to_ride_walks() -> None:
    shown = follow(Tracker(), ridden(0.2, 0.6))
    assert [LABELS[i] for i in shown[-1].class_id] == ["person"]


def test_neither_vouches_for_the_other_when_both_are_weak() -> None:
    assert not len(follow(Tracker(), ridden(0.4, 0.45))[-1])


def test_a_person_who_passes_a_car_does_not_take_over_its_track() -> None:
    looks = []
    for i in range(40):
        person = at(40 + 6 * i, 105, 20, 50)
        hidden = 15 <= i < 18  # the car is missed while the person is before it
        boxes, names = ([person], ["person"]) if hidden else ([person, at(150)], ["person", "car"])
        looks.append(seen(boxes, label=names))
    last = follow(Tracker(), looks)[-1]
    assert dict(zip(last.track_id.tolist(), last.class_id.tolist(), strict=True)) == {1: 0, 2: 2}


def test_cars_that_cross_keep_their_identities() -> None:
    looks = [seen([at(100 + 10 * i, 100), at(500 - 10 * i, 120)]) for i in range(40)]
    last = follow(Tracker(), looks)[-1]
    where = dict(zip(last.track_id.tolist(), last.xyxy[:, 0].tolist(), strict=True))
    assert where[1] > 400
    assert where[2] < 200


def test_what_is_no_box_is_ignored() -> None:
    nan, inf = float("nan"), float("inf")
    odd: list[Box] = [(nan, 0, 10, 10), (0, 0, inf, 10), (50, 50, 40, 60), (5, 5, 5, 5)]
    odd += [(-inf, 0, 10, 10)]
    looks = [seen([at(100), *odd], [0.9] + [0.99] * len(odd)) for _ in range(5)]
    looks.append(seen([at(100)], nan))
    shown = follow(Tracker(), looks)
    assert all(np.isfinite(tracks.xyxy).all() for tracks in shown)
    assert shown[-1].track_id.tolist() == [1]


def test_frames_without_objects_are_frames() -> None:
    tracker = Tracker()
    assert all(len(tracker.update(Detections.empty(), i / 10)) == 0 for i in range(5))
    assert len(follow(tracker, [seen([])] * 5)[-1]) == 0


@pytest.mark.parametrize("odd_time", [0.2, 0.0, -1000.0, float("nan"), float("inf")])
def test_a_clock_that_stands_jumps_back_or_breaks_moves_nothing(odd_time: float) -> None:
    tracker = Tracker()
    follow(tracker, [seen([at(100)])] * 3)
    odd = tracker.update(seen([at(100)]), odd_time)
    assert odd.track_id.tolist() == [1]
    base = odd_time if np.isfinite(odd_time) else 0.2
    after = [tracker.update(seen([at(100)]), base + i / 10) for i in range(5)]
    assert after[-1].track_id.tolist() == [1]
    assert np.isfinite(after[-1].xyxy).all()


def test_a_long_hole_in_the_stream_ends_all_tracks() -> None:
    tracker = Tracker()
    follow(tracker, [seen([at(100)])] * 5)
    assert tracker.update(seen([at(100)]), 10.0).ended == (1,)


def test_ids_are_not_used_again_after_a_reset() -> None:
    tracker = Tracker()
    follow(tracker, [seen([at(100)])] * 3)
    tracker.reset()
    assert follow(tracker, [seen([at(100)])] * 3)[-1].track_id.tolist() == [2]


def test_another_models_labels_go_on_with_the_same_track() -> None:
    tracker = Tracker()
    follow(tracker, [seen([at(100)])] * 5)
    other = Detections(
        np.array([at(100)], np.float32),
        np.array([0.9], np.float32),
        np.array([1], np.int32),
        ("truck", "car", "van"),
    )
    shown = tracker.update(other, 0.5)
    assert shown.track_id.tolist() == [1]
    assert shown.labels[shown.class_id[0]] == "car"


def test_memory_stays_flat_over_thousands_of_objects() -> None:
    rng, tracker = np.random.default_rng(1), Tracker()
    for index in range(1500):
        boxes = [at(float(x), float(y)) for x, y in rng.uniform(0, 5000, (5, 2))]
        tracker.update(seen(boxes), index / 10)
    assert len(tracker._state) < 40
    assert len(tracker._translations) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"low_confidence": 0.6}, "low_confidence <= high_confidence"),
        ({"birth_confidence": 0.3}, "high_confidence <= birth_confidence"),
        ({"confirm_hits": 0}, "confirm_hits of at least 1"),
        ({"lost_s": -1.0}, "lost_s of at least 0 s"),
    ],
)
def test_nonsense_parameters_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackerParameters(**wrong)
