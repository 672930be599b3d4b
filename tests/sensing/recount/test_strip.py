from __future__ import annotations

import numpy as np
import pytest

from sensing.domain.results import Crossing
from sensing.domain.strip import LineSampler, Trails, gaps_between, observed_spans
from sensing.worker.messages import Overlay, StripBlock
from sensing.worker.plan import StripOrder
from sensing.worker.strip import LATE_S, StripRecorder

ORDER = StripOrder(7, (("gate", (0.0, 0.5), (1.0, 0.5)),), since_s=100.0, until_s=110.0)


def test_a_row_holds_the_pixels_along_the_line_from_its_first_end_to_its_second() -> None:
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, 70:80] = (10, 200, 30)
    row = LineSampler((0.0, 0.5), (1.0, 0.5), (100, 60)).row(image)
    assert row.shape == (100, 3)
    assert row[75].tolist() == [10, 200, 30]
    assert row[65].tolist() == row[85].tolist() == [0, 0, 0]
    turned = LineSampler((1.0, 0.5), (0.0, 0.5), (100, 60)).row(image)
    assert np.array_equal(turned, row[::-1])


def test_a_row_is_the_mean_over_three_pixels_across_the_line() -> None:
    image = np.zeros((61, 100, 3), np.uint8)
    image[30] = 90  # a third of the band
    row = LineSampler((0.0, 0.5), (1.0, 0.5), (100, 61)).row(image)
    assert set(row[:, 0].tolist()) == {30}


@pytest.mark.parametrize(
    ("p2", "size"), [((0.2, 0.2), (100, 60)), ((0.9, 0.9), (1, 60)), ((0.2, 0.2), (0, 0))]
)
def test_a_line_of_no_length_and_a_picture_of_no_size_are_refused(
    p2: tuple[float, float], size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        LineSampler((0.2, 0.2), p2, size)


def test_a_crossing_finds_its_place_between_two_looks() -> None:
    trails = Trails()
    trails.add(1.0, [(5, 0.2, 0.3)])
    trails.add(2.0, [(5, 0.4, 0.7)])
    assert trails.along(5, 1.5, (0.0, 0.5), (1.0, 0.5)) == pytest.approx(0.3)
    assert trails.along(5, 9.0, (0.0, 0.5), (1.0, 0.5)) == pytest.approx(0.4)
    assert trails.along(6, 1.5, (0.0, 0.5), (1.0, 0.5)) is None
    trails.add(60.0, [])
    assert trails.along(5, 1.5, (0.0, 0.5), (1.0, 0.5)) is None, "kept for ever"


def test_a_pause_of_the_camera_is_a_gap_and_not_observed() -> None:
    times = [*np.arange(0.0, 10.0, 0.1), *np.arange(14.0, 20.0, 0.1)]
    spans = observed_spans(times, 1.0, (0.0, 30.0))
    assert [pytest.approx(span) for span in spans] == [(0.0, 10.0), (14.0, 20.0)]
    assert gaps_between(spans, (0.0, 30.0)) == [
        pytest.approx((10.0, 14.0)),
        pytest.approx((20.0, 30.0)),
    ]
    assert observed_spans([], 1.0, (0.0, 30.0)) == []
    assert observed_spans([5.0], 1.0, (0.0, 30.0)) == [], "one row covers no time"


def recorded(times: list[float], crossings: dict[float, Crossing]) -> list[StripBlock]:
    blocks: list[StripBlock] = []
    recorder = StripRecorder(1, ORDER, "center", blocks.append)
    image = np.full((60, 100, 3), 50, np.uint8)
    for at in times:
        box = (3, "car", 0.6, 0.4, 0.8, 0.6, 0.9, True)
        told = (crossings[at],) if at in crossings else ()
        recorder.add(image, Overlay(1, at, (box,)), told, "run")
    recorder.tick(ORDER.until_s + LATE_S + 0.1)
    return blocks


def crossing(time_s: float) -> Crossing:
    return Crossing("gate", 3, 0, "forward", "car", "small", 0.9, time_s, 1)


def test_a_recorder_keeps_the_period_that_was_asked_for_and_says_when_it_is_over() -> None:
    times = [95.0 + n / 10 for n in range(200)]
    blocks = recorded(times, {})
    kept = [t for block in blocks for t in block.times_s]
    assert (kept[0], kept[-1]) == (100.0, 110.0)
    assert len(kept) == 101
    assert [block.last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    assert b"\xff\xd8" not in repr(blocks[0]).encode(), "pixels in a log"


def test_a_crossing_that_is_told_after_the_end_is_marked_once_and_one_from_outside_is_not() -> None:
    late = crossing(109.9)
    blocks = recorded(
        [100.0, 101.0, 111.0, 112.0, 113.0],
        {100.0: crossing(99.5), 111.0: late, 112.0: late, 113.0: crossing(112.5)},
    )
    (mark,) = [mark for block in blocks for mark in block.marks]
    assert (mark.time_s, mark.run_id, mark.along) == (109.9, "run", pytest.approx(0.7))
