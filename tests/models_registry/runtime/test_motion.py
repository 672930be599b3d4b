"""The motion detector on drawn scenes: what it must find, and what it must not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from models_registry.runtime.motion import LABELS, MotionDetector, MotionParameters
from tests.models_registry.runtime.moving_scene import Box, MovingScene

VEHICLES = ("bicycle", "motorcycle", "car", "bus", "truck")


def run(
    detector: MotionDetector,
    scene: MovingScene,
    seconds: float,
    fps: float = 12.5,
    start: float = 0.0,
) -> list[tuple[float, Detections]]:
    times = start + np.arange(int(seconds * fps)) / fps
    return [(float(t), detector.detect(scene.frame(float(t)), float(t))) for t in times]


def overlap(found: np.ndarray, true: tuple[float, float, float, float]) -> float:
    low = np.maximum(found[:2], true[:2])
    high = np.minimum(found[2:], true[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    areas = float(np.prod(found[2:] - found[:2])) + (true[2] - true[0]) * (true[3] - true[1])
    return common / (areas - common)


def test_a_car_is_found_where_it_is_from_its_first_second() -> None:
    car = Box(x=20, y=150, width=70, height=40, speed=(90.0, 0.0), born=0.3)
    found = run(MotionDetector(), MovingScene([car]), 4.0)
    seen = [(t, d) for t, d in found if t > 0.7]
    for t, detections in seen:
        assert len(detections) == 1
        assert overlap(detections.xyxy[0], car.at(t)) > 0.7
    assert seen[-1][1].confidence[0] > 0.8
    assert seen[-1][1].class_names() == ["car"]


def test_an_empty_noisy_scene_stays_empty() -> None:
    found = run(MotionDetector(), MovingScene([], noise=5.0), 4.0)
    assert sum(len(d) for _, d in found) == 0


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_frame_rate_does_not_change_what_is_found(fps: float) -> None:
    car = Box(x=10, y=150, width=70, height=40, speed=(120.0, 0.0), born=0.4)
    found = run(MotionDetector(), MovingScene([car]), 4.0, fps)
    share = np.mean([len(d) == 1 for t, d in found if t > 1.0])
    assert share > 0.9


def test_a_car_there_on_the_first_frame_leaves_no_ghost() -> None:
    car = Box(x=200, y=150, width=80, height=44, speed=(110.0, 0.0))
    found = run(MotionDetector(), MovingScene([car]), 3.0)
    where_it_stood = (200.0, 150.0, 280.0, 194.0)
    for t, detections in found:
        if t > 1.5:
            assert all(overlap(box, where_it_stood) == 0 for box in detections.xyxy)
            assert len(detections) == 1


def test_a_car_that_waits_at_a_red_light_stays_found_and_is_absorbed_in_the_end() -> None:
    detector = MotionDetector(MotionParameters(absorb_s=20.0))
    background = MovingScene([])
    run(detector, background, 6.0)
    car = Box(x=20, y=150, width=70, height=40, speed=(100.0, 0.0), born=6.0, stops=8.0)
    found = run(detector, MovingScene([car]), 40.0, fps=6.0, start=6.0)
    waiting = [len(d) for t, d in found if 8.5 < t < 20.0]
    absorbed = [len(d) for t, d in found if t > 40.0]
    assert min(waiting) == 1
    assert max(absorbed) == 0


def test_a_parked_car_that_drives_off_is_found_and_leaves_no_ghost() -> None:
    detector = MotionDetector()
    car = Box(x=200, y=150, width=80, height=44, speed=(80.0, 0.0), starts=6.0)
    found = run(detector, MovingScene([car]), 10.0)
    assert sum(len(d) for t, d in found if t < 6.0) == 0
    gone = [d for t, d in found if t > 8.5]
    assert all(len(d) == 1 for d in gone)


def test_a_shadow_on_the_road_is_not_part_of_the_car() -> None:
    car = Box(x=20, y=120, width=70, height=40, speed=(90.0, 0.0), shadow=30, born=0.3)
    found = run(MotionDetector(), MovingScene([car]), 4.0)
    for t, detections in found:
        if t > 1.0:
            assert overlap(detections.xyxy[0], car.at(t)) > 0.7


def test_light_switched_on_brings_no_box_of_the_whole_picture() -> None:
    detector = MotionDetector()
    run(detector, MovingScene([]), 4.0)
    found = run(detector, MovingScene([], light=1.7, offset=25.0), 3.0, start=4.0)
    assert sum(len(d) for _, d in found) == 0


def test_a_car_is_found_again_soon_after_the_light_changed() -> None:
    detector = MotionDetector()
    run(detector, MovingScene([]), 4.0)
    car = Box(x=10, y=150, width=70, height=40, speed=(100.0, 0.0), born=5.0)
    found = run(detector, MovingScene([car], light=0.5), 5.0, start=4.0)
    assert [len(d) for t, d in found if t > 6.0] == [1] * sum(t > 6.0 for t, _ in found)


def test_rain_and_snow_are_not_objects() -> None:
    found = run(MotionDetector(), MovingScene([], specks=150), 5.0)
    assert sum(len(d) for t, d in found if t > 1.0) == 0


def test_a_camera_that_trembles_by_a_pixel_sees_no_objects() -> None:
    found = run(MotionDetector(), MovingScene([], shake=1), 4.0)
    assert sum(len(d) for t, d in found if t > 1.0) <= 2


def test_two_cars_that_meet_stay_two() -> None:
    detector = MotionDetector()
    slow = Box(x=100, y=120, width=70, height=40, speed=(60.0, 0.0), born=0.3)
    red = (40, 40, 200)
    quick = Box(x=10, y=165, width=70, height=40, speed=(95.0, -1.0), colour=red, born=0.3)
    found = run(detector, MovingScene([slow, quick]), 5.0)
    share = np.mean([len(d) == 2 for t, d in found if t > 1.0])
    assert share > 0.9


def test_windows_do_not_cut_a_car_in_pieces() -> None:
    car = Box(x=20, y=140, width=110, height=60, speed=(80.0, 0.0), window=True, born=0.3)
    found = run(MotionDetector(), MovingScene([car]), 4.0)
    assert all(len(d) == 1 for t, d in found if t > 1.0)


def test_a_scene_with_only_persons_knows_only_persons() -> None:
    person = Box(x=20, y=120, width=24, height=64, speed=(50.0, 0.0))
    detector = MotionDetector(MotionParameters(classes=("person",)))
    found = run(detector, MovingScene([person]), 3.0)
    assert {name for _, d in found for name in d.class_names()} == {"person"}


def test_a_tall_narrow_shape_is_a_person_where_all_classes_are_allowed() -> None:
    person = Box(x=20, y=120, width=24, height=64, speed=(50.0, 0.0))
    found = run(MotionDetector(), MovingScene([person]), 3.0)
    names = [name for t, d in found if t > 1.0 for name in d.class_names()]
    assert set(names) == {"person"}


def test_a_lorry_is_large_once_cars_have_shown_what_is_ordinary() -> None:
    detector = MotionDetector(MotionParameters(classes=VEHICLES))
    clock = 0.0
    for _ in range(10):
        car = Box(x=-70, y=150, width=64, height=36, speed=(220.0, 0.0), born=clock)
        run(detector, MovingScene([car]), 3.5, start=clock)
        clock += 3.5
    lorry = Box(x=-200, y=105, width=190, height=84, speed=(220.0, 0.0), born=clock)
    found = run(detector, MovingScene([lorry]), 3.0, start=clock)
    names = [n for t, d in found if 1.4 < t - clock < 2.4 for n in d.class_names()]
    assert names
    assert set(names) == {"truck"}


def test_a_new_resolution_starts_afresh_and_boxes_stay_inside() -> None:
    detector = MotionDetector()
    car = Box(x=20, y=150, width=70, height=40, speed=(90.0, 0.0))
    run(detector, MovingScene([car]), 2.0)
    box = Box(x=5, y=60, width=40, height=24, speed=(50.0, 0.0), born=2.0)
    small = MovingScene([box], 352, 288)
    found = run(detector, small, 4.0, start=2.0)
    assert len(found[0][1]) == 0
    last = found[-1][1]
    assert len(last) == 1
    assert (last.xyxy >= 0).all()
    assert (last.xyxy <= [352, 288, 352, 288]).all()


@pytest.mark.parametrize("size", [(64, 48), (352, 288), (1280, 720), (333, 517)])
def test_any_picture_size_works(size: tuple[int, int]) -> None:
    width, height = size
    car = Box(
        x=0,
        y=height * 0.4,
        width=width * 0.2,
        height=height * 0.15,
        speed=(width * 0.2, 0.0),
        born=0.3,
    )
    found = run(MotionDetector(), MovingScene([car], width, height), 3.0, fps=8.0)
    assert len(found[-1][1]) == 1


def test_the_same_frames_give_the_same_boxes() -> None:
    scene = MovingScene([Box(x=20, y=150, width=70, height=40, speed=(90.0, 0.0))], specks=40)
    first = run(MotionDetector(), scene, 2.0)
    again = run(MotionDetector(), scene, 2.0)
    for (_, a), (_, b) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.xyxy, b.xyxy)


def test_a_gap_in_the_stream_and_a_repeated_time_are_survived() -> None:
    detector = MotionDetector()
    scene = MovingScene([Box(x=20, y=150, width=70, height=40, speed=(90.0, 0.0))])
    for time_s in (0.0, 0.1, 0.1, 0.05, 60.0, 60.1):
        detector.detect(scene.frame(time_s), time_s)
    assert detector.labels == LABELS
    assert detector.stage_ms["motion"] >= 0.0


def test_a_grey_picture_as_three_channels_works() -> None:
    detector = MotionDetector()
    scene = MovingScene([Box(x=20, y=150, width=70, height=40, speed=(90.0, 0.0))])
    for i in range(30):
        grey = cv2.cvtColor(scene.frame(i / 10), cv2.COLOR_BGR2GRAY)
        found = detector.detect(np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)), i / 10)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", ("tram",)),
        ("classes", ()),
        ("absorb_s", 1.0),
        ("analysed_width", 5),
        ("min_confidence", 1.5),
    ],
)
def test_nonsense_parameters_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        MotionParameters(**{name: value})
