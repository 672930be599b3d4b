"""Starts and supervises the gateway's processes.

A process that ends is started again, but not for ever: one that ends more often than its restart
budget allows takes the whole gateway down with a clear word, so that a service manager sees it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

RESTARTS = 5
PER_S = 60.0
RESTART_AFTER_S = 0.5
STOP_WITHIN_S = 3.9
PR_SET_PDEATHSIG = 1


class RestartBudgetSpent(RuntimeError):
    """A process ended too often."""


@dataclass
class Process:
    """One supervised program."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    child: subprocess.Popen[bytes] | None = None
    restarts: deque[float] = field(default_factory=deque)
    start_at_s: float = 0.0

    def start(self) -> None:
        self.child = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            # Its own group: Ctrl+C reaches us first, and we stop them in order.
            start_new_session=True,
            # Safe here: this process has one thread of its own.
            preexec_fn=end_with_parent(),  # noqa: PLW1509
        )

    def spend_restart(self, now_s: float) -> None:
        """Raises ``RestartBudgetSpent`` at the sixth end within a minute."""
        while self.restarts and now_s - self.restarts[0] > PER_S:
            self.restarts.popleft()
        if len(self.restarts) >= RESTARTS:
            raise RestartBudgetSpent(
                f"{self.name} ended {RESTARTS + 1} times within {PER_S:.0f} s; giving up."
                " Its last words are above."
            )
        self.restarts.append(now_s)


class Processes:
    """All processes of one gateway. ``check`` is one unit of the supervising loop."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = list(processes)

    def start(self) -> None:
        for process in self._processes:
            process.start()

    def check(self) -> None:
        """Start again what has ended. Raises ``RestartBudgetSpent``."""
        now_s = time.monotonic()
        for process in self._processes:
            if process.child is None:
                if now_s >= process.start_at_s:
                    process.start()
            elif (code := process.child.poll()) is not None:
                log.warning("%s ended with code %s and is started again", process.name, code)
                # What it had started itself must not run beside its successor.
                kill_group(process.child.pid)
                process.spend_restart(now_s)
                process.child = None
                process.start_at_s = now_s + RESTART_AFTER_S

    def stop(self) -> None:
        """SIGTERM to all, then SIGKILL to the groups of those that take too long."""
        running = [(p.name, p.child) for p in self._processes if p.child and p.child.poll() is None]
        for _name, child in running:
            child.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_WITHIN_S
        for name, child in running:
            try:
                child.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop in time and is killed", name)
        for process in self._processes:
            if process.child:
                kill_group(process.child.pid)


def end_with_parent() -> Callable[[], None] | None:
    """For a new process: SIGTERM when we die, however we die; else it would run on for ever, keep
    the port and count beside our successor. None where the system cannot do that."""
    if not sys.platform.startswith("linux"):
        return None
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # we died before the line above
            os._exit(1)

    return prepare


def kill_group(pid: int) -> None:
    """Kill what is left of a process group; nothing left is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        log.warning("process group %d belongs to somebody else", pid)
