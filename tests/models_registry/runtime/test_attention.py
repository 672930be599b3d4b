from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.runtime.attention import (
    AttentionParameters,
    AttentiveDetector,
    load_attentive,
)
from models_registry.runtime.attention_regions import RegionModel
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from tests.models_registry.runtime.region_models import save_difference_model, save_lamp_finder

WIDTH, HEIGHT = 416, 240
Frame = NDArray[np.uint8]
Spot = tuple[int, int]


def frame(*lamps: Spot, side: int = 32, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """Dark, with light squares whose corners are at these places."""
    picture = np.full((height, width, 3), 40, np.uint8)
    for x, y in lamps:
        picture[max(0, y) : y + side, max(0, x) : x + side] = 250
    return picture


class Watcher:
    """A detector that notes every look and sees light places as one box."""

    name, labels = "watcher", ("lamp",)

    def __init__(self) -> None:
        self.stage_ms = {"inference": 1.0}
        self.looks = 0

    def detect(self, picture: Frame, time_s: float) -> Detections:
        self.looks += 1
        y, x = np.nonzero(picture[:, :, 0] > 128)
        if not len(x):
            return Detections.empty(self.labels)
        box = [[x.min(), y.min(), x.max() + 1, y.max() + 1]]
        return Detections(
            np.array(box, np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32), ("lamp",)
        )

    def reset(self) -> None:
        """Nothing is remembered."""


@pytest.fixture
def regions(tmp_path: Path) -> RegionModel:
    return RegionModel(save_difference_model(tmp_path / "regions.onnx"))


@pytest.fixture
def attentive(tmp_path: Path) -> AttentiveDetector:
    contract = save_lamp_finder(tmp_path / "lamps.onnx")
    path = save_difference_model(tmp_path / "regions.onnx")
    return load_attentive(tmp_path / "lamps.onnx", contract, region_model=path)


def watched(
    regions: RegionModel, frames: Iterable[Frame], step_s: float = 0.1, **more: Any
) -> tuple[Watcher, list[Detections], AttentiveDetector]:
    watcher = Watcher()
    detector = AttentiveDetector(watcher, regions, (), AttentionParameters(**more))
    found = [detector.detect(picture, n * step_s) for n, picture in enumerate(frames)]
    return watcher, found, detector


def test_empty_scene_is_looked_at_once_and_then_every_few_seconds(regions: RegionModel) -> None:
    watcher, found, detector = watched(regions, [frame()] * 101, whole_every_s=5.0)
    assert watcher.looks == 3  # at 0, 5 and 10 s
    assert detector.looks == {"whole": 3, "none": 98}
    assert not any(len(x) for x in found)


def test_what_stands_still_is_told_on_every_frame(regions: RegionModel) -> None:
    watcher, found, _ = watched(regions, [frame((96, 64))] * 40)
    assert all(x.xyxy.tolist() == [[96, 64, 128, 96]] for x in found)
    assert watcher.looks < 8  # it is new for a moment


def test_what_appears_is_found_at_once_and_what_goes_is_gone_at_once(regions: RegionModel) -> None:
    frames = [frame()] * 10 + [frame((96, 64))] * 20 + [frame()] * 10
    _, found, _ = watched(regions, frames)
    assert [len(x) for x in found] == [0] * 10 + [1] * 20 + [0] * 10


def test_what_moves_is_where_the_detector_alone_sees_it(regions: RegionModel) -> None:
    frames = [frame((4 * n, 80)) for n in range(60)]
    _, found, _ = watched(regions, frames)
    assert [x.xyxy[0, 0] for x in found] == [4 * n for n in range(60)]


def test_small_steps_add_up_until_they_are_seen(regions: RegionModel) -> None:
    frames = [frame((100, 80))] * 20 + [frame((100 + n // 8, 80)) for n in range(160)]
    watcher, found, _ = watched(regions, frames, whole_every_s=60.0)
    errors = [abs(x.xyxy[0, 0] - (100 + n // 8)) for n, x in enumerate(found[20:])]
    assert max(errors) <= 2.0
    assert watcher.looks < 100


@pytest.mark.parametrize("jump_s", [-5.0, 2.0, float("nan")])
def test_a_hole_in_time_brings_a_whole_look(regions: RegionModel, jump_s: float) -> None:
    watcher, _, detector = watched(regions, [frame()] * 3)
    detector.detect(frame(), 0.2 + jump_s)
    assert watcher.looks == 2


def test_another_picture_size_brings_a_whole_look(regions: RegionModel) -> None:
    watcher, _, detector = watched(regions, [frame((96, 64))] * 12)
    before = watcher.looks
    assert not len(detector.detect(frame(width=320), 1.2))
    assert watcher.looks == before + 1


def test_after_a_reset_nothing_is_remembered(regions: RegionModel) -> None:
    watcher, _, detector = watched(regions, [frame((96, 64))] * 12)
    before = watcher.looks
    detector.reset()
    assert not len(detector.detect(frame(), 1.2))
    assert watcher.looks == before + 1


def test_its_own_time_is_told_beside_the_detectors(regions: RegionModel) -> None:
    watcher, _, detector = watched(regions, [frame()])
    assert detector.stage_ms["inference"] == watcher.stage_ms["inference"]
    assert detector.stage_ms["attention"] >= 0.0
    detector.detect(frame(), 0.1)
    assert set(detector.stage_ms) == {"attention"}


def test_only_the_part_that_changed_passes_through_the_model(attentive: AttentiveDetector) -> None:
    still = (320, 160)
    for n in range(12):
        attentive.detect(frame(still), n * 0.1)
    attentive.looks.clear()
    for n in range(12, 24):
        found = attentive.detect(frame(still, (8 * n, 64)), n * 0.1)
        strong = found.xyxy[found.confidence > 0.3]
        there = strong[:, 0] > 260
        assert np.abs(strong[there] - [320, 160, 352, 192]).max(axis=1).min() <= 16
        assert np.abs(strong[~there][:, 0] - 8 * n).min() <= 16
        assert np.abs(strong[~there][:, 0] - 8 * n).max() <= 32
    assert attentive.looks == {"parts": 12}


def test_windows_see_what_whole_frames_see(attentive: AttentiveDetector, tmp_path: Path) -> None:
    plain = load_detector(tmp_path / "lamps.onnx", attentive._detector.contract)  # type: ignore[attr-defined]
    for n in range(30):
        picture = frame((32 + 8 * (n // 2), 96))
        mine, whole = attentive.detect(picture, n * 0.1), plain.detect(picture, n * 0.1)
        sure = whole.xyxy[whole.confidence > 0.6]
        assert len(sure)
        for box in sure:  # a window starts on any pixel, so cells lie otherwise
            assert np.abs(mine.xyxy - box).max(axis=1).min() <= 32


def test_something_larger_than_any_window_is_seen_whole(attentive: AttentiveDetector) -> None:
    attentive.detect(frame(), 0.0)
    found = attentive.detect(frame((40, 20), side=200), 0.1)
    assert attentive.looks["whole"] == 2
    assert len(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole_every_s", 0.0),
        ("alert_s", -1.0),
        ("gap_s", np.inf),
        ("crowded_s", 0.0),
        ("sure", 2.0),
    ],
)
def test_impossible_parameters_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        AttentionParameters(**{name: value})


def test_where_all_is_in_motion_nobody_asks_for_a_while(regions: RegionModel) -> None:
    random = np.random.default_rng(1)
    moving = [frame((int(random.integers(380)), int(random.integers(200)))) for _ in range(60)]
    watcher, found, detector = watched(regions, moving + [frame()] * 30, crowded_s=1.0)
    assert watcher.looks >= 60
    assert detector.looks["crowded"] >= 40
    for picture, boxes in zip(moving, found, strict=False):
        y, x = np.nonzero(picture[:, :, 0] > 128)
        assert boxes.xyxy.tolist() == [[x.min(), y.min(), x.max() + 1, y.max() + 1]]
    assert not len(found[-1])
    assert detector.looks["none"] >= 15
