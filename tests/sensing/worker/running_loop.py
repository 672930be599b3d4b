"""A camera's loop in a thread of the test, with a real pipe."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from sensing.worker.loop import CameraLoop
from sensing.worker.outbox import Outbox
from sensing.worker.plan import CameraPlan

TIMEOUT_S = 120.0
M = TypeVar("M")


class RunningLoop:
    """A loop in a thread and all that it has said so far."""

    def __init__(self, plan: CameraPlan, folder: Path) -> None:
        self._reader, writer = Pipe(duplex=False)
        self._outbox = Outbox(writer)
        self.stopping, self.watched = threading.Event(), threading.Event()
        self.plans: queue.SimpleQueue[CameraPlan] = queue.SimpleQueue()
        loop = CameraLoop(plan, folder, self._outbox, self.stopping, self.watched, plans=self.plans)
        self._thread = threading.Thread(target=loop.run, daemon=True)
        self.said: list[object] = []
        self._thread.start()

    @property
    def reader(self) -> Connection:
        return self._reader

    def until(self, kind: type[M], wanted: Callable[[M], bool] = lambda _: True) -> M:
        """The next message of a kind that is wanted."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            if self._reader.poll(0.1):
                self.said.append(self._reader.recv())
                last = self.said[-1]
                if isinstance(last, kind) and wanted(last):
                    return last
        raise AssertionError(f"waited in vain for {kind.__name__}; heard {self.said[-5:]}")

    def stop(self) -> list[object]:
        """End the loop; everything it said after it was told to."""
        self.stopping.set()
        before = len(self.said)
        while self._thread.is_alive() or self._reader.poll(0.2):
            if self._reader.poll(0.1):
                self.said.append(self._reader.recv())
        self._reader.close()
        return self.said[before:]


@contextlib.contextmanager
def running(plan: CameraPlan, folder: Path) -> Iterator[RunningLoop]:
    loop = RunningLoop(plan, folder)
    try:
        yield loop
    finally:
        if not loop.reader.closed:
            loop.stop()
