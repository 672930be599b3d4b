"""Decoded pictures in memory, no larger than a training needs them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.stills import JPEG, MAX_BYTES, read_still, stated_size
from models_registry.training.errors import TrainingFailed

Picture = NDArray[np.uint8]
HEAD_BYTES = 65_536  # a camera's EXIF with its thumbnail fits
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF: by a quarter, mirrored or not


class PictureStore:
    """BGR pictures by number, reduced to what ``largest`` (width, height) can hold.

    As many as fit into ``memory_mb`` are decoded at once; the others each time they are asked for.
    """

    def __init__(
        self, paths: Sequence[Path], largest: tuple[int, int], memory_mb: int, threads: int = 0
    ) -> None:
        self._paths, self._largest = list(paths), largest
        self._kept: list[Picture | None] = [None] * len(self._paths)
        room = memory_mb * 1_000_000 // (largest[0] * largest[1] * 3)
        first = range(min(room, len(self._paths)))
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            for number, picture in zip(first, pool.map(self._read, first), strict=True):
                self._kept[number] = picture

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Picture:
        """Not to be written into. Raises ``TrainingFailed`` (``picture_unreadable``)."""
        kept = self._kept[number]
        return self._read(number) if kept is None else kept

    def _read(self, number: int) -> Picture:
        try:
            picture = read_still(self._paths[number])
        except MeasurementFailed as error:
            raise TrainingFailed(
                "picture_unreadable", f"{self._paths[number]}: {error.message}"
            ) from error
        height, width = picture.shape[:2]
        scale = min(self._largest[0] / width, self._largest[1] / height)
        if scale >= 1:
            return picture
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) once it stands upright, from the file's header alone; ``None`` if that of a
    JPEG or PNG is not there."""
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES)
        size = stated_size(content)
        if size is None and content.startswith(JPEG):  # colour profiles may stand before the size
            content += file.read(MAX_BYTES)
            size = stated_size(content)
    if size is None:
        return None
    return (size[1], size[0]) if _turned(content) else size


def _turned(content: bytes) -> bool:
    """Whether a JPEG's EXIF says that width and height change places, as decoding lets them."""
    start = content.find(b"Exif\0\0")
    tiff = content[start + 6 :]
    if start < 0 or not content.startswith(JPEG) or tiff[:2] not in (b"II", b"MM"):
        return False
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(at: int, length: int) -> int:
        return int.from_bytes(tiff[at : at + length], order)

    table = number(4, 4)
    entries = range(table + 2, table + 2 + 12 * number(table, 2), 12)
    return any(number(at, 2) == ORIENTATION and number(at + 8, 2) in TURNED for at in entries)
