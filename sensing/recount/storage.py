"""The files of audit strips: JPEG pieces, one folder per recount below the data folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from sensing.directories import recounts_dir

TILE_NAME = re.compile(r"[0-9]{1,3}-[0-9]{1,9}\.jpg")
CLIP_NAME = "clip"
MAX_TILE_BYTES = 4 * 1024 * 1024


def recount_dir(pk: int) -> Path:
    return recounts_dir() / str(int(pk))


def tile_name(line_index: int, first_ms: int) -> str:
    """Named by its line and its first row, so that a block that comes twice is one file."""
    return f"{line_index}-{max(first_ms, 0):09d}.jpg"


def tile_path(pk: int, name: str) -> Path | None:
    """Where a piece lies; None for a name that no piece has."""
    if not TILE_NAME.fullmatch(name):
        return None
    path = recount_dir(pk) / name
    return path if path.is_file() else None


def write_tile(pk: int, name: str, content: bytes) -> None:
    """Raises ``OSError`` where the disk does not take it."""
    if not TILE_NAME.fullmatch(name) or len(content) > MAX_TILE_BYTES:
        raise ValueError(f"expected a piece of a strip, got {name!r} of {len(content)} bytes")
    folder = recount_dir(pk)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = folder / f".{name}.part"
    half.write_bytes(content)
    os.replace(half, folder / name)


def delete_strip(pk: int) -> None:
    """Remove every file of a recount; nothing there is fine."""
    shutil.rmtree(recount_dir(pk), ignore_errors=True)
