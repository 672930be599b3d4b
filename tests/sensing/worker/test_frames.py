from __future__ import annotations

import threading

import numpy as np
import pytest

from sensing.worker.frame_clock import FrameClock
from sensing.worker.frames import CapturedFrame, FrameSlot, Pacer


def captured(index: int) -> CapturedFrame:
    return CapturedFrame(np.zeros((2, 2, 3), np.uint8), index / 10, index)


@pytest.mark.parametrize(
    ("source_fps", "analysed_fps", "expected_per_10_s"),
    [(25, 12.5, 125), (25, 10, 100), (15, 10, 100), (30, 10, 100), (5, 10, 50), (10, 10, 100)],
)
def test_frames_are_chosen_at_the_analysed_rate(
    source_fps: float, analysed_fps: float, expected_per_10_s: int
) -> None:
    pacer = Pacer(analysed_fps)
    chosen = [n for n in range(int(10 * source_fps)) if pacer.due(1.7e9 + n / source_fps)]
    assert abs(len(chosen) - expected_per_10_s) <= 2


def test_half_the_frames_means_every_second_frame() -> None:
    pacer = Pacer(12.5)
    jitter = np.random.default_rng(3).uniform(-0.008, 0.008, 500)
    chosen = [n for n in range(500) if pacer.due(1.7e9 + n / 25 + jitter[n])]
    steps = np.diff(chosen[10:])
    assert np.mean(steps == 2) > 0.95


def test_a_clock_set_back_does_not_stop_the_analysis() -> None:
    pacer = Pacer(10)
    assert pacer.due(5000.0)
    assert pacer.due(1000.0)
    assert not pacer.due(1000.01)


def test_a_full_slot_counts_the_frames_it_has_no_room_for() -> None:
    slot = FrameSlot()
    assert slot.has_room()
    slot.put(captured(0))
    assert [slot.has_room() for _ in range(3)] == [False] * 3
    assert slot.dropped == 3
    taken = slot.take(1.0)
    assert taken is not None
    assert taken.index == 0
    assert slot.has_room()


def test_the_waiting_loop_is_woken_by_a_frame_and_by_the_end() -> None:
    slot = FrameSlot()
    threading.Timer(0.05, slot.put, [captured(4)]).start()
    taken = slot.take(30.0)
    assert taken is not None
    assert taken.index == 4
    threading.Timer(0.05, slot.close).start()
    assert slot.take(30.0) is None


def test_the_last_frame_is_still_handed_over_after_the_end() -> None:
    slot = FrameSlot()
    slot.put(captured(1))
    slot.close()
    assert slot.take(0.0) is not None
    assert slot.take(0.0) is None


def test_network_jitter_does_not_reach_the_time_of_a_frame() -> None:
    clock = FrameClock()
    delays = np.random.default_rng(5).exponential(0.05, 600)
    times = [clock.read(n / 25, 1.7e9 + n / 25 + delays[n]) for n in range(600)]
    assert np.std(np.diff(times[100:])) < 0.002
    assert np.std(np.diff(delays)) > 0.05  # what arrival times would have given


def test_a_camera_whose_clock_drifts_is_followed() -> None:
    clock = FrameClock()
    for n in range(25 * 3600):
        taken = clock.read(n / 25 * 1.0001, 1.7e9 + n / 25)
    assert taken == pytest.approx(1.7e9 + (25 * 3600 - 1) / 25, abs=0.05)


@pytest.mark.parametrize("stamps", [[10.0, 0.04, 0.08], [5.0, 5.0, 5.0], [1.0, float("nan"), 2.0]])
def test_time_grows_when_stamps_start_over_repeat_or_are_missing(stamps: list[float]) -> None:
    clock = FrameClock()
    times = [clock.read(stamp, 1.7e9 + n / 25) for n, stamp in enumerate(stamps)]
    assert all(np.diff(times) > 0)
    assert times[-1] == pytest.approx(1.7e9 + 0.08, abs=0.05)


def test_a_clock_set_back_by_an_hour_is_believed() -> None:
    clock = FrameClock()
    clock.read(1.0, 1.7e9)
    assert clock.read(1.04, 1.7e9 - 3600) == pytest.approx(1.7e9 - 3600)


def test_a_frame_without_a_stamp_was_taken_when_it_came() -> None:
    assert FrameClock().read(None, 1234.5) == 1234.5
