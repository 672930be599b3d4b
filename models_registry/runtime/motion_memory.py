"""What the motion detector remembers of the things it saw: enough to part and trust them.

Not a tracker: no identity leaves it. It tells two cars whose blobs touch from one lorry (they were
two before), and a thing that travels from a leaf that waves (a leaf comes back).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import FloatArray
from models_registry.runtime.motion_blobs import (
    JOIN_FILL,
    Blobs,
    box_areas,
    box_sums,
    gaps,
    intersections,
    overlaps,
    union_box,
)
from models_registry.runtime.motion_scale import SizeScale

ESTABLISHED = 3  # sightings after which a thing is itself
FORGET_S = 0.6
VELOCITY_S = 0.15  # time constant of velocity and size
LOST_SHARE = 0.5
INSIDE_SHARE = 0.7
PART_GAP = 0.2  # of the size of the whole
PART_AREA = 0.5
FREE_GAP = 0.4
LEAST_SIZE = 8.0  # pixels
FAR_SHARE = 0.06  # of the picture's diagonal
STRAIGHT = 0.6  # of its path, that a thing must have got away: leaves tremble on the spot
PART_GROWTH = 1.3


@dataclass
class Thing:
    """One remembered thing; boxes and velocities in pixels (per second) of the analysed picture."""

    box: FloatArray
    born: FloatArray  # centre at the first sighting
    velocity: FloatArray = field(default_factory=lambda: np.zeros(2, np.float32))
    hits: int = 1
    last_s: float = 0.0
    distance: float = 0.0  # largest distance from where it was born, in pixels
    path: float = 0.0  # length of the way there, with all its jitter
    row: int = -1  # last row bin of the scale that learned from it
    shared: bool = False  # its box was guessed inside a blob of several
    fill: float = 0.5
    at_border: bool = False

    @property
    def centre(self) -> FloatArray:
        return (self.box[:2] + self.box[2:]) / 2

    @property
    def size(self) -> FloatArray:
        return self.box[2:] - self.box[:2]

    @property
    def travelled(self) -> float:
        """Largest distance from where it was born, in own sizes; a speck's tremble is no travel."""
        width, height = self.size.tolist()
        return self.distance / max(math.sqrt(width * height), LEAST_SIZE)

    @property
    def established(self) -> bool:
        return self.hits >= ESTABLISHED

    def predicted(self, time_s: float) -> FloatArray:
        x, y = (self.velocity * np.float32(time_s - self.last_s)).tolist()
        return self.box + np.array((x, y, x, y), np.float32)

    def see(self, box: FloatArray, time_s: float, *, shared: bool, fill: float) -> None:
        """Take a new box; a change of size at one side must not look like a motion of the whole."""
        step_s = max(time_s - self.last_s, 1e-3)
        moved = _motion(self.box, box) / step_s
        weight = max(1.0 - math.exp(-step_s / VELOCITY_S), 1.0 / self.hits)
        self.velocity += np.float32(weight) * (moved - self.velocity)
        self.box = box
        self.hits += 1
        self.last_s = time_s
        self.shared = shared
        self.fill = fill
        self.path += math.hypot(*(moved * step_s).tolist())
        self.distance = max(self.distance, math.hypot(*(self.centre - self.born).tolist()))


class Memory:
    """The things of one camera at one resolution."""

    def __init__(self, width: int, height: int, scale: SizeScale) -> None:
        self._bounds = width, height
        self._scale = scale
        self._far = FAR_SHARE * float(np.hypot(width, height))
        self.things: list[Thing] = []

    def update(self, blobs: Blobs, time_s: float) -> list[Thing]:
        """The things seen on the frame of ``time_s``, from its blobs."""
        boxes, fills = self._join_known(blobs, time_s)
        self._assign(boxes, fills, time_s)
        self._absorb_parts(time_s)
        self.things = [thing for thing in self.things if time_s - thing.last_s <= FORGET_S]
        seen = [thing for thing in self.things if thing.last_s == time_s]
        if seen:
            self._teach(seen)
        return seen

    def expected(self, time_s: float) -> FloatArray:
        """Boxes (K, 4) where the things seen whole before should be at ``time_s``."""
        places = [x.predicted(time_s) for x in self.things if x.established and not x.shared]
        return np.stack(places) if places else np.zeros((0, 4), np.float32)

    def _join_known(self, blobs: Blobs, time_s: float) -> tuple[FloatArray, FloatArray]:
        """Join blobs that lie inside one established thing's expected place: it fell apart."""
        boxes, fills = blobs.boxes, blobs.fills
        known = [thing for thing in self.things if thing.established]
        if not known or len(boxes) < 2:
            return boxes, fills
        places = np.stack([thing.predicted(time_s) for thing in known])
        share = intersections(places, boxes) / np.maximum(box_areas(boxes), 1.0)
        owner = np.where(share.max(axis=0) >= INSIDE_SHARE, share.argmax(axis=0), -1)
        groups = [np.flatnonzero(owner == i) for i in range(len(known))]
        joint = [
            group
            for group, place in zip(groups, places, strict=True)
            if len(group) > 1 and _one_mass(blobs, group, place)
        ]
        if not joint:
            return boxes, fills
        gone = np.concatenate(joint)
        new_boxes = np.stack([union_box(boxes[group]) for group in joint])
        solid = [float((box_areas(boxes[group]) * fills[group]).sum()) for group in joint]
        new_fills = np.minimum(solid / np.maximum(box_areas(new_boxes), 1.0), 1.0)
        return (
            np.concatenate([np.delete(boxes, gone, axis=0), new_boxes]),
            np.concatenate([np.delete(fills, gone), new_fills.astype(np.float32)]),
        )

    def _assign(self, boxes: FloatArray, fills: FloatArray, time_s: float) -> None:
        """Give every blob to the thing it continues, to several that share it, or to a new one."""
        taken: set[int] = set()
        things = list(self.things)
        if things and len(boxes):
            places = np.stack([thing.predicted(time_s) for thing in things])
            common = intersections(places, boxes)
            inside = common / np.maximum(box_areas(places)[:, None], 1.0)
            for j in range(len(boxes)):
                sharers = [
                    i for i in np.flatnonzero(inside[:, j] >= LOST_SHARE) if things[i].established
                ]
                if len(sharers) > 1 and self._really_several(
                    [things[i] for i in sharers], boxes[j]
                ):
                    self._share([things[i] for i in sharers], boxes[j], float(fills[j]), time_s)
                    taken.add(j)
            self._match(things, places, boxes, fills, taken, time_s)
        for j in range(len(boxes)):
            if j not in taken:
                box = boxes[j]
                self.things.append(
                    Thing(box, (box[:2] + box[2:]) / 2, last_s=time_s, fill=float(fills[j]),
                          at_border=self._at_border(box))
                )  # fmt: skip

    def _match(  # noqa: PLR0917  one frame's arrays
        self,
        things: list[Thing],
        places: FloatArray,
        boxes: FloatArray,
        fills: FloatArray,
        taken: set[int],
        time_s: float,
    ) -> None:
        overlap = overlaps(places, boxes)
        centres = (places[:, None, :2] + places[:, None, 2:]) / 2
        offset = np.hypot(
            *np.moveaxis(centres - (boxes[None, :, :2] + boxes[None, :, 2:]) / 2, 2, 0)
        )
        reach = np.sqrt(np.maximum(box_areas(places), 1.0))[:, None]
        young = np.array([not thing.established for thing in things])[:, None]
        near = np.where(young, 1.5, 0.7) * reach
        score = overlap + np.where(offset < near, 0.2 * (1.0 - offset / near), 0.0)
        free = {i for i, thing in enumerate(things) if thing.last_s < time_s}
        for flat in np.argsort(-score, axis=None, kind="stable"):
            i, j = divmod(int(flat), len(boxes))
            if score[i, j] < 0.05:
                break
            if i in free and j not in taken:
                free.remove(i)
                taken.add(j)
                things[i].at_border = self._at_border(boxes[j])
                things[i].see(boxes[j], time_s, shared=False, fill=float(fills[j]))

    def _absorb_parts(self, time_s: float) -> None:
        """Small things that ride along with a large one, close to it, are parts of it."""
        seen = [thing for thing in self.things if thing.last_s == time_s]
        if len(seen) < 2:
            return
        boxes = np.stack([thing.box for thing in seen])
        areas = box_areas(boxes)
        size = np.sqrt(np.maximum(areas, 1.0))
        part = gaps(boxes) <= PART_GAP * size[:, None]  # (whole, part)
        part &= areas[None] < PART_AREA * areas[:, None]
        gone: set[int] = set()
        for whole, small in np.argwhere(part).tolist():
            if whole in gone or small in gone or not _rides_along(seen[whole], seen[small]):
                continue
            joint = union_box(np.stack([seen[whole].box, seen[small].box]))
            if self._plausible(joint, seen[whole]):
                seen[whole].box = joint
                gone.add(small)
        if gone:
            parts = {id(seen[i]) for i in gone}
            self.things = [thing for thing in self.things if id(thing) not in parts]

    def _plausible(self, joint: FloatArray, whole: Thing) -> bool:
        """Whether a box is no larger than one thing: than it was, or than is ordinary here."""
        typical = self._scale.typical(float(joint[1] + joint[3]) / 2)
        usual = whole.size if typical is None else np.maximum(whole.size, typical)
        return bool((joint[2:] - joint[:2] <= PART_GROWTH * usual).all())

    def _really_several(self, sharers: list[Thing], box: FloatArray) -> bool:
        """Whether the blob is as large as its things together: else they were parts of one."""
        if not all(thing.travelled > 0.3 for thing in sharers):
            return False
        apart = np.stack([thing.box for thing in sharers])
        largest = float(box_areas(apart).max())
        return float(box_areas(box[None])[0]) > 1.25 * largest

    def _share(self, sharers: list[Thing], box: FloatArray, fill: float, time_s: float) -> None:
        """Place several things inside one blob, each with its size, held to the blob's sides."""
        places = np.stack([thing.predicted(time_s) for thing in sharers])
        joint = union_box(places)
        # The blob shows the true motion of the group's outline; predictions alone would drift.
        correction = np.tile(_motion(joint, box), 2)
        for thing, place in zip(sharers, places, strict=True):
            moved = place + correction
            shift = np.maximum(box[:2] - moved[:2], 0.0) + np.minimum(box[2:] - moved[2:], 0.0)
            thing.see(
                (moved + np.tile(shift, 2)).astype(np.float32), time_s, shared=True, fill=fill
            )

    def _at_border(self, box: FloatArray) -> bool:
        x1, y1, x2, y2 = box.tolist()
        width, height = self._bounds
        return x1 <= 1.0 or y1 <= 1.0 or x2 >= width - 1.0 or y2 >= height - 1.0

    def _teach(self, seen: list[Thing]) -> None:
        """Let the scale learn from whole, travelling, freely seen things, once per row bin.

        Freely seen: nothing else near, because a part of a thing has its other parts beside it.
        """
        boxes = np.stack([thing.box for thing in seen])
        gap = gaps(boxes)
        np.fill_diagonal(gap, np.inf)
        free = gap.min(axis=1) > FREE_GAP * np.sqrt(np.maximum(box_areas(boxes), 1.0))
        for i in np.flatnonzero(free):
            thing = seen[i]
            if thing.shared or thing.at_border or thing.travelled < 1.0:
                continue
            if float(thing.size.min()) < LEAST_SIZE or thing.distance < self._far:
                continue
            if thing.distance < STRAIGHT * thing.path:
                continue
            row = self._scale.bin_of(float(thing.centre[1]))
            if row != thing.row:
                thing.row = row
                width, height = thing.size.tolist()
                self._scale.add(float(thing.centre[1]), width, height)


def _rides_along(whole: Thing, small: Thing) -> bool:
    """Whether a small thing moves as the large one does, or is too new to say."""
    if not small.established or not whole.established:
        return True
    scale = float(np.sqrt(whole.size.prod()))
    apart = float(np.hypot(*(whole.velocity - small.velocity)))
    return apart <= 0.5 * float(np.hypot(*whole.velocity)) + 0.2 * scale


def _one_mass(blobs: Blobs, group: NDArray[np.intp], place: FloatArray) -> bool:
    """Whether blobs are parts of the one thing expected at ``place``.

    They are if their joint box is mostly changed picture and no larger than the thing. Two parts of
    like size are rather two things that were taken for one.
    """
    boxes = blobs.boxes[group]
    areas = np.sort(box_areas(boxes))
    joint = union_box(boxes)
    size, usual = joint[2:] - joint[:2], place[2:] - place[:2]
    if areas[-2] > PART_AREA * areas[-1] and (size > usual).any():
        return False
    covered = float(box_sums(blobs.covered, joint[None])[0])
    return bool((size <= PART_GROWTH * usual).all()) and covered >= JOIN_FILL * float(size.prod())


def _motion(old: FloatArray, new: FloatArray) -> FloatArray:
    """Displacement of a box per axis: the smaller of its sides' moves, or none if they disagree.

    A car entering the picture grows at one side only; that is no motion of the other side.
    """
    x1, y1, x2, y2 = (new - old).tolist()
    return np.array((_moved(x1, x2), _moved(y1, y2)), np.float32)


def _moved(low: float, high: float) -> float:
    centre = (low + high) / 2
    if low * high <= 0:
        return 0.5 * centre
    return 0.5 * (centre + (low if abs(low) < abs(high) else high))
