"""Class biases shifted until each class of a group is named as often as it is labelled.

A net in doubt names what is common: most small vehicles are cars, so a small lorry is called one,
and cameras count too few lorries. The shift (Menon et al. 2021) costs nothing to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models_registry.training.assignment import pairwise_iou
from models_registry.training.batches import Batch, Batches, calm_batches
from models_registry.training.fields import invalid
from models_registry.training.labelled import LabelledSource
from models_registry.training.network import DetectorNet, cells_of, corners_of
from models_registry.training.recipe import Recipe
from models_registry.training.start import (
    BYTE,
    PREFIX,
    constants_of,
    put_constants,
    take_weights,
)

SURE = 0.9  # of what a teacher doubts, the class is not known
OVERLAP, FOUND = 0.5, 0.1  # of a box with the label's, and its score: less is no sighting
ROUNDS, RATE = 200, 0.1
FEWEST = 20  # labels at a stride; fewer prove nothing
LARGEST = 2.0  # logits


@dataclass(frozen=True, slots=True)
class Sightings:
    """Of P labelled objects: ``stride`` (P,) the number of the one that saw it best, ``logits``
    (P, K) of the group's classes there, ``kind`` (P,) which of them it is."""

    stride: NDArray[np.int64]
    logits: NDArray[np.float32]
    kind: NDArray[np.int64]


def adjust(path: Path, recipe: Recipe, sources: tuple[LabelledSource, ...]) -> None:
    """Rewrites ``path``, an exported net, as ``recipe.adjust`` asks. Raises ``TrainingFailed``."""
    assert recipe.adjust is not None
    group = [recipe.classes.index(x) for x in recipe.adjust.classes]
    net, constants = DetectorNet(recipe.network, len(recipe.classes)), constants_of(path)
    take_weights(net, constants, path.name)
    seen = sightings(net.eval(), calm_batches(recipe, sources, recipe.adjust.pictures), group)
    biases = {}
    for number in range(len(recipe.network.strides)):
        name, here = f"{PREFIX}heads.{number}.kinds.bias", seen.stride == number
        biases[name] = constants[name].copy()
        biases[name][group] += shift(seen.logits[here], seen.kind[here])
    put_constants(path, biases)


def check_labels(recipe: Recipe, sources: Sequence[LabelledSource]) -> None:
    """Refuses, before anything is learnt, classes to adjust that nobody labelled
    (``recipe_invalid``)."""
    asked = recipe.adjust.classes if recipe.adjust else ()
    counts = [x.counts(recipe.classes) for x in sources]
    if missing := [name for name in asked if not any(x[name] for x in counts)]:
        raise invalid("adjust.classes", "classes that a source labels", missing)


def sightings(net: DetectorNet, batches: Batches, group: list[int]) -> Sightings:
    """What ``net`` says of the labelled objects that it finds."""
    found = [_looked_at(net, batches[step], group) for step in range(len(batches))]
    return Sightings(
        np.concatenate([x.stride for x in found]),
        np.concatenate([x.logits for x in found]),
        np.concatenate([x.kind for x in found]),
    )


@torch.no_grad()
def _looked_at(net: DetectorNet, batch: Batch, group: list[int]) -> Sightings:
    rows = torch.from_numpy(batch.rows)
    kinds = torch.tensor(group)
    rows = rows[(rows[:, 6] >= SURE) & torch.isin(rows[:, 1].long(), kinds)]
    height, width = batch.pixels.shape[2:]
    cells = cells_of(width, height, net.strides)
    answer, picture = net(torch.from_numpy(batch.pixels).float() / BYTE), rows[:, 0].long()
    overlap = pairwise_iou(rows[:, 2:6], corners_of(answer[:, :4], cells)[picture])
    logits = answer[picture][:, 4 + kinds]  # (G, K, N)
    score = logits.amax(1).sigmoid() * (overlap > OVERLAP)
    best = score.max(1)
    seen, cell = best.values > FOUND, best.indices
    number = torch.tensor([net.strides.index(int(x)) for x in cells.strides[cell]])
    at = logits[torch.arange(len(rows)), :, cell]
    kind = (rows[:, 1].long()[:, None] == kinds).long().argmax(1)
    return Sightings(number[seen].numpy(), at[seen].numpy(), kind[seen].numpy())


def shift(logits: NDArray[np.float32], kind: NDArray[np.int64]) -> NDArray[np.float32]:
    """(K,) to add to (P, K) ``logits`` so that each class is the highest about as often as ``kind``
    (P,) says. Over all objects the shifts are 0 in the mean: what is found stays found."""
    count = logits.shape[1]
    true, moved = np.bincount(kind, minlength=count), np.zeros(count)
    for _ in range(ROUNDS):
        named = np.bincount((logits + moved).argmax(1), minlength=count)
        further = np.where(true < FEWEST, 0.0, RATE * np.log((true + 1) / (named + 1)))
        moved = np.clip(moved + further, -LARGEST, LARGEST)
    return (moved - (moved * true).sum() / max(1, true.sum())).astype(np.float32)
