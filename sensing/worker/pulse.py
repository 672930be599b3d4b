"""The sign of life of a worker."""

from __future__ import annotations

import threading
import time

from sensing.worker.outbox import Outbox

BEAT_S = 0.25
PATIENCE_S = 1.2
LOOP_LIMIT_S = 2.0


class Pulse:
    """Beats from a thread of its own as long as the loop does.

    A frozen process is silent at once, so it is soon found; a loop that computes for a moment
    longer than usual is not mistaken for one.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._loop_s = time.monotonic()
        self._stopped = threading.Event()
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def tick(self) -> None:
        """The loop lives."""
        self._loop_s = time.monotonic()

    def stop(self) -> None:
        """The loop has ended; what it still has to say may take a moment, and is life too."""
        self._stopped.set()

    def _beat(self) -> None:
        while True:
            if time.monotonic() - self._loop_s < LOOP_LIMIT_S:
                self._outbox.beat(PATIENCE_S)
            elif self._stopped.is_set():
                return
            time.sleep(BEAT_S)
