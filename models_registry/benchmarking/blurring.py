"""Makes heads and number plates on a still unreadable, as far as a detector finds their owners.

Limits: a person or vehicle that the detector misses stays readable; so do a driver behind the
glass, a plate in the upper part of a vehicle's box, and a face in a mirror or on a poster. It is a
help for the person who looks through the stills before keeping them, not a replacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models_registry.benchmarking.classes import VEHICLES, class_name
from models_registry.benchmarking.stills import Frame
from models_registry.runtime.detections import Detections

HEAD_SHARE = 0.30  # of a person's box, from the top
PLATE_SHARE = 0.45  # of a vehicle's box, from the bottom
MARGIN = 0.06  # of the box, since boxes are often cut short
BLOCKS = 4  # the longer side keeps this many colours: averaged away, unlike a blur, which inverts


@dataclass(frozen=True, slots=True)
class Blurred:
    """The still without its heads and plates, and how many regions that took."""

    frame: Frame
    heads: int
    plates: int


def blur(frame: Frame, found: Detections) -> Blurred:
    """A new picture (H, W, 3); ``found`` in its pixels. Call with a low score threshold: a region
    blurred for nothing costs less than a face that is kept."""
    picture = frame.copy()
    heads = plates = 0
    for box, label in zip(found.xyxy.tolist(), found.class_names(), strict=True):
        name = class_name(label)
        if name == "person":
            heads += _cover(picture, frame, head(*box))
        elif name in VEHICLES:
            plates += _cover(picture, frame, plate(*box))
    return Blurred(picture, heads, plates)


def head(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """The part of a person's box that holds the head of somebody who stands, with a margin."""
    aside, above = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    return x1 - aside, y1 - above, x2 + aside, y1 + HEAD_SHARE * (y2 - y1)


def plate(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    """The part of a vehicle's box that holds its plate, with a margin."""
    aside, below = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    return x1 - aside, y2 - PLATE_SHARE * (y2 - y1), x2 + aside, y2 + below


def _cover(picture: Frame, original: Frame, region: tuple[float, float, float, float]) -> bool:
    """Replaces the region by a few blocks of its colours; False if none of it is on the picture."""
    height, width = picture.shape[:2]
    x1, y1 = (int(np.floor(max(value, 0))) for value in region[:2])
    x2, y2 = (
        int(np.ceil(min(value, side)))
        for value, side in zip(region[2:], (width, height), strict=True)
    )
    if x2 <= x1 or y2 <= y1:
        return False
    part = original[y1:y2, x1:x2]
    longest = max(part.shape[:2])
    columns, rows = (max(1, round(BLOCKS * side / longest)) for side in part.shape[1::-1])
    few = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    blocks = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    picture[y1:y2, x1:x2] = blocks
    return True
