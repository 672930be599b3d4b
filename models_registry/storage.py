"""Where the registry's files lie: models under their SHA-256, uploads on their way, pictures.

A file appears in the store whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from uuid import UUID

from django.conf import settings

CHUNK_BYTES = 1024 * 1024


def registry_dir() -> Path:
    return Path(settings.REGISTRY_DIR)


def version_path(sha256: str) -> Path:
    """The ONNX file of a version."""
    return registry_dir() / "models" / sha256[:2] / f"{sha256}.onnx"


def packed_path(sha256: str) -> Path:
    """The transport file of a version that was packed."""
    return version_path(sha256).with_suffix(".aipk")


def incoming_path(upload_id: UUID) -> Path:
    """The parts received so far of an upload."""
    return registry_dir() / "incoming" / f"{upload_id}.part"


def set_dir(set_id: int) -> Path:
    """The pictures and boxes of an evaluation set."""
    return registry_dir() / "evaluation_sets" / str(set_id)


def store_file(path: Path, sha256: str) -> None:
    """Move a file whose SHA-256 is known into the store."""
    target = version_path(sha256)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # The sandbox had it open for writing: what is kept must belong to the gateway alone.
    path.chmod(0o600)
    path.replace(target)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that a reader, or a loss of power, sees all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def free_bytes() -> int:
    """Room left where the registry lies."""
    folder = registry_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free
