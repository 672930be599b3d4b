from __future__ import annotations

import numpy as np

from sensing.worker import backlog
from sensing.worker.backlog import Backlog
from sensing.worker.frames import CapturedFrame


def frame(number: int, height: int = 1) -> CapturedFrame:
    return CapturedFrame(np.zeros((height, 1024, 3), np.uint8), float(number), number)


def numbers(kept: Backlog) -> list[int]:
    found = []
    while (taken := kept.take()) is not None:
        found.append(taken.index)
    return found


def test_frames_come_back_in_order_and_none_is_lost() -> None:
    kept = Backlog()
    for number in range(100):
        kept.add(frame(number))
    assert numbers(kept) == list(range(100))
    assert (len(kept), kept.given_up) == (0, 0)


def test_too_many_frames_become_sparse_all_over_and_the_newest_stays() -> None:
    kept = Backlog()
    for number in range(backlog.MOST_FRAMES + 1):
        kept.add(frame(number))
    left = numbers(kept)
    assert len(left) == backlog.MOST_FRAMES // 2 + 1
    assert (left[0], left[1], left[-1]) == (0, 2, backlog.MOST_FRAMES)
    assert kept.given_up == backlog.MOST_FRAMES // 2


def test_large_frames_take_no_more_memory_than_allowed() -> None:
    kept = Backlog()
    for number in range(100):
        kept.add(frame(number, height=1024))
        assert len(kept) * frame(0, height=1024).image.nbytes <= backlog.MOST_BYTES
    left = numbers(kept)
    assert (left[-1], len(left) + kept.given_up) == (99, 100)


def test_giving_up_counts_what_was_kept() -> None:
    kept = Backlog()
    for number in range(5):
        kept.add(frame(number))
    kept.clear()
    assert (len(kept), kept.given_up, kept.take()) == (0, 5, None)
