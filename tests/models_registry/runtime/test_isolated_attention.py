"""A model in a process of its own that looks only where something changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.builtin import DETECTOR
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from models_registry.runtime.isolated import IsolatedDetector
from models_registry.runtime.motion_blobs import overlaps
from sensing.simulation import parse_simulation_url
from sensing.simulation.clip import staged_world
from sensing.simulation.film import Film
from tests.models_registry.runtime.test_isolated import isolated

Picture = NDArray[np.uint8]
BUSY = 75  # a frame with vehicles under way
START_S = 1_767_268_800.0  # Unix seconds, as a camera's frames carry them


@pytest.fixture(scope="module")
def film() -> Film:
    world, _ = staged_world(parse_simulation_url("sim://road?duration=12&loop=0&noise=0"))
    return Film(world)


@pytest.fixture(scope="module")
def quiet(film: Film) -> Picture:
    """The road with parked cars alone."""
    return np.asarray(film.background, np.uint8)


@pytest.fixture(scope="module")
def busy(film: Film) -> Picture:
    return np.asarray(film.frame(BUSY), np.uint8)


@pytest.fixture
def detector() -> Iterator[IsolatedDetector]:
    with isolated(DETECTOR, attention=True) as loaded:
        yield loaded


def watched(
    detector: IsolatedDetector, picture: Picture, frames: range
) -> list[tuple[Detections, bool]]:
    """What was told of the same picture ten times a second, and whether the model looked."""
    told = []
    for n in frames:
        found = detector.detect(picture, START_S + n * 0.1)
        told.append((found, detector.stage_ms["inference"] > 0.0))
    return told


def test_quiet_frames_are_answered_without_a_look_with_the_boxes_of_the_last_one(
    detector: IsolatedDetector, quiet: Picture
) -> None:
    told = watched(detector, quiet, range(60))
    looks = [n for n, (_, looked) in enumerate(told) if looked]
    assert looks[0] == 0
    assert [n for n in looks if n > 5] == [50]  # the look at everything, every five seconds
    last = told[looks[-2]][0]
    for found, _ in told[looks[-2] : 50]:
        np.testing.assert_array_equal(found.xyxy, last.xyxy)
        np.testing.assert_array_equal(found.confidence, last.confidence)
    alone = load_detector(DETECTOR).detect(quiet, 0.0)
    sure = [x.select(x.confidence >= 0.4) for x in (last, alone)]
    assert [x.class_names() for x in sure] == [["car"] * 3] * 2
    assert overlaps(sure[0].xyxy, alone.xyxy).max(axis=1).min() > 0.8


def test_what_comes_is_looked_at_and_found_where_the_model_alone_finds_it(
    detector: IsolatedDetector, quiet: Picture, busy: Picture
) -> None:
    watched(detector, quiet, range(10))
    ((found, looked),) = watched(detector, busy, range(10, 11))
    assert looked
    alone = load_detector(DETECTOR).detect(busy, 0.0)
    sure = alone.xyxy[alone.confidence > 0.6]
    assert len(sure) == 5
    assert overlaps(sure, found.xyxy).max(axis=1).min() > 0.6


def test_a_reset_makes_it_look_anew_and_forget_what_was_there(
    detector: IsolatedDetector, quiet: Picture
) -> None:
    assert watched(detector, quiet, range(10))[-1][1] is False
    detector.reset()
    looked = [looked for _, looked in watched(detector, quiet, range(10, 20))]
    assert looked[0]
    assert not looked[-1]


def test_a_reset_while_it_has_a_picture_in_hand_holds_from_the_next_one(
    detector: IsolatedDetector, quiet: Picture
) -> None:
    watched(detector, quiet, range(10))
    detector.submit(quiet, START_S + 1.0)
    detector.reset()
    while detector.collect(1.0) is None:
        pass
    assert detector.stage_ms["inference"] == 0.0
    assert [looked for _, looked in watched(detector, quiet, range(11, 12))] == [True]


def test_a_hole_in_the_stream_is_known_by_the_times_of_its_frames(
    detector: IsolatedDetector, quiet: Picture
) -> None:
    watched(detector, quiet, range(10))
    after, before = range(30, 31), range(12, 13)
    assert [looked for _, looked in watched(detector, quiet, after)] == [True]
    assert [looked for _, looked in watched(detector, quiet, before)] == [True]


def test_another_process_starts_afresh(quiet: Picture) -> None:
    for _ in range(2):
        with isolated(DETECTOR, attention=True) as detector:
            assert watched(detector, quiet, range(1))[0][1]


def test_without_attention_it_looks_at_every_frame(quiet: Picture) -> None:
    with isolated(DETECTOR) as detector:
        assert all(looked for _, looked in watched(detector, quiet, range(10)))
        assert detector.stage_ms["attention"] == 0.0
