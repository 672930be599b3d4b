"""Decoded pictures in memory, no larger than a training needs them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.stills import read_still
from models_registry.training.errors import TrainingFailed

Picture = NDArray[np.uint8]


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
