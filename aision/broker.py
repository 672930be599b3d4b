"""The embedded broker of one box: kombu's filesystem transport with atomic writes.

The stock transport opens the message file under its final name, so a consumer may read and delete
it half-written and the task is lost.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

LONGEST_WAIT_S = 0.5


class Channel(filesystem.Channel):
    """Messages, in-flight messages and the exchange table in three folders below ``folder``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for folder in (self.data_folder_in, self.processed_folder, self.control_folder):
            Path(folder).mkdir(parents=True, exist_ok=True)

    @property
    def _root(self) -> Path:
        return Path(self.transport_options["folder"])

    @property
    def data_folder_in(self) -> str:
        return str(self._root / "queue")

    data_folder_out = data_folder_in

    @property
    def control_folder(self) -> Path:
        return self._root / "control"

    @property
    def store_processed(self) -> bool:
        return False

    @property
    def processed_folder(self) -> str:
        return str(self._root / "processed")

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        # time_ns, not monotonic: the order must survive a restart of the machine.
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        temporary = Path(self.processed_folder) / f"{name}.new"
        with temporary.open("wb") as file:
            file.write(str_to_bytes(dumps(payload)))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(Path(self.data_folder_out) / name)


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: Any = None, **kwargs: Any) -> None:
        """Wait for messages no longer than a worker may take to notice that it shall stop."""
        wait_s = min(timeout or LONGEST_WAIT_S, LONGEST_WAIT_S)
        super().drain_events(connection, timeout=wait_s)
