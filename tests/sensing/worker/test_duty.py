"""The detector on duty, asked frame by frame without a camera."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models_registry.runtime.detections import Detections
from sensing.domain.scene import Scene
from sensing.worker.duty import Duty
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import RolledBack, TrialPassed
from sensing.worker.plan import DetectorSpec
from tests.cameras import scene_image
from tests.sensing.worker.detector_clip import spec
from tests.sensing.worker.test_detector_faults import detector_pids

PERIOD_S = 0.1
PATIENCE = 3000  # tenths of a second at most
Told = list[RolledBack | TrialPassed]


@contextmanager
def duty(detector: DetectorSpec) -> Iterator[tuple[Duty, Told]]:
    told: Told = []
    made = Duty(5, detector, Scene(), PERIOD_S, told.append)
    try:
        yield made, told
    finally:
        made.close()


def frame(number: int) -> CapturedFrame:
    return CapturedFrame(scene_image(number), float(number), number)


def left_edge(number: int) -> float:
    """Where the light box of this picture begins."""
    return float(int((number / 45) % 1.0 * 400) - 80)


def tick_until(made: Duty, wanted: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        made.tick()
        if wanted():
            return
        made.answer(0.02)
        signal.sigtimedwait([], 0.02)
    raise AssertionError("waited in vain")


def ask(made: Duty, number: int) -> Detections | None:
    """The answer about a picture; None when it was given up."""
    made.submit(frame(number))
    for _ in range(PATIENCE):
        found = made.answer(0.1)
        if found is not None or not made.busy:
            return found
        made.tick()
        if not made.ready:
            signal.sigtimedwait([], 0.02)
    raise AssertionError("waited in vain")


def test_answers_of_the_detector_taken_back_are_about_the_frame_in_hand(tmp_path: Path) -> None:
    slow = spec(tmp_path, "too_slow", version=3, rounds=60_000)
    new = spec(tmp_path, version=4, trial_s=0.5)
    with duty(slow) as (made, told):
        tick_until(made, lambda: made.ready)
        (kept,) = detector_pids()
        made.apply(new)
        number = 10
        while made.version == 3:
            number = 10 + (number - 9) % 30
            ask(made, number)
            made.tick()
        ask(made, 12)  # the old one is busy with this one when the new one dies
        (pid,) = set(detector_pids()) - {kept}
        os.kill(pid, signal.SIGKILL)
        for number in (30, 35, 20):
            found = ask(made, number)
            assert found is not None
            assert found.xyxy[0, 0] == pytest.approx(left_edge(number), abs=4)
        assert [type(message) for message in told] == [RolledBack]
        assert (made.version, made.skipped) == (3, 0)


def test_a_frame_that_ends_two_processes_is_given_up_and_the_next_one_is_answered(
    tmp_path: Path,
) -> None:
    with duty(spec(tmp_path, "crashed")) as (made, told):
        tick_until(made, lambda: made.ready)
        assert ask(made, 30) is None
        assert (made.restarts, made.skipped) == (2, 1)
        assert ask(made, 9) is not None
        assert (made.failure, told) == (None, [])


def test_the_frame_that_made_it_hang_is_not_put_to_the_next_process(tmp_path: Path) -> None:
    with duty(spec(tmp_path, "hung")) as (made, _):
        tick_until(made, lambda: made.ready)
        assert ask(made, 30) is None
        assert (made.restarts, made.skipped) == (1, 1)
        assert ask(made, 9) is not None


def test_three_losses_are_a_failure_that_another_detector_ends(tmp_path: Path) -> None:
    with duty(spec(tmp_path, "run_failed", version=7)) as (made, told):
        tick_until(made, lambda: made.ready)
        assert [ask(made, 30) for _ in range(3)] == [None] * 3
        assert made.failure is not None
        assert "division by zero" in made.failure.detail
        assert made.failure.retry_in_s > 0
        assert not made.ready
        assert ask_while_failed(made) is None
        made.apply(spec(tmp_path, version=8))
        tick_until(made, lambda: made.ready)
        assert (made.failure, made.version, told) == (None, 8, [])
        assert ask(made, 30) is not None


def ask_while_failed(made: Duty) -> Detections | None:
    made.tick()
    return made.answer(0.0)


def test_a_candidate_takes_over_from_one_that_does_not_serve(tmp_path: Path) -> None:
    with duty(spec(tmp_path, "run_failed", version=7)) as (made, told):
        tick_until(made, lambda: made.ready)
        made.apply(spec(tmp_path, version=8, trial_s=300.0))
        assert made.candidate == 8
        assert [ask(made, 30) for _ in range(3)] == [None] * 3
        tick_until(made, lambda: made.version == 8)
        assert ask(made, 30) is not None
        assert (made.failure, told) == (None, [])


def test_papers_change_without_a_process(tmp_path: Path) -> None:
    first = spec(tmp_path, version=3)
    with duty(first) as (made, _):
        tick_until(made, lambda: made.ready)
        pids = detector_pids()
        made.apply(spec(tmp_path, version=4, reference="vehicle@production", fallback=first))
        made.tick()
        assert (made.version, made.candidate, detector_pids()) == (4, 0, pids)


def test_a_candidate_that_is_no_longer_wanted_is_dropped_in_silence(tmp_path: Path) -> None:
    first = spec(tmp_path, version=3)
    with duty(first) as (made, told):
        tick_until(made, lambda: made.ready)
        made.apply(spec(tmp_path, class_id=1, version=4, trial_s=300.0))
        assert len(detector_pids()) == 1  # it starts with the next tick
        tick_until(made, lambda: len(detector_pids()) == 2)
        made.apply(first)
        assert (made.candidate, len(detector_pids()), told) == (0, 1, [])


def test_no_time_of_a_trial_passes_without_frames(tmp_path: Path) -> None:
    with duty(spec(tmp_path, version=3)) as (made, _):
        tick_until(made, lambda: made.ready)
        made.apply(spec(tmp_path, class_id=1, version=4, trial_s=0.01))
        tick_until(made, lambda: len(detector_pids()) == 2)
        for _ in range(100):
            made.tick()
            signal.sigtimedwait([], 0.02)
        assert (made.version, made.candidate) == (3, 4)
        while made.version == 3:
            ask(made, 10)
            made.tick()
