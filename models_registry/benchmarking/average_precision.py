"""Average precision as COCO defines it, the curve behind it, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_registry.benchmarking.matching import Floats, Ints, Matches

RECALLS = np.linspace(0.0, 1.0, 101)
CURVE_THRESHOLDS = np.linspace(0.0, 1.0, 101)
RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Precision, recall and F1 of the boxes with ``score ≥ threshold``, at IoU 0.5.

    ``precision`` is NaN where no box is left.
    """

    threshold: Floats
    precision: Floats
    recall: Floats
    f1: Floats


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The score from which on boxes should count, by F1 at IoU 0.5."""

    threshold: float
    precision: float
    recall: float
    f1: float


def average_precision(matches: Matches, weights: Floats | None = None) -> Floats:
    """(T,) average precision per overlap threshold; NaN where there is nothing to find.

    Mean over 101 recalls of the best precision at that recall or above. ``weights`` (D,) lets a
    box count several times, ``Matches.objects`` then being the weighted number of objects.
    """
    if matches.objects == 0:
        return np.full(len(matches.hit), np.nan)
    right, wrong = _cumulated(matches, weights)
    result = np.zeros(len(right))
    for row, (hits, alarms) in enumerate(zip(right, wrong, strict=True)):
        recall = hits / matches.objects
        precision = hits / np.maximum(hits + alarms, np.spacing(1))
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(recall, RECALLS, side="left")
        reached = at < len(recall)
        result[row] = best_from_here[at[reached]].sum() / len(RECALLS)
    return result


def interval(
    matches: Matches, objects_image: Ints, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """5th and 95th percentile of AP at the first overlap threshold when pictures are redrawn.

    How far the figure would move with other pictures of the same kind: a difference within it is
    no finding. ``objects_image`` (G,) numbers the picture of each object, 0 ≤ number < ``images``.
    NaN where there is nothing to find.
    """
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), resamples)
    per_image = np.bincount(objects_image, minlength=images)
    values = []
    for draw in draws:
        weights = draw[matches.image].astype(np.float64)
        drawn = Matches(
            matches.image,
            matches.score,
            matches.hit[:1],
            matches.ignored[:1],
            int(per_image @ draw),
        )
        values.append(float(average_precision(drawn, weights)[0]))
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [5, 95])
    return float(low), float(high)


def score_curve(matches: Matches) -> ScoreCurve:
    """At 101 thresholds from 0 to 1."""
    right, wrong = (x[0] for x in _cumulated(matches, None))
    kept = np.searchsorted(-matches.score, -CURVE_THRESHOLDS, side="right")
    hits = np.concatenate([[0.0], right])[kept]
    alarms = np.concatenate([[0.0], wrong])[kept]
    found = hits + alarms
    precision = np.divide(hits, found, out=np.full(len(found), np.nan), where=found > 0)
    recall = hits / max(matches.objects, 1)
    f1 = 2 * hits / np.maximum(found + matches.objects, 1)
    return ScoreCurve(CURVE_THRESHOLDS, precision, recall, f1)


def best_threshold(matches: Matches) -> BestThreshold | None:
    """The score with the highest F1, the higher one of equals; ``None`` without a single hit."""
    right, wrong = (x[0] for x in _cumulated(matches, None))
    if matches.objects == 0 or not len(right) or right[-1] == 0:
        return None
    # Boxes of one score pass together: only the last of them is a place to cut.
    last = np.append(matches.score[1:] != matches.score[:-1], True)
    f1 = np.where(last, 2 * right / (right + wrong + matches.objects), -1.0)
    at = int(np.argmax(f1))
    return BestThreshold(
        threshold=float(matches.score[at]),
        precision=float(right[at] / (right[at] + wrong[at])),
        recall=float(right[at] / matches.objects),
        f1=float(f1[at]),
    )


def _cumulated(matches: Matches, weights: Floats | None) -> tuple[Floats, Floats]:
    """(T, D) hits and false alarms among the strongest 1…D boxes."""
    alarms = ~matches.hit & ~matches.ignored
    counted = np.ones(matches.hit.shape[1]) if weights is None else weights
    return np.cumsum(matches.hit * counted, axis=1), np.cumsum(alarms * counted, axis=1)
