"""One gateway per data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class AlreadyRunning(RuntimeError):
    """Another gateway holds the folder; the message says which."""


def hold(data_dir: Path, address: str) -> IO[str]:
    """Take the folder for as long as the returned file stays open. Raises ``AlreadyRunning``."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = (data_dir / "gateway.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        owner = file.read().strip() or "another process"
        file.close()
        raise AlreadyRunning(
            f"A gateway already runs on the data folder {data_dir}: {owner}."
            " Stop it first, or start this one with another --data-dir."
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} at {address}")
    file.flush()
    return file
