"""What motion sees travel counts for a learned detector's weak boxes, and for nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from models_registry.runtime.motion import MotionDetector, Moving
from models_registry.runtime.motion_memory import Thing
from models_registry.runtime.vouching import LOOK_PERIOD_S, SURE, VouchedDetector, Witness, vouched

BOX = (100.0, 100.0, 160.0, 140.0)
ELSEWHERE = (300.0, 100.0, 360.0, 140.0)


def found(*boxes: tuple[tuple[float, ...], float, int]) -> Detections:
    return Detections(
        np.array([x[0] for x in boxes], np.float32).reshape(-1, 4),
        np.array([x[1] for x in boxes], np.float32),
        np.array([x[2] for x in boxes], np.int32),
        ("person", "car", "truck"),
    )


def moving(box: tuple[float, ...], confidence: float) -> Moving:
    place = np.array(box, np.float32)
    return Moving(Thing(place, (place[:2] + place[2:]) / 2), place, confidence, 3)


def test_a_weak_box_on_a_travelling_thing_is_raised_and_keeps_its_class() -> None:
    told = vouched(found((BOX, 0.2, 1), (ELSEWHERE, 0.2, 0)), [moving(BOX, 0.9)])

    assert told.confidence == pytest.approx([SURE, 0.2])
    assert told.class_id.tolist() == [1, 0]


def test_only_the_strongest_box_of_a_thing_is_raised() -> None:
    half = (84.0, 100.0, 130.0, 140.0)

    told = vouched(found((half, 0.2, 1), (BOX, 0.3, 1)), [moving(BOX, 0.9)])

    assert sorted(told.confidence) == pytest.approx([0.2, SURE])


def test_a_vehicle_of_two_classes_has_one_box_and_a_person_before_it_keeps_its_own() -> None:
    nearly = (104.0, 100.0, 164.0, 140.0)
    boxes = found((BOX, 0.3, 1), (nearly, 0.5, 2), (BOX, 0.4, 0))

    told = vouched(boxes, [])

    assert sorted(told.class_names()) == ["person", "truck"]


ROOF = (104.0, 100.0, 150.0, 122.0)


def test_a_part_of_a_vehicle_that_travels_is_left_out_and_what_is_sure_or_a_person_stays() -> None:
    boxes = found((BOX, 0.5, 1), (ROOF, 0.29, 2), (ROOF, 0.3, 0), (ELSEWHERE, 0.3, 1))

    assert sorted(vouched(boxes, [moving(BOX, 0.9)]).class_names()) == ["car", "car", "person"]

    before_a_bus = found((BOX, 0.5, 1), (ROOF, SURE, 2))
    assert len(vouched(before_a_bus, [moving(BOX, 0.9)])) == 2


def test_a_vehicle_that_looks_out_from_behind_a_van_stays() -> None:
    boxes = found((BOX, 0.5, 1), (ROOF, 0.31, 1))

    assert len(vouched(boxes, [moving(BOX, 0.9)])) == 2


@pytest.mark.parametrize("thing", [moving(ELSEWHERE, 0.9), moving(BOX, SURE - 0.01)])
def test_a_vehicle_before_one_that_does_not_travel_stays(thing: Moving) -> None:
    assert len(vouched(found((BOX, 0.5, 1), (ROOF, 0.25, 1)), [thing])) == 2


def test_motion_does_not_vouch_for_a_person() -> None:
    """Who walks is one thing to motion, but head, coat and legs to a model."""
    told = vouched(found((BOX, 0.3, 0), (ROOF, 0.2, 1)), [moving(BOX, 0.9)])

    assert told.confidence == pytest.approx([0.3, 0.2])


def test_a_box_surer_than_that_stays_as_it_is() -> None:
    told = vouched(found((BOX, 0.8, 1)), [moving(BOX, 0.9)])

    assert told.confidence == pytest.approx([0.8])


@pytest.mark.parametrize("thing", [moving(ELSEWHERE, 0.9), moving(BOX, SURE - 0.01)])
def test_a_thing_elsewhere_or_one_that_only_trembles_vouches_for_nothing(thing: Moving) -> None:
    assert vouched(found((BOX, 0.2, 1)), [thing]).confidence == pytest.approx([0.2])


def test_motion_alone_makes_no_box() -> None:
    assert len(vouched(found(), [moving(BOX, 0.95)])) == 0


class Half:
    """A learned detector that half sees whatever is bright."""

    name, labels = "half", ("person", "car")

    def __init__(self) -> None:
        self.stage_ms: dict[str, float] = {"inference": 1.0}
        self.forgot = 0

    def detect(self, frame: np.ndarray, time_s: float) -> Detections:
        rows, columns = np.nonzero(frame[..., 0] > 200)
        if not len(rows):
            return Detections.empty(self.labels)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return found((tuple(map(float, box)), 0.15, 1))

    def reset(self) -> None:
        self.forgot += 1


def test_a_car_that_drives_through_a_picture_becomes_sure_and_a_standing_one_does_not() -> None:
    def drive(speed_px: float) -> list[float]:
        half = Half()
        detector = VouchedDetector(half, Witness(MotionDetector()))
        told = []
        for number in range(60):
            frame = np.full((216, 384, 3), 90, np.uint8)
            if number > 10 or not speed_px:
                x = 20 + int(speed_px * max(0, number - 10))
                frame[100:130, x : x + 50] = 230
            told += detector.detect(frame, number / 12.5).confidence.tolist()
        assert set(detector.stage_ms) == {"inference", "motion"}
        detector.reset()
        assert half.forgot == 1
        return told

    driving, standing = drive(6.0), drive(0.0)

    assert max(driving[-10:]) == pytest.approx(SURE)
    assert max(standing) == pytest.approx(0.15)


class Noting(MotionDetector):
    """One thing, where the time of the frame says."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def watch(self, frame: np.ndarray, time_s: float) -> list[Moving]:
        self.times.append(time_s)
        return [moving((time_s, 0.0, time_s + 50.0, 50.0), 0.9)]


def test_motion_is_asked_no_more_often_than_it_learns_something() -> None:
    frame = np.zeros((90, 160, 3), np.uint8)
    fast, slow = Noting(), Noting()
    fast_witness, slow_witness = Witness(fast), Witness(slow)
    for number in range(25):
        fast_witness.look(frame, number / 25)
        slow_witness.look(frame, number / 10)
    assert fast.times == [number / 25 for number in range(0, 25, 2)]
    assert slow.times == [number / 10 for number in range(25)]


def test_between_two_looks_the_last_one_counts_and_a_jump_back_or_a_reset_ends_it() -> None:
    frame, motion = np.zeros((90, 160, 3), np.uint8), Noting()
    witness = Witness(motion)
    assert not witness.moving
    witness.look(frame, 3.0)
    witness.look(frame, 3.0 + LOOK_PERIOD_S / 2)
    assert witness.moving[0].box[0] == 3.0
    witness.look(frame, 1.0)  # a recording that begins again
    assert motion.times == [3.0, 1.0]
    witness.reset()
    assert not witness.moving
    witness.look(frame, 1.0 + LOOK_PERIOD_S / 2)
    assert len(motion.times) == 3
