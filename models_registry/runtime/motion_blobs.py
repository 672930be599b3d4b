"""From a foreground mask to the boxes of things: components cleaned, parts of one thing joined."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.components import Mask, components
from models_registry.runtime.detections import FloatArray
from models_registry.runtime.motion_scale import SizeScale

MIN_AREA = 14  # pixels of a thing too small to be told from noise
MAX_BLOBS = 80  # the largest are kept; a storm of specks must not cost the frame's time
MIN_FILL = 0.25  # share of its box that a thing covers; less is a line of noise
JOIN_FILL = 0.55  # share of the joint box that must have changed, for parts to be one thing
COMPACT_FILL = 0.8  # parts that fill their joint box like this are one body at any size
JOIN_OVERSIZE = 1.3  # joint boxes may exceed the typical size by this factor
SPLIT_OVERSIZE = 1.6  # times the typical side, from which a box may hold two things
WAIST = 0.5  # share of its shoulders to which the outline falls between two things
SAME_OVERLAP = 0.5
SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))


@dataclass(frozen=True, slots=True)
class Blobs:
    """Boxes (N, 4) as xyxy and their solidly covered share (N,), in pixels of the masks.

    ``covered`` is the integral image of everything that changed, for sums over any box.
    """

    boxes: FloatArray
    fills: FloatArray
    covered: NDArray[np.int32]


def find_blobs(solid: Mask, changed: Mask, scale: SizeScale, known: FloatArray) -> Blobs:
    """The things that two masks (H, W) of one frame show.

    ``solid`` is the foreground without shadows, ``changed`` with them: a dark car is partly taken
    for a shadow, and what it covers is still one changed region. ``known`` (K, 4): where things
    seen whole before should be now; those are never cut.
    """
    clean = cv2.morphologyEx(cv2.medianBlur(solid, 3), cv2.MORPH_CLOSE, SQUARE)
    _, stats = components(clean)
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = np.flatnonzero(areas >= MIN_AREA)
    keep = keep[np.argsort(-areas[keep], kind="stable")[:MAX_BLOBS]] + 1
    boxes = stats[keep, :4].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    covered = _integral(cv2.bitwise_or(clean, changed))
    boxes = _join_parts(boxes, covered, scale)
    boxes = _split_large(boxes, cv2.bitwise_or(clean, changed), scale, known)
    fills = box_sums(_integral(clean), boxes) / np.maximum(box_areas(boxes), 1.0)
    sound = fills >= MIN_FILL
    return Blobs(boxes[sound], fills[sound], covered)


def _split_large(boxes: FloatArray, solid: Mask, scale: SizeScale, known: FloatArray) -> FloatArray:
    """Cut boxes that hold several ordinary things at the waists of their outline.

    A van that was seen whole does not become two when its windscreen looks like the road.
    """
    seen_whole = overlaps(boxes, known).max(axis=1, initial=0.0) >= SAME_OVERLAP
    pending = list(boxes[~seen_whole])
    whole: list[FloatArray] = list(boxes[seen_whole])
    while pending:
        box = pending.pop()
        parts = _cut(box, solid, scale)
        if parts is None:
            whole.append(box)
        else:
            pending.extend(parts)
    return np.array(whole, np.float32).reshape(-1, 4)


def _cut(box: FloatArray, solid: Mask, scale: SizeScale) -> list[FloatArray] | None:
    """The two parts of a box too large for one thing, if its outline has a waist; else None."""
    typical = scale.typical(float(box[1] + box[3]) / 2)
    if typical is None:
        return None
    x1, y1, x2, y2 = box.astype(int)
    inside = solid[y1:y2, x1:x2] > 0
    excess = (box[2:] - box[:2]) / np.array(typical)
    for side in np.argsort(-excess):
        if excess[side] < SPLIT_OVERSIZE:
            break
        profile = inside.sum(axis=side).astype(float)  # side 0: per column, side 1: per row
        at = _waist(profile, 0.5 * typical[side])
        if at is not None:
            low, high = box.copy(), box.copy()
            low[2 + side] = high[side] = box[side] + at
            return [_tight(low, solid), _tight(high, solid)]
    return None


def _waist(profile: NDArray[np.float64], margin: float) -> int | None:
    """Where a profile has a waist between two bodies at least ``margin`` long; None if nowhere."""
    first, last = int(margin), len(profile) - int(margin)
    if last - first < 1:
        return None
    at = first + int(profile[first:last].argmin())
    shoulders = min(profile[:at].max(initial=0.0), profile[at:].max(initial=0.0))
    return at if profile[at] <= WAIST * shoulders else None


def _tight(box: FloatArray, solid: Mask) -> FloatArray:
    """The box drawn in to the solid pixels that it holds."""
    x1, y1, x2, y2 = box.astype(int)
    inside = solid[y1:y2, x1:x2]
    x, y, width, height = cv2.boundingRect(inside) if inside.size else (0, 0, 0, 0)
    if not width:
        return box
    return np.array([x1 + x, y1 + y, x1 + x + width, y1 + y + height], np.float32)


def _integral(mask: Mask) -> NDArray[np.int32]:
    return np.asarray(cv2.integral(cv2.min(mask, 1)), np.int32)


def box_areas(boxes: FloatArray) -> FloatArray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_sums(integral: NDArray[np.int32], boxes: FloatArray) -> FloatArray:
    """Sum of a mask inside each box, from the mask's integral image."""
    height, width = integral.shape
    x1, x2 = np.clip(boxes[:, [0, 2]].round().astype(int).T, 0, width - 1)
    y1, y2 = np.clip(boxes[:, [1, 3]].round().astype(int).T, 0, height - 1)
    sums = integral[y2, x2] - integral[y1, x2] - integral[y2, x1] + integral[y1, x1]
    return sums.astype(np.float32)


def intersections(first: FloatArray, second: FloatArray) -> FloatArray:
    """Common area (N, M) of every box of ``first`` with every box of ``second``."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(high - low, 0.0, None)
    return sides[..., 0] * sides[..., 1]


def overlaps(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union (N, M)."""
    common = intersections(first, second)
    union = box_areas(first)[:, None] + box_areas(second)[None] - common
    return common / np.maximum(union, 1.0)


def gaps(boxes: FloatArray) -> FloatArray:
    """Clear distance (N, N) between boxes along the axis on which they are further apart."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.maximum(low[:, None] - high, low - high[:, None]).max(axis=2)


def union_box(boxes: FloatArray) -> FloatArray:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _join_parts(boxes: FloatArray, covered: NDArray[np.int32], scale: SizeScale) -> FloatArray:
    """Join boxes until none is part of another: the smaller near or inside, the whole plausible."""
    while len(boxes) > 1:
        pair = _next_pair(boxes, covered, scale)
        if pair is None:
            break
        i, j = pair
        joint = union_box(boxes[[i, j]])
        boxes = np.concatenate([np.delete(boxes, [i, j], axis=0), joint[None]])
    return boxes


def _next_pair(
    boxes: FloatArray, covered: NDArray[np.int32], scale: SizeScale
) -> tuple[int, int] | None:
    """The closest two boxes that belong together, or None."""
    gap = np.maximum(gaps(boxes), 0.0)
    side = np.sqrt(box_areas(boxes))
    near = np.triu(gap <= 2.0 + 0.25 * np.minimum(side[:, None], side), k=1)
    first, second = np.nonzero(near)
    closest = np.argsort(gap[first, second], kind="stable").tolist()
    corners = boxes.tolist() if closest else []
    for at in closest:
        i, j = int(first[at]), int(second[at])
        if _one_thing(corners[i], corners[j], covered, scale):
            return i, j
    return None


def _one_thing(
    a: list[float], b: list[float], covered: NDArray[np.int32], scale: SizeScale
) -> bool:
    """Corners in whole pixels. Plain numbers: for two boxes NumPy's calls would cost the most."""
    areas = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    small, large = min(areas), max(areas)
    common_width = min(a[2], b[2]) - max(a[0], b[0])
    common_height = min(a[3], b[3]) - max(a[1], b[1])
    if max(common_width, 0.0) * max(common_height, 0.0) >= 0.6 * small:
        return True
    x1, y1, x2, y2 = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    width, height = x2 - x1, y2 - y1
    typical = scale.typical((y1 + y2) / 2)
    if typical is not None:
        plausible = width <= JOIN_OVERSIZE * typical[0] and height <= JOIN_OVERSIZE * typical[1]
    else:
        plausible = small <= 0.4 * large
    top, bottom = covered[int(y1)], covered[int(y2)]
    inside = int(bottom[int(x2)]) - int(top[int(x2)]) - int(bottom[int(x1)]) + int(top[int(x1)])
    return inside / (width * height) >= (JOIN_FILL if plausible else COMPACT_FILL)
