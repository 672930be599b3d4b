"""Which detection belongs to which track, and which detections are one object seen twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensing.domain.classes import CYCLE, OTHER, PERSON, VEHICLE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.int64] | NDArray[np.float64]  # whole, whichever way they are kept

_MAX_DEVIATION = 3.5  # standard deviations of a predicted centre
_SAME_PLACE_IOU = 0.5  # overlap from which even unrelated classes may be one object
_SIZE_RATIO = 3.0  # an object does not grow threefold in area between two looks

# Cost added when a track of one group would take a detection of another; NaN: only in the same
# place.
_SAME_CLASS_BONUS = 0.1
_GROUP_COST = np.full((4, 4), np.nan)
_GROUP_COST[range(4), range(4)] = 0.0
_GROUP_COST[PERSON, CYCLE] = _GROUP_COST[CYCLE, PERSON] = 0.2
_UNRELATED_COST = 0.5

# Overlap from which two detections of different classes are one object. A detector's own
# suppression works class by class, so a van comes as car and truck with nearly the same box; a
# rider and the motorcycle share less of theirs.
_TWIN_IOU = np.full((4, 4), 0.85)
_TWIN_IOU[VEHICLE, VEHICLE] = _TWIN_IOU[CYCLE, CYCLE] = 0.55
_TWIN_IOU[PERSON, CYCLE] = _TWIN_IOU[CYCLE, PERSON] = 0.4
_TWIN_IOU[OTHER, OTHER] = 0.75
_SAME_CLASS_TWIN_IOU = 0.75
_PART_IOU, _PART_CONTAINED = 0.45, 0.9  # a half of an object inside the whole of it
_LEAST_TWIN_IOU = 0.4

_NEVER = 1e4  # the cost of a pair that cannot be


@dataclass(frozen=True, slots=True)
class Gates:
    """What a pair of track and detection must at least fulfil: overlap, or nearness in standard
    deviations of the predicted centre."""

    min_iou: float
    max_deviation: float


@dataclass(frozen=True, slots=True)
class Side:
    """Boxes on one side of an association: corners (4, N) px, group and class (N,)."""

    corners: Floats
    group: Numbers
    class_id: Numbers


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of boxes that are near each other, P of them, with what they share (IoU, 0–1).

    Of a hundred tracks and a hundred detections a few hundred pairs are worth a thought, not ten
    thousand.
    """

    rows: Rows
    columns: Rows
    iou: Floats

    def select(self, keep: Bools) -> Pairs:
        return Pairs(self.rows[keep], self.columns[keep], self.iou[keep])


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of tracks and detections: what each would cost, and how well it fits."""

    pairs: Pairs
    cost: Floats
    deviation: Floats  # of the detected centre from the predicted one, squared, in variances
    near: Bools
    possible: Bools | None  # None: nothing but overlap and nearness counts

    def match(self, rows: Bools, columns: Bools, gates: Gates) -> tuple[Rows, Rows]:
        """The pairs of least total cost among these tracks (N,) and these detections (M,)."""
        pairs = self.pairs
        feasible = self.near & (self.deviation < gates.max_deviation**2)
        feasible |= pairs.iou >= gates.min_iou
        if self.possible is not None:
            feasible &= self.possible
        feasible &= rows[pairs.rows] & columns[pairs.columns]
        return _assign(pairs.rows[feasible], pairs.columns[feasible], self.cost[feasible])


def close_pairs(predicted: Floats, measured: Floats, reach: Floats) -> tuple[Pairs, Pairs]:
    """Which tracks (4, N) are near which detections (4, M), and which detections may be one object
    (each pair once). Near: the boxes touch, or the centres are within ``reach`` (N,) px."""
    count = predicted.shape[1]
    corners = np.concatenate([predicted, measured], axis=1)
    centre, half = (corners[:2] + corners[2:]) * 0.5, (corners[2:] - corners[:2]) * 0.5
    radius = half + half[:, count:].max(axis=1, initial=0.0)[:, None]
    np.maximum(radius[:, :count], reach, out=radius[:, :count])
    rows, columns = _within(centre, centre[:, count:], radius)
    first, second = corners[:, rows], measured[:, columns]
    shared = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    np.maximum(shared, 0.0, out=shared)
    area = 4.0 * half[0] * half[1]
    both = shared[0] * shared[1]
    union = area[rows] + area[columns + count] - both
    pairs = Pairs(rows, columns, both / np.maximum(union, 1e-9))
    of_track = rows < count
    among = pairs.select(~of_track & (pairs.iou >= _LEAST_TWIN_IOU) & (rows < columns + count))
    return pairs.select(of_track), Pairs(among.rows - count, among.columns, among.iou)


def _within(first: Floats, second: Floats, radius: Floats) -> tuple[Rows, Rows]:
    """Indices of all pairs of points (2, N) and (2, M) that differ by at most ``radius`` (2, N) of
    the first in either coordinate: a sweep along x, then a look at y."""
    order = np.argsort(second[0])
    x = second[0][order]
    begin = np.searchsorted(x, first[0] - radius[0])
    counts = np.searchsorted(x, first[0] + radius[0], side="right") - begin
    rows = np.repeat(np.arange(len(counts)), counts)
    begin -= np.cumsum(counts) - counts
    columns = order[np.arange(len(rows)) + begin[rows]]
    near = np.abs(first[1][rows] - second[1][columns]) <= radius[1][rows]
    return rows[near], columns[near]


def candidates(
    pairs: Pairs,
    tracks: Side,
    looks: Side,
    *,
    variance: Floats,
    reach: Floats,
    handicap: Floats,
) -> Candidates:
    """Judge pairs of N tracks, at their predicted places, and M detections.

    ``variance`` (N,) px² of a predicted centre on either axis; ``reach`` (N,) px that a track can
    be off its prediction; ``handicap`` (N,) cost of tracks that come second. The cost is 1 − IoU
    plus the centre's deviation: a fast small object at 3 fps overlaps nothing, but lies where its
    own motion says.
    """
    rows, columns, iou = pairs.rows, pairs.columns, pairs.iou
    predicted, measured = tracks.corners[:, rows], looks.corners[:, columns]
    offset = (predicted[:2] + predicted[2:] - measured[:2] - measured[2:]) * 0.5
    squared = offset[0] ** 2 + offset[1] ** 2
    area, seen_area = _area(predicted), _area(measured)
    near = squared < (reach * reach)[rows]
    near &= (seen_area < _SIZE_RATIO * area) & (area < _SIZE_RATIO * seen_area)
    deviation = squared / variance[rows]
    cost = np.minimum(np.sqrt(deviation) / _MAX_DEVIATION, 1.0) - iou + handicap[rows]
    cost -= _SAME_CLASS_BONUS * (tracks.class_id[rows] == looks.class_id[columns])
    group, seen_group = tracks.group[rows], looks.group[columns]
    possible = None
    if (group != seen_group).any():
        strange = _GROUP_COST[group.astype(np.intp), seen_group.astype(np.intp)]
        unrelated = np.isnan(strange)
        possible = ~unrelated | (iou >= _SAME_PLACE_IOU)
        cost += np.where(unrelated, _UNRELATED_COST, strange)
    return Candidates(pairs, cost, deviation, near, possible)


def _assign(rows: Rows, columns: Rows, cost: Floats) -> tuple[Rows, Rows]:
    """Least-cost pairs among these. Most tracks have one candidate that nobody else wants: those
    are settled at once, and only the rest goes through the assignment."""
    if not len(rows):
        return rows, columns
    lone = (np.bincount(rows) == 1)[rows]
    lone &= (np.bincount(columns) == 1)[columns]
    if lone.all():
        return rows, columns
    contested = ~lone
    some_rows, i = np.unique(rows[contested], return_inverse=True)
    some_columns, j = np.unique(columns[contested], return_inverse=True)
    table = np.full((len(some_rows), len(some_columns)), _NEVER)
    table[i, j] = cost[contested]
    i, j = linear_sum_assignment(table)
    kept = table[i, j] < _NEVER
    return (
        np.concatenate([rows[lone], some_rows[i[kept]]]),
        np.concatenate([columns[lone], some_columns[j[kept]]]),
    )


def twins(looks: Side, pairs: Pairs, confidence: Floats) -> dict[int, int]:
    """Detections that repeat another one: those to leave out → the one each repeats.

    ``pairs`` among the detections. Of two boxes on one object the more confident stays; of a rider
    and what he rides, the vehicle.
    """
    first, second, overlap = pairs.rows, pairs.columns, pairs.iou
    if not len(first):
        return {}
    area = _area(looks.corners)
    shared = overlap / (1.0 + overlap) * (area[first] + area[second])
    contained = shared / np.minimum(area[first], area[second])
    groups, classes = looks.group.astype(np.intp), looks.class_id
    same = overlap >= np.where(
        classes[first] == classes[second],
        _SAME_CLASS_TWIN_IOU,
        _TWIN_IOU[groups[first], groups[second]],
    )
    part = (contained >= _PART_CONTAINED) & (overlap >= _PART_IOU)
    same |= part & (groups[first] == groups[second])
    rank = confidence + 2.0 * (groups == CYCLE)
    repeats: dict[int, int] = {}
    # The surest object claims its twins first.
    for a, b in sorted(
        zip(first[same].tolist(), second[same].tolist(), strict=True),
        key=lambda pair: -max(rank[pair[0]], rank[pair[1]]),
    ):
        winner, loser = (a, b) if rank[a] >= rank[b] else (b, a)
        if winner not in repeats and loser not in repeats:
            repeats[loser] = winner
    return repeats


def _area(corners: Floats) -> Floats:
    area: Floats = (corners[2] - corners[0]) * (corners[3] - corners[1])
    return area
