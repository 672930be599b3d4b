"""Which parts of a frame the detector is shown, so that few pixels pass through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray

# A run costs something however small its picture is: as much as so many pixels of canvas.
OVERHEAD_PX = 64 * 64
MOST_BOXES, MOST_GROUPS = 100, 8  # with more a look at everything is next to certain
CONTEXT = 0.5  # of its sides on each side of it: a bus that fills the picture is not told for one
CORE, ROOM = slice(0, 4), slice(4, 8)
LOW = np.array([True, True, False, False] * 2)


@dataclass(frozen=True, slots=True)
class Window:
    """``core`` must be looked at, ``crop`` is what the canvas shows: x1, y1, x2, y2 in frame
    pixels, the crop in whole ones. ``canvas``: its number."""

    core: tuple[float, float, float, float]
    crop: tuple[int, int, int, int]
    canvas: int


@dataclass(frozen=True, slots=True)
class Canvases:
    """``sizes``: (width, height) of the small canvases; ``whole``: of the one for whole frames;
    ``scale``: canvas pixels per frame pixel, the same on all of them."""

    sizes: tuple[tuple[int, int], ...]
    whole: tuple[int, int]
    scale: float

    def fitting(self, box: FloatArray) -> int | None:
        """The smallest canvas on which a box (4,) fits."""
        width, height = (box[2:] - box[:2]) * self.scale
        fitting = [
            (w * h, number)
            for number, (w, h) in enumerate(self.sizes)
            if w >= width and h >= height
        ]
        return min(fitting)[1] if fitting else None

    def cost(self, canvas: int | None) -> float:
        """In pixels; None is the whole frame."""
        width, height = self.whole if canvas is None else self.sizes[canvas]
        return width * height + OVERHEAD_PX


def plan_windows(
    boxes: FloatArray, canvases: Canvases, frame_size: tuple[int, int]
) -> list[Window] | None:
    """Windows that show all ``boxes`` (N, 4); None where one look at the whole frame is cheaper."""
    if not canvases.sizes or len(boxes) > MOST_BOXES:
        return None
    groups = list(_joined(_with_room(boxes, frame_size)))
    if not 0 < len(groups) <= MOST_GROUPS:
        return None
    windows = []
    for group in _cheapest(groups, canvases):
        canvas = canvases.fitting(group[ROOM])
        if canvas is None:
            return None
        windows.append(_window(group, canvas, canvases, frame_size))
    spent = sum(canvases.cost(window.canvas) for window in windows)
    return windows if spent < canvases.cost(None) else None


def touching(box: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    """(N,) which of ``others`` (N, 4) share pixels with ``box`` (4,)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    return np.asarray((high > low).all(axis=1), np.bool_)


def grown(boxes: FloatArray, margin_px: float, share: float) -> FloatArray:
    """Boxes (N, 4), by so many pixels and that share of their size larger on each side."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * np.float32(share) + np.float32(margin_px)
    larger: FloatArray = np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
    return larger


def _with_room(boxes: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """(N, 8): each box, then what a look at it must show, as far as the frame has it."""
    room = np.clip(grown(boxes, 0.0, CONTEXT), 0, np.array(frame_size * 2, np.float32))
    both: FloatArray = np.concatenate([boxes, room], axis=1)
    return both


def _joined(boxes: FloatArray) -> FloatArray:
    """Boxes (N, 8) that touch as one round both, until none touch; their rooms may overlap."""
    waiting, done = list(boxes), list[FloatArray]()
    while waiting:
        box = waiting.pop()
        near = touching(box[CORE], np.array(done).reshape(-1, 8)[:, CORE])
        if not near.any():
            done.append(box)
            continue
        group = np.array([box, *(x for x, hit in zip(done, near, strict=True) if hit)])
        done = [x for x, hit in zip(done, near, strict=True) if not hit]
        waiting.append(_round(group))
    return np.array(done, np.float32).reshape(-1, 8)


def _round(boxes: FloatArray) -> FloatArray:
    outer: FloatArray = np.where(LOW, boxes.min(axis=0), boxes.max(axis=0))
    return outer


def _cheapest(groups: list[FloatArray], canvases: Canvases) -> list[FloatArray]:
    """Two groups in one look, for as long as that is cheaper than a look at each."""
    while len(groups) > 1:
        best = (0.0, -1, -1, groups[0])
        for first in range(len(groups)):
            for second in range(first):
                both = _round(np.array([groups[first], groups[second]]))
                canvas = canvases.fitting(both[ROOM])
                if canvas is None:
                    continue
                apart = sum(
                    canvases.cost(canvases.fitting(groups[x][ROOM])) for x in (first, second)
                )
                best = max(best, (apart - canvases.cost(canvas), first, second, both), key=_saved)
        _, first, second, both = best
        if first < 0:
            break
        groups = [x for at, x in enumerate(groups) if at not in (first, second)] + [both]
    return groups


def _saved(candidate: tuple[float, int, int, FloatArray]) -> float:
    return candidate[0]


def _window(
    group: FloatArray, canvas: int, canvases: Canvases, frame_size: Sequence[int]
) -> Window:
    """The canvas's whole room round the core: what surrounds an object helps to tell what it is."""
    low, high = [0, 0], [0, 0]
    for axis in (0, 1):
        room = min(frame_size[axis], int(canvases.sizes[canvas][axis] / canvases.scale))
        middle = float(group[ROOM][axis] + group[ROOM][axis + 2]) / 2
        low[axis] = round(min(max(middle - room / 2, 0), frame_size[axis] - room))
        high[axis] = low[axis] + room
    x1, y1, x2, y2 = (float(value) for value in group[CORE])
    return Window((x1, y1, x2, y2), (low[0], low[1], high[0], high[1]), canvas)
