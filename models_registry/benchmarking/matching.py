"""Which found boxes are labelled objects: COCO's greedy matching, one class at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
MAX_PER_IMAGE = 100  # COCO counts this many of the strongest boxes per picture and class

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """Labelled objects of one class over all pictures.

    ``image`` (G,) numbers the picture of each, ``xyxy`` is (G, 4) in any unit that both sides
    share, ``crowd`` (G,) marks regions where boxes count neither as right nor as wrong.
    """

    image: Ints
    xyxy: Floats
    crowd: Bools

    @property
    def objects(self) -> int:
        """Those that must be found."""
        return int(np.count_nonzero(~self.crowd))


@dataclass(frozen=True, slots=True)
class Found:
    """Boxes that a model found of one class: ``image`` (D,), ``xyxy`` (D, 4), ``score`` (D,)."""

    image: Ints
    xyxy: Floats
    score: Floats


@dataclass(frozen=True, slots=True)
class Matches:
    """The found boxes, strongest first, and what became of each at T overlap thresholds.

    ``hit`` (T, D): is an object. ``ignored`` (T, D): lies in a crowd region. Neither: false alarm.
    """

    image: Ints
    score: Floats
    hit: Bools
    ignored: Bools
    objects: int


def match(
    truth: Truth,
    found: Found,
    *,
    thresholds: Floats = IOU_THRESHOLDS,
    max_per_image: int = MAX_PER_IMAGE,
) -> Matches:
    """Strongest first, each box takes the free object that it overlaps most.

    Equal scores keep their order. A crowd region is taken only where no object is free, and by any
    number of boxes; overlap with it is measured against the box alone.
    """
    order = np.lexsort((-found.score, found.image))
    image = found.image[order]
    rank = np.arange(len(order)) - np.searchsorted(image, image)
    order = order[rank < max_per_image]
    image, xyxy, score = found.image[order], found.xyxy[order], found.score[order]
    by_image = np.argsort(truth.image, kind="stable")
    truth_image = truth.image[by_image]
    hit = np.zeros((len(thresholds), len(order)), np.bool_)
    ignored = np.zeros_like(hit)
    for number in np.intersect1d(image, truth_image):
        here = slice(*np.searchsorted(image, [number, number + 1]))
        there = by_image[slice(*np.searchsorted(truth_image, [number, number + 1]))]
        there = there[np.argsort(truth.crowd[there], kind="stable")]  # crowd regions last
        crowd = truth.crowd[there]
        overlap = overlaps(xyxy[here], truth.xyxy[there], crowd)
        hit[:, here], ignored[:, here] = _match_image(overlap, crowd, thresholds)
    strongest = np.argsort(-score, kind="stable")
    return Matches(
        image[strongest], score[strongest], hit[:, strongest], ignored[:, strongest], truth.objects
    )


def overlaps(found: Floats, truth: Floats, crowd: Bools | None = None) -> Floats:
    """(D, 4) and (G, 4) corners → (D, G) IoU; for ``crowd`` columns the share of the found box."""
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=2)
    found_area = np.prod(found[:, 2:] - found[:, :2], axis=1)[:, None]
    truth_area = np.prod(truth[:, 2:] - truth[:, :2], axis=1)[None, :]
    union = found_area + truth_area - common
    if crowd is not None:
        union = np.where(crowd[None, :], np.broadcast_to(found_area, union.shape), union)
    share: Floats = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return share


def _match_image(overlap: Floats, crowd: Bools, thresholds: Floats) -> tuple[Bools, Bools]:
    """Of one picture, boxes strongest first, objects before crowd regions: (T, D) twice."""
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    hit = np.zeros((len(thresholds), len(overlap)), np.bool_)
    ignored = np.zeros_like(hit)
    taken = np.zeros((len(thresholds), len(crowd)), np.bool_)
    rows = np.arange(len(thresholds))
    # Most boxes of a low score overlap nothing: only the rest needs a turn each.
    for at in np.flatnonzero(overlap.max(axis=1) >= least.min()):
        possible = (overlap[at][None, :] >= least) & ~taken
        wanted = possible & ~crowd
        lucky = wanted.any(axis=1)
        best = _last_best(np.where(wanted, overlap[at][None, :], -1.0))
        taken[rows[lucky], best[lucky]] = True
        hit[:, at] = lucky
        ignored[:, at] = ~lucky & (possible & crowd).any(axis=1)
    return hit, ignored


def _last_best(values: Floats) -> Ints:
    """Per row the column of the largest value; of equal ones the last, as COCO's reference does."""
    last: Ints = values.shape[1] - 1 - np.argmax(values[:, ::-1], axis=1)
    return last
