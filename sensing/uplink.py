"""The sensing process's websocket to the web process.

Live items are worth nothing late, so they wait in a short queue and the oldest are dropped (and
counted) while the web process is away. Facts never travel here: they are in the database already.
"""

from __future__ import annotations

import json
import logging
import struct
import threading
from collections import deque
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from sensing.live import Leases, LiveItem

log = logging.getLogger(__name__)

QUEUE_LENGTH = 500
RETRY_AFTER_S = 1.0


class Uplink:
    """Sends items in the background and knows who watches. ``stop`` ends it."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._queue: deque[LiveItem] = deque(maxlen=QUEUE_LENGTH)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._leases = Leases()
        self._lock = threading.Lock()
        self.dropped = 0
        self.connected = False
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=2)

    def send(self, item: LiveItem) -> None:
        with self._lock:
            if len(self._queue) == QUEUE_LENGTH:
                self.dropped += 1
            self._queue.append(item)
        self._wake.set()

    def watched(self) -> tuple[frozenset[int], frozenset[int]]:
        """(cameras whose overlays are wanted, cameras whose pictures are wanted)."""
        if not self.connected:
            return frozenset(), frozenset()
        with self._lock:
            return self._leases.watched()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with connect(
                    self._url,
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    compression=None,
                    open_timeout=5,
                    close_timeout=1,
                ) as socket:
                    self.connected = True
                    log.info("connected to the web process")
                    listener = threading.Thread(
                        target=self._listen, args=(socket,), name="uplink-listen", daemon=True
                    )
                    listener.start()
                    self._send_waiting(socket)
            except (OSError, TimeoutError, WebSocketException) as error:
                log.debug("web process not reached: %s", error)
            finally:
                self.connected = False
            self._stopped.wait(RETRY_AFTER_S)

    def _listen(self, socket: ClientConnection) -> None:
        try:
            for text in socket:
                message: dict[str, Any] = json.loads(text)
                if message.get("type") == "watch":
                    with self._lock:
                        self._leases.renew(message)
        except WebSocketException as error:
            log.debug("web process hung up: %s", error)
        self.connected = False
        self._wake.set()

    def _send_waiting(self, socket: ClientConnection) -> None:
        while self.connected and not self._stopped.is_set():
            self._wake.wait(1.0)
            self._wake.clear()
            with self._lock:
                waiting = list(self._queue)
                self._queue.clear()
            texts = [
                (item["camera"], item["kind"], item["data"])
                for item in waiting
                if isinstance(item["data"], str)
            ]
            if texts:
                socket.send(json.dumps(texts))
            for item in waiting:
                if isinstance(item["data"], bytes):
                    socket.send(item["data"])


def picture_bytes(camera_id: int, captured_at_s: float, jpeg: bytes) -> bytes:
    """How a picture travels: camera id (4 bytes), Unix time (8-byte float), big-endian; JPEG."""
    return struct.pack(">Id", camera_id, captured_at_s) + jpeg
