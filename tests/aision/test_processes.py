from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aision.lock import AlreadyRunning, hold
from aision.processes import RESTARTS, Process, Processes, RestartBudgetSpent


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(400):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("did not happen in time")


def program(name: str, code: str) -> Process:
    return Process(name, [sys.executable, "-c", code], {})


def test_a_process_that_ends_is_started_again() -> None:
    sleeper = program("sleeper", "import time; time.sleep(60)")
    processes = Processes([sleeper])
    processes.start()
    first = sleeper.child
    assert first is not None
    try:
        first.kill()
        first.wait()

        def started_again() -> bool:
            processes.check()
            return sleeper.child is not None and sleeper.child.pid != first.pid

        wait_until(started_again)
    finally:
        processes.stop()
    assert sleeper.child is not None
    assert sleeper.child.returncode == -signal.SIGTERM


def test_a_process_that_ends_again_and_again_stops_the_gateway() -> None:
    broken = program("broken", "")
    for second in range(RESTARTS):
        broken.spend_restart(float(second))
    with pytest.raises(RestartBudgetSpent, match="broken ended 6 times within 60 s"):
        broken.spend_restart(30.0)


def test_old_restarts_are_forgiven() -> None:
    broken = program("broken", "")
    for minute in range(3 * RESTARTS):
        broken.spend_restart(60.0 * minute)
    assert len(broken.restarts) <= 2


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    deaf = program(
        "deaf",
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f" pathlib.Path({str(marker)!r}).touch(); time.sleep(60)",
    )
    processes = Processes([deaf])
    processes.start()
    wait_until(marker.exists)
    processes.stop()
    assert deaf.child is not None
    wait_until(lambda: deaf.child is not None and deaf.child.poll() is not None)
    assert deaf.child.returncode == -signal.SIGKILL


def test_a_data_folder_serves_one_gateway_and_names_it(tmp_path: Path) -> None:
    with (
        hold(tmp_path, "http://127.0.0.1:8000"),
        pytest.raises(AlreadyRunning, match=rf"process {os.getpid()} at http://127.0.0.1:8000"),
    ):
        hold(tmp_path, "http://127.0.0.1:9000")
    with hold(tmp_path, "http://127.0.0.1:9000"):
        pass
