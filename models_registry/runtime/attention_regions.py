"""The region-first model: which cells of the picture changed by something that counts.

It compares a small grey picture of now with what it was when the detector last looked, cell by
cell, so that something slow adds up until it is seen, and what stands still costs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.components import components
from models_registry.runtime.detections import FloatArray
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.model_file import read_model
from models_registry.runtime.session import Session

Bools = NDArray[np.bool_]
Grey = NDArray[np.uint8]
CELL = 8  # pixels of the small picture
THRESHOLD_NOTE = "mark_above"
GREYS = 255.0


def small_size(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Size of the small picture of a frame: its shape, within what the model takes, ≥ 1 px."""
    scale = min(most_width / width, most_height / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def small_grey(frame: NDArray[np.uint8], size: tuple[int, int]) -> Grey:
    """A BGR frame (H, W, 3) as a grey picture of ``size`` (width, height)."""
    small = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


class RegionModel:
    """Marks cells of one camera's pictures. Raises ``ModelUnusable`` for a file that is none.

    The file takes (1, 2, H, W) float32 in 0–1, now and reference, and answers (1, 1, H/8, W/8) in
    0–1; its note ``mark_above`` says from where a cell is marked.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._session = Session(read_model(path).content, threads=threads)
        shapes = [x.shape for x in (*self._session.inputs, *self._session.outputs)]
        if len(shapes) != 2 or len(shapes[0]) != 4 or shapes[0][:2] != (1, 2):
            raise ModelUnusable(
                "contract_mismatch", f"expected one (1, 2, H, W) input and one output, got {shapes}"
            )
        height, width = int(shapes[0][2] or 0), int(shapes[0][3] or 0)
        self.rows, self.columns = height // CELL, width // CELL
        if shapes[1] != (1, 1, self.rows, self.columns):
            raise ModelUnusable(
                "contract_mismatch",
                f"expected an answer (1, 1, {self.rows}, {self.columns}), got {shapes[1]}",
            )
        self.threshold = _threshold(self._session.metadata)
        self._input = np.zeros((1, 2, height, width), np.float32)
        feeds: dict[str, NDArray[Any]] = {self._session.inputs[0].name: self._input}
        self._bound = self._session.bind(feeds)
        self.reset()

    def reset(self) -> None:
        """Another scene: nothing was looked at yet."""
        self._size = (0, 0)
        self._frame_size = (0, 0)
        self._now: Grey | None = None

    def see(self, frame: NDArray[np.uint8]) -> None:
        """Take in a BGR frame (H, W, 3); of another size than before it begins anew."""
        height, width = frame.shape[:2]
        if self._frame_size != (width, height):
            self._frame_size = (width, height)
            self._size = small_size(width, height, self._input.shape[3], self._input.shape[2])
            self._input[:] = 0.0
            self._now = None
        grey = small_grey(frame, self._size)
        columns, rows = self._size
        np.multiply(grey, np.float32(1 / GREYS), out=self._input[0, 0, :rows, :columns])
        self._now = grey

    def marks(self) -> Bools:
        """(rows, columns) cells of the seen frame that changed since they were ``looked`` at."""
        assert self._bound is not None
        answer = self._bound.run()[0][0, 0]
        marked: Bools = answer > self.threshold
        return marked

    def looked(self, xyxy: FloatArray | None = None) -> None:
        """The detector now looks at this box (4,) of the seen frame, or at all of it."""
        columns, rows = self._size
        where = (slice(0, rows), slice(0, columns))
        if xyxy is not None:
            x1, y1, x2, y2 = (xyxy * self._gain()).tolist()
            where = (
                slice(max(0, int(y1 + 0.5)), min(rows, int(y2 + 0.5))),
                slice(max(0, int(x1 + 0.5)), min(columns, int(x2 + 0.5))),
            )
        self._input[0, 1][where] = self._input[0, 0][where]

    def boxes(self, marked: Bools) -> FloatArray:
        """(N, 4) boxes in the frame's pixels, one round each patch of ``marked`` cells."""
        _, patches = components(marked.astype(np.uint8))
        found = patches[1:, :4].astype(np.float32)
        found[:, 2:] += found[:, :2]
        return self._to_frame(found * CELL)

    def cells(self, xyxy: FloatArray) -> Bools:
        """(rows, columns) cells that boxes (N, 4) of the frame touch."""
        touched = np.zeros((self.rows, self.columns), np.bool_)
        for x1, y1, x2, y2 in (xyxy * (self._gain() / CELL)).tolist():
            touched[max(0, int(y1)) : int(np.ceil(y2)), max(0, int(x1)) : int(np.ceil(x2))] = True
        return touched

    def cell_side(self) -> float:
        """Side of a cell in the frame's pixels."""
        return CELL * self._frame_size[0] / max(1, self._size[0])

    def _gain(self) -> FloatArray:
        width, height = self._frame_size
        columns, rows = self._size
        return np.array([columns / width, rows / height] * 2, np.float32)

    def _to_frame(self, small: FloatArray) -> FloatArray:
        edge = np.array(self._frame_size * 2, np.float32)
        boxes: FloatArray = np.minimum(small / self._gain(), edge)
        return boxes


def _threshold(notes: dict[str, str]) -> float:
    try:
        value = float(notes.get(THRESHOLD_NOTE, ""))
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise ModelUnusable(
            "contract_mismatch", f"expected a note {THRESHOLD_NOTE!r} in 0–1 in the region model"
        )
    return value
