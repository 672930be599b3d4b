"""What the registry gets from sensing: stills, simulated truth, clips, ground truths."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_django import Settings

from models_registry.errors import Refused
from models_registry.surroundings import surroundings
from sensing.evaluation import Sensing
from sensing.services import camera_register
from sensing.simulation import parse_simulation_url
from sensing.simulation.stills import shown_classes, stills

pytestmark = pytest.mark.django_db

ROAD = "sim://road?seed=9&duration=4&width=320&height=192"
PLAZA = "sim://plaza?seed=25&duration=4&width=320&height=192"


def decoded(jpeg: bytes) -> np.ndarray:
    frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert frame is not None
    return np.asarray(frame)


def test_a_gateway_with_cameras_is_what_the_registry_finds_around_it() -> None:
    assert isinstance(surroundings(), Sensing)


@pytest.mark.parametrize(
    ("url", "classes"), [(ROAD, {"car"}), (PLAZA, {"person"})], ids=["road", "plaza"]
)
def test_a_simulated_still_has_every_object_and_boxes_within_the_picture(
    url: str, classes: set[str]
) -> None:
    spec = parse_simulation_url(url)
    found = list(stills(spec, 4))
    assert len(found) == 4
    assert classes <= set(shown_classes(spec))
    boxes = [box for still in found for box in still.boxes]
    assert {box.object_class for box in boxes} <= set(shown_classes(spec))
    assert boxes
    for box in boxes:
        x1, y1, x2, y2 = box.xyxy
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1


def test_parked_cars_are_part_of_the_truth_and_differ_from_the_empty_road() -> None:
    """On every picture of a road the same parked cars stand, and they are cars."""
    spec = parse_simulation_url(ROAD)
    first, last = (
        {box.xyxy for box in still.boxes if box.object_class == "car"} for still in stills(spec, 2)
    )
    parked = first & last
    assert parked
    picture = next(iter(stills(spec, 1))).picture
    x1, y1, x2, y2 = max(parked, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    height, width = picture.shape[:2]
    inside = picture[int(y1 * height) : int(y2 * height), int(x1 * width) : int(x2 * width)]
    assert inside.std() > 20  # bodies, windows and wheels, not asphalt


def test_more_stills_than_frames_give_each_frame_once() -> None:
    spec = parse_simulation_url(ROAD)
    few = parse_simulation_url("sim://road?seed=9&duration=4&width=320&height=192&fps=2")
    assert few.frames < 10
    assert len(list(stills(few, 50))) == few.frames
    assert len(list(stills(spec, 3))) == 3


def test_a_recorded_camera_gives_another_picture_at_another_share() -> None:
    camera = camera_register(by=None, name="Plaza", kind="sim", url=PLAZA)
    first, later = (decoded(Sensing().still(camera.pk, share)) for share in (0.0, 0.9))
    assert first.shape == later.shape == (192, 320, 3)
    assert np.abs(first.astype(int) - later).max() > 40


def test_privacy_settings_decide_who_gives_which_still() -> None:
    cameras = {
        kind: camera_register(by=None, name=kind, kind="sim", url=ROAD, pictures=kind)
        for kind in ("clear", "blurred", "none")
    }
    listed = {x.name: x for x in Sensing().cameras()}
    assert [listed[x].must_blur for x in ("clear", "blurred", "none")] == [False, True, False]
    assert [bool(listed[x].refusal) for x in ("clear", "blurred", "none")] == [False, False, True]
    assert Sensing().still(cameras["blurred"].pk, 0.0, blurred=True)
    for name, blurred in (("blurred", False), ("none", False), ("none", True)):
        with pytest.raises(Refused) as refused:
            Sensing().still(cameras[name].pk, 0.0, blurred=blurred)
        assert refused.value.code == "private"


def test_a_camera_that_is_not_there_or_gives_no_picture_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="no such camera"):
        Sensing().still(99, 0.0)
    camera = camera_register(by=None, name="Gate", kind="rtsp", url="rtsp://127.0.0.1:9/none")
    with pytest.raises(Refused, match="Gate: "):
        Sensing().still(camera.pk, 0.0)


def test_only_files_of_the_allowed_folders_are_clips(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "gate.mp4").write_bytes(b"a")
    (tmp_path / "secret.mp4").write_bytes(b"b")
    settings.VIDEO_DIRS = [folder]
    assert Sensing().clips() == ["gate.mp4"]
    assert Sensing().clip("gate.mp4") == folder / "gate.mp4"
    for name in ("secret.mp4", "../secret.mp4", str(tmp_path / "secret.mp4"), ""):
        with pytest.raises(Refused) as refused:
            Sensing().clip(name)
        assert refused.value.code == "file_missing"


@pytest.mark.parametrize("url", ["sim://moon", "rtsp://192.0.2.1/", "", "sim://road?seed=x"])
def test_an_address_that_renders_nothing_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Sensing().simulated_classes(url)
    assert refused.value.code == "simulation"
