from __future__ import annotations

import os
import signal
import subprocess
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


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's prctl and /proc")
def test_a_gateway_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    gateway = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib\n"
            "from aision.processes import Process, Processes\n"
            "child = Process('child', [sys.executable, '-c', 'import time; time.sleep(60)'], {})\n"
            "Processes([child]).start()\n"
            f"pathlib.Path({str(pid_file)!r}).write_text(str(child.child.pid))\n"
            "time.sleep(60)\n",
        ],
        cwd=Path(__file__).parents[2],
    )
    wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
    child = int(pid_file.read_text())
    assert running(child)
    gateway.kill()
    gateway.wait()
    wait_until(lambda: not running(child))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_what_a_dead_process_had_started_does_not_run_beside_its_successor(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = program(
        "parent",
        "import pathlib, subprocess, sys, time;"
        " child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f" pathlib.Path({str(pid_file)!r}).write_text(str(child.pid)); time.sleep(60)",
    )
    processes = Processes([parent])
    processes.start()
    wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
    grandchild = int(pid_file.read_text())
    try:
        assert parent.child is not None
        parent.child.kill()
        parent.child.wait()
        processes.check()
        wait_until(lambda: not running(grandchild))
    finally:
        processes.stop()


def test_a_data_folder_serves_one_gateway_and_names_it(tmp_path: Path) -> None:
    with (
        hold(tmp_path, "http://127.0.0.1:8000"),
        pytest.raises(AlreadyRunning, match=rf"process {os.getpid()} at http://127.0.0.1:8000"),
    ):
        hold(tmp_path, "http://127.0.0.1:9000")
    with hold(tmp_path, "http://127.0.0.1:9000"):
        pass
