"""A worker's way out: facts always arrive, what is only for the eye may be dropped."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sensing.worker.messages import Lasting, Message, Overlay, Picture, ShadowReport, Status

SPOOL = 2048
SLOTS = ("_beat", "_status", "_shadow", "_overlay", "_picture")  # most important first


@dataclass(frozen=True, slots=True)
class Beat:
    """The worker's loop lives; without another message for ``patience_s`` it hangs."""

    patience_s: float


class Outbox:
    """Sends messages through a pipe from a thread of its own, so that a slow reader never makes
    the analysing loop wait, until ``SPOOL`` batches of facts are waiting."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._spool: deque[Lasting] = deque()
        self._beat: Beat | None = None
        self._status: Status | None = None
        self._shadow: ShadowReport | None = None
        self._overlay: Overlay | None = None
        self._picture: Picture | None = None
        self._sending = False
        self.overlays_dropped = 0
        self.pictures_dropped = 0
        self.broken = threading.Event()
        """The reader is gone."""
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def put(self, message: Lasting) -> None:
        """Queue what must arrive; waits while the spool is full."""
        with self._changed:
            while len(self._spool) >= SPOOL and not self.broken.is_set():
                self._changed.wait(1.0)
            self._spool.append(message)
            if isinstance(message, Status):
                self._status = None  # older than this one, and would be sent after it
            elif isinstance(message, ShadowReport):
                self._shadow = None
            self._changed.notify_all()

    def refresh(self, message: Status | ShadowReport) -> None:
        """A message that a newer one of its kind may replace before it is sent."""
        with self._changed:
            if isinstance(message, Status):
                self._status = message
            else:
                self._shadow = message
            self._changed.notify_all()

    def beat(self, patience_s: float) -> None:
        with self._changed:
            self._beat = Beat(patience_s)
            self._changed.notify_all()

    def show(self, overlay: Overlay) -> None:
        with self._changed:
            self.overlays_dropped += self._overlay is not None
            self._overlay = overlay
            self._changed.notify_all()

    def show_picture(self, picture: Picture) -> None:
        with self._changed:
            self.pictures_dropped += self._picture is not None
            self._picture = picture
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that must arrive has left; False when time ran out or nobody reads."""
        with self._changed:
            return (
                self._changed.wait_for(
                    lambda: self.broken.is_set() or not (self._spool or self._sending), timeout_s
                )
                and not self.broken.is_set()
            )

    def _run(self) -> None:
        while not self.broken.is_set():
            with self._changed:
                self._changed.wait_for(self._waiting)
                message = self._next()
                self._sending = True
            try:
                self._connection.send(message)
            except OSError:
                self.broken.set()
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    def _waiting(self) -> bool:
        return bool(self._spool) or any(getattr(self, name) for name in SLOTS)

    def _next(self) -> Message | Beat:
        """Most important first; called with something waiting."""
        if self._spool:
            return self._spool.popleft()
        for name in SLOTS:
            message: Message | Beat | None = getattr(self, name)
            if message is not None:
                setattr(self, name, None)
                return message
        raise RuntimeError("expected a waiting message, found none")
