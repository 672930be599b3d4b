"""Whether two versions say the same of the same pictures. Not accuracy: both may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.matching import overlaps
from models_registry.runtime.detections import Detections

SAME_PLACE_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """``share``: 2 × matched ÷ all boxes of both; None where neither found anything."""

    first: int
    second: int
    matched: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two versions over the same pictures. ``alike``: pictures on which every box has its pair.

    ``mean_iou`` and ``mean_score_change`` (second − first) are over matched boxes, None without.
    """

    frames: int
    alike: int
    total: Agreement
    classes: dict[str, Agreement]
    mean_iou: float | None
    mean_score_change: float | None


def compare_detections(pairs: Iterable[tuple[Detections, Detections]]) -> Comparison:
    """Boxes of one class that overlap by IoU ≥ 0.5 are one object; the closest pair first."""
    frames = alike = 0
    counts: dict[str, list[int]] = {}
    ious: list[float] = []
    changes: list[float] = []
    for first, second in pairs:
        names = [np.array([class_name(x) for x in y.class_names()], str) for y in (first, second)]
        same = True
        for name in sorted({*names[0], *names[1]}):
            one, other = first.select(names[0] == name), second.select(names[1] == name)
            matched = pair_up(one, other)
            row = counts.setdefault(str(name), [0, 0, 0])
            for at, count in enumerate((len(one), len(other), len(matched))):
                row[at] += count
            same = same and len(one) == len(other) == len(matched)
            ious += [iou for _, _, iou in matched]
            changes += [float(other.confidence[j] - one.confidence[i]) for i, j, _ in matched]
        frames += 1
        alike += same
    total = [sum(row[at] for row in counts.values()) for at in range(3)]
    return Comparison(
        frames=frames,
        alike=alike,
        total=_agreement(total),
        classes={name: _agreement(row) for name, row in counts.items()},
        mean_iou=float(np.mean(ious)) if ious else None,
        mean_score_change=float(np.mean(changes)) if changes else None,
    )


def pair_up(first: Detections, second: Detections) -> list[tuple[int, int, float]]:
    """(index in first, index in second, IoU) of pairs, each box at most once, closest first."""
    overlap = overlaps(first.xyxy.astype(np.float64), second.xyxy.astype(np.float64))
    near = np.argwhere(overlap >= SAME_PLACE_IOU)
    order = np.argsort(-overlap[near[:, 0], near[:, 1]], kind="stable")
    free_first, free_second = set(range(len(first))), set(range(len(second)))
    matched = []
    for i, j in near[order].tolist():
        if i in free_first and j in free_second:
            free_first.remove(i)
            free_second.remove(j)
            matched.append((i, j, float(overlap[i, j])))
    return matched


def _agreement(row: list[int]) -> Agreement:
    first, second, matched = row
    both = first + second
    return Agreement(first, second, matched, 2 * matched / both if both else None)
