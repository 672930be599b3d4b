"""Objects cut out of other pictures and laid on this one, as Dwibedi et al. 2017 do.

An object then comes before many backgrounds, before others and at many sizes; the rarer its class,
the more often each of its objects is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray
from models_registry.runtime.motion_blobs import box_areas, intersections
from models_registry.training.geometry import Drawn
from models_registry.training.labelled import LabelledSource, joined, make_objects
from models_registry.training.pictures import Picture, PictureStore

MOST = 3
SURE = 0.6  # what a labeller is less sure of is not multiplied
LEAST_SIDE_PX = 16
HEIGHT_SHARE = (0.08, 0.8)  # of the canvas
LARGEST_GAIN = 2.0  # enlarged further, an object is a blur that no camera shows
MARGIN = 0.04  # of its sides round an object
LEAST_SEEN = 0.6  # so much stays visible of what lies below
PLACES = 4  # tried before an object is given up


class Stock:
    """The objects of the sources that say ``paste``; ``numbers`` count pictures over all sources,
    in the order in which ``store`` has them."""

    def __init__(self, sources: Sequence[LabelledSource], store: PictureStore) -> None:
        self._store = store
        self._pictures = [x for source in sources for x in source.pictures]
        self._of_class: dict[int, list[tuple[int, int]]] = {}
        given = [source.paste for source in sources for _ in source.pictures]
        for number in np.flatnonzero(given).tolist():
            objects = self._pictures[number].objects
            usable = ~objects.ignored & (objects.score >= SURE)
            for row in np.flatnonzero(usable & ~_crowded(objects.xyxy)):
                self._of_class.setdefault(int(objects.kind[row]), []).append((number, int(row)))

    def lay_on(self, drawn: Drawn, rng: np.random.Generator) -> Drawn:
        """One to three objects more; ``drawn`` has pixels of its canvas and is not written into."""
        if not self._of_class:
            return drawn
        drawn = replace(drawn, picture=drawn.picture.copy())
        for _ in range(int(rng.integers(1, MOST + 1))):
            kinds = sorted(self._of_class)
            kind = kinds[int(rng.integers(len(kinds)))]
            entries = self._of_class[kind]
            cut = self._cut(*entries[int(rng.integers(len(entries)))], drawn.picture, rng)
            corner = None if cut is None else _room(cut, drawn, rng)
            if cut is not None and corner is not None:
                drawn = _laid(drawn, cut, corner, kind)
        return drawn

    def _cut(
        self, number: int, row: int, canvas: Picture, rng: np.random.Generator
    ) -> Picture | None:
        """The object with a little round it, as large as it will be; ``None``: it is too small."""
        picture = self._store[number]
        rows, columns = picture.shape[:2]
        size = np.array([columns, rows] * 2, np.float32)
        x1, y1, x2, y2 = (self._pictures[number].objects.xyxy[row] * size).tolist()
        wide, high = x2 - x1, y2 - y1
        if min(wide, high) < LEAST_SIDE_PX:
            return None
        low, top = np.log(HEIGHT_SHARE)
        gain = float(np.exp(rng.uniform(low, top))) * canvas.shape[0] / high
        gain = min(gain, LARGEST_GAIN, 0.9 * canvas.shape[1] / wide, 0.9 * canvas.shape[0] / high)
        left, upper = max(0, round(x1 - MARGIN * wide)), max(0, round(y1 - MARGIN * high))
        right, lower = round(x2 + MARGIN * wide), round(y2 + MARGIN * high)
        part = picture[upper:lower, left:right]
        target = (max(8, round(part.shape[1] * gain)), max(8, round(part.shape[0] * gain)))
        way = cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR
        cut = np.asarray(cv2.resize(part, target, interpolation=way), np.uint8)
        return cut[:, ::-1] if rng.random() < 0.5 else cut


def _crowded(xyxy: FloatArray) -> NDArray[np.bool_]:
    """(N,) what another object reaches into: it would come along without a label."""
    common = intersections(xyxy, xyxy)
    np.fill_diagonal(common, 0)
    crowded: NDArray[np.bool_] = common.sum(axis=1) > 0.1 * box_areas(xyxy)
    return crowded


def _room(cut: Picture, drawn: Drawn, rng: np.random.Generator) -> tuple[int, int] | None:
    """Left and top of a place at which it hides no object."""
    rows, columns = drawn.picture.shape[:2]
    high, wide = cut.shape[:2]
    if high >= rows or wide >= columns:
        return None
    known = drawn.objects.xyxy[~drawn.objects.ignored]
    areas = box_areas(known)
    for _ in range(PLACES):
        left, top = int(rng.integers(columns - wide)), int(rng.integers(rows - high))
        here = np.array([[left, top, left + wide, top + high]], np.float32)
        hidden = intersections(here, known)[0]
        if (hidden <= (1 - LEAST_SEEN) * areas).all():
            return left, top
    return None


def _laid(drawn: Drawn, cut: Picture, corner: tuple[int, int], kind: int) -> Drawn:
    """Soft at the rim and round at the corners, or the net would learn the edges of the cut."""
    (left, top), (high, wide) = corner, cut.shape[:2]
    y = np.abs(np.linspace(-1, 1, high, dtype=np.float32))[:, None]
    x = np.abs(np.linspace(-1, 1, wide, dtype=np.float32))[None]
    seen = np.clip((1.2 - (x**4 + y**4)) / 0.4, 0, 1)[..., None]
    place = drawn.picture[top : top + high, left : left + wide]
    place[:] = np.rint(place * (1 - seen) + cut * seen).astype(np.uint8)
    side_x, side_y = (side * MARGIN / (1 + 2 * MARGIN) for side in (wide, high))
    corners = (left + side_x, top + side_y, left + wide - side_x, top + high - side_y)
    return replace(
        drawn, objects=joined([drawn.objects, make_objects([(corners, kind, 1.0, False)])])
    )
