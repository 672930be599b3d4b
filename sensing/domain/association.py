"""Which detection belongs to which track, and which detections are one object seen twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.domain.assignment import linear_sum_assignment
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
_RIDDEN = 0.5  # of a rider's confidence: what is seen less surely is none, and he walks

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
    """Pairs of boxes that are near each other, P of them: what they share (IoU, 0–1), the distance
    of their centres, squared, in px², and their areas (2, P) in px².

    Of a hundred tracks and a hundred detections a few hundred pairs are worth a thought, not ten
    thousand.
    """

    rows: Rows
    columns: Rows
    iou: Floats
    squared: Floats
    areas: Floats


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of tracks and detections: what each would cost, and how well it fits."""

    pairs: Pairs
    cost: Floats
    deviation: Floats  # of the detected centre from the predicted one, squared, in variances
    near: Bools
    fresh: Bools  # the track was seen on the frame before
    possible: Bools | None  # None: nothing but overlap and nearness counts

    def match(
        self, free: Bools, sure: Bools, sure_gates: Gates, doubtful_gates: Gates
    ) -> tuple[Rows, Rows]:
        """The tracks and what was found of them: pairs of least total cost among the ``free``
        detections (M,), the ``sure`` ones (M,) first, the others for the tracks that are left."""
        pairs, confident = self.pairs, sure[self.pairs.columns]
        gate = np.where(confident, sure_gates.max_deviation**2, doubtful_gates.max_deviation**2)
        # Where nothing was seen a moment ago, a doubtful look nearby is a chair or a post.
        feasible = self.near & (self.deviation < gate) & (confident | self.fresh)
        feasible |= pairs.iou >= np.where(confident, sure_gates.min_iou, doubtful_gates.min_iou)
        if self.possible is not None:
            feasible &= self.possible
        feasible &= free[pairs.columns]
        at = feasible.nonzero()[0]
        rows, columns = pairs.rows[at], pairs.columns[at]
        # Most tracks have one candidate that nobody else wants: both rounds would agree on it.
        contested = (np.bincount(rows) > 1)[rows]
        contested |= (np.bincount(columns) > 1)[columns]
        if not np.count_nonzero(contested):
            return rows, columns
        lone = ~contested
        more = _in_two_rounds(
            rows[contested], columns[contested], self.cost[at[contested]], confident[at[contested]]
        )
        return (
            np.concatenate([rows[lone], *(found[0] for found in more)]),
            np.concatenate([columns[lone], *(found[1] for found in more)]),
        )


def close_pairs(predicted: Floats, measured: Floats, reach: Floats) -> tuple[Pairs, Pairs]:
    """Which tracks (4, N) are near which detections (4, M), and which detections may be one object
    (each pair once). Near: the boxes touch, or the centres are within ``reach`` (N,) px."""
    count = predicted.shape[1]
    corners = np.concatenate([predicted, measured], axis=1)
    centre, half = (corners[:2] + corners[2:]) * 0.5, (corners[2:] - corners[:2]) * 0.5
    radius = half + half[:, count:].max(axis=1, initial=0.0)[:, None]
    np.maximum(radius[:, :count], reach, out=radius[:, :count])
    rows, columns = _within(centre, centre[:, count:], radius)
    others = columns + count
    first, second = corners.take(rows, axis=1), corners.take(others, axis=1)
    shared = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    np.maximum(shared, 0.0, out=shared)
    area = 4.0 * half[0] * half[1]
    areas = area.take([rows, others])
    both = shared[0] * shared[1]
    iou = both / np.maximum(areas[0] + areas[1] - both, 1e-9)
    offset = centre.take(rows, axis=1) - centre.take(others, axis=1)
    squared = offset[0] ** 2 + offset[1] ** 2
    # Rows ascend, so the tracks' pairs come first.
    of_tracks = int(rows.searchsorted(count))
    twins = (
        of_tracks
        + (
            (iou[of_tracks:] >= _LEAST_TWIN_IOU) & (rows[of_tracks:] < others[of_tracks:])
        ).nonzero()[0]
    )
    return (
        Pairs(
            rows[:of_tracks], columns[:of_tracks], iou[:of_tracks], squared[:of_tracks],
            areas[:, :of_tracks],
        ),
        Pairs(
            rows[twins] - count, columns[twins], iou[twins], squared[twins], areas[:, twins],
        ),
    )  # fmt: skip


def _within(first: Floats, second: Floats, radius: Floats) -> tuple[Rows, Rows]:
    """Indices of all pairs of points (2, N) and (2, M) that differ by at most ``radius`` (2, N) of
    the first in either coordinate, rows ascending: a sweep along x, then a look at y."""
    order = second[0].argsort()
    x = second[0][order]
    begin = x.searchsorted(first[0] - radius[0])
    counts = x.searchsorted(first[0] + radius[0], side="right") - begin
    rows = np.arange(len(counts)).repeat(counts)
    begin -= counts.cumsum() - counts
    columns = order[np.arange(len(rows)) + begin[rows]]
    near = (np.abs(first[1][rows] - second[1][columns]) <= radius[1][rows]).nonzero()[0]
    return rows[near], columns[near]


def candidates(
    pairs: Pairs,
    tracks: Side,
    looks: Side,
    *,
    variance: Floats,
    reach: Floats,
    handicap: Floats,
    fresh: Bools,
) -> Candidates:
    """Judge pairs of N tracks, at their predicted places, and M detections.

    ``variance`` (N,) px² of a predicted centre on either axis; ``reach`` (N,) px that a track can
    be off its prediction; ``handicap`` (N,) cost of tracks that come second; ``fresh`` (N,): seen
    on the frame before. The cost is 1 − IoU plus the centre's deviation: a fast small object at
    3 fps overlaps nothing, but lies where its own motion says.
    """
    rows, columns, iou = pairs.rows, pairs.columns, pairs.iou
    area, seen_area = pairs.areas
    near = pairs.squared < (reach * reach)[rows]
    near &= seen_area < _SIZE_RATIO * area
    near &= area < _SIZE_RATIO * seen_area
    deviation = pairs.squared / variance[rows]
    cost = np.sqrt(deviation)
    cost *= 1.0 / _MAX_DEVIATION
    np.minimum(cost, 1.0, out=cost)
    cost -= iou
    cost += handicap[rows]
    same = tracks.class_id[rows] == looks.class_id[columns]
    cost -= _SAME_CLASS_BONUS * same
    if np.count_nonzero(same) == len(same):
        return Candidates(pairs, cost, deviation, near, fresh[rows], None)
    group, seen_group = tracks.group[rows], looks.group[columns]
    possible = None
    if np.count_nonzero(group != seen_group):
        strange = _GROUP_COST[group.astype(np.intp), seen_group.astype(np.intp)]
        unrelated = np.isnan(strange)
        possible = ~unrelated | (iou >= _SAME_PLACE_IOU)
        cost += np.where(unrelated, _UNRELATED_COST, strange)
    return Candidates(pairs, cost, deviation, near, fresh[rows], possible)


def _in_two_rounds(
    rows: Rows, columns: Rows, cost: Floats, sure: Bools
) -> tuple[tuple[Rows, Rows], tuple[Rows, Rows]]:
    """The least-cost pairs with sure detections, and with the others for the tracks then left."""
    first = _assign(rows[sure], columns[sure], cost[sure])
    taken = np.zeros(int(rows.max()) + 1, np.bool_)
    taken[first[0]] = True
    left = ~(sure | taken[rows])
    return first, _assign(rows[left], columns[left], cost[left])


def _assign(rows: Rows, columns: Rows, cost: Floats) -> tuple[Rows, Rows]:
    """Least-cost pairs among these, as many as can be."""
    if len(rows) < 2:
        return rows, columns
    some_rows, i = _numbered(rows)
    some_columns, j = _numbered(columns)
    table = np.full((len(some_rows), len(some_columns)), _NEVER)
    table[i, j] = cost
    i, j = linear_sum_assignment(table)
    kept = table[i, j] < _NEVER
    return some_rows[i[kept]], some_columns[j[kept]]


def _numbered(items: Rows) -> tuple[Rows, Rows]:
    """The different items in order, and the place of each item among them."""
    different = np.bincount(items).nonzero()[0]
    return different, different.searchsorted(items)


def twins(looks: Side, pairs: Pairs, confidence: Floats) -> dict[int, int]:
    """Detections that repeat another one: those to leave out → the one each repeats.

    ``pairs`` among the detections. Of two boxes on one object the more confident stays; of a rider
    and what he rides, the vehicle, unless it is hardly seen.
    """
    if not len(pairs.rows):
        return {}
    group, class_id = looks.group, looks.class_id
    rank = confidence / np.where(group == CYCLE, _RIDDEN, 1.0)
    same: list[tuple[float, int, int]] = []
    # A few pairs per frame: the columns of arrays would cost more than they hold.
    for first, second, overlap, areas in zip(
        pairs.rows.tolist(), pairs.columns.tolist(), pairs.iou.tolist(), pairs.areas.T.tolist(),
        strict=True,
    ):  # fmt: skip
        groups = int(group[first]), int(group[second])
        least = _SAME_CLASS_TWIN_IOU
        if class_id[first] != class_id[second]:
            least = _TWIN_IOU[groups]
        contained = overlap / (1.0 + overlap) * sum(areas) / min(areas)
        part = contained >= _PART_CONTAINED and overlap >= _PART_IOU and groups[0] == groups[1]
        if part or overlap >= least:
            winner, loser = (first, second) if rank[first] >= rank[second] else (second, first)
            same.append((-float(rank[winner]), winner, loser))
    repeats: dict[int, int] = {}
    # The surest object claims its twins first.
    for _, winner, loser in sorted(same):
        if winner not in repeats and loser not in repeats:
            repeats[loser] = winner
    return repeats


def strengths(confidence: Floats, repeats: dict[int, int]) -> Floats:
    """(M,) how surely each detection's object is there: a rider seen surely vouches for what he
    rides."""
    strength = confidence.copy()
    for twin, original in repeats.items():
        strength[original] = max(strength[original], confidence[twin])
    return strength
