from __future__ import annotations

from sensing.worker.backoff import Backoff


def delays(seconds: float, code: str = "no_frames", permanent: bool = False) -> list[float]:
    backoff, now_s, found = Backoff(seed=1), 0.0, []
    while now_s < seconds:
        found.append(backoff.delay_s(now_s, code, permanent))
        now_s += found[-1]
    return found


def test_the_first_minute_is_retried_about_once_a_second() -> None:
    first = delays(55.0)
    assert first[0] < 0.4
    assert max(first) <= 1.15


def test_later_attempts_grow_to_ten_seconds() -> None:
    later = delays(600.0)
    assert 8.5 <= later[-1] <= 11.5
    assert max(later) <= 11.5


def test_a_camera_that_is_switched_off_is_found_within_two_seconds_of_its_return() -> None:
    assert max(delays(3600.0, "unreachable")) < 1.5
    assert max(delays(3600.0, "timeout")) < 1.5


def test_a_wrong_password_is_not_tried_every_second() -> None:
    assert min(delays(60.0, "unauthorized", permanent=True)) > 8.0


def test_success_starts_anew() -> None:
    backoff = Backoff(seed=1)
    for now_s in range(0, 300, 10):
        backoff.delay_s(float(now_s), "timeout", False)
    backoff.succeeded()
    assert backoff.delay_s(301.0, "timeout", False) < 0.4
