"""Which cells are to answer for which object, decided anew in each step by what the net can do.

As many cells per object as its best candidates overlap it in sum (Ge et al. 2021), ranked by class
score and overlap together (Feng et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models_registry.training.network import Cells
from models_registry.training.recipe import LossRecipe

SCORE_POWER, OVERLAP_POWER = 0.5, 4.0
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Assignment:
    """P cells that shall answer: ``picture`` (P,), ``cell`` (P,), ``row`` (P,) of the labels, and
    ``quality`` (P,), 0–1: the score that each should give."""

    picture: Tensor
    cell: Tensor
    row: Tensor
    quality: Tensor


@torch.no_grad()
def assign(
    scores: Tensor, corners: Tensor, rows: Tensor, cells: Cells, recipe: LossRecipe
) -> Assignment:
    """``scores`` (B, C, N) 0–1, ``corners`` (B, N, 4) in pixels, ``rows`` (G, 7): picture, class,
    corners, score."""
    picture, kind, boxes = rows[:, 0].long(), rows[:, 1].long(), rows[:, 2:6]
    overlap = pairwise_iou(boxes, corners[picture])  # (G, N)
    candidate = _near(boxes, cells, recipe.radius)
    overlap = overlap * candidate
    score = scores[picture, kind]
    rank = score**SCORE_POWER * overlap**OVERLAP_POWER
    # A box that nothing overlaps yet is still to be learnt: by the cells next to its middle.
    rank = (rank + TINY * _closeness(boxes, cells)) * candidate
    count = min(recipe.candidates, overlap.shape[1])
    wanted = overlap.topk(count, dim=1).values.sum(1).long().clamp(min=1, max=count)
    best = rank.topk(count, dim=1)
    taken = (torch.arange(count, device=rows.device) < wanted[:, None]) & (best.values > 0)
    row, place = taken.nonzero(as_tuple=True)
    cell, value = best.indices[row, place], best.values[row, place]
    row, cell, value = _one_object_per_cell(picture, row, cell, value, overlap.shape[1])
    common = overlap[row, cell]
    highest = _highest(value, row, len(rows))
    most_common = _highest(common, row, len(rows))
    # The best cell of an object is to score as high as its overlap, the others in proportion.
    quality = value / highest[row].clamp(min=TINY) * most_common[row]
    return Assignment(picture[row], cell, row, quality.clamp(0, 1))


def pairwise_iou(one: Tensor, other: Tensor) -> Tensor:
    """(G, 4) and (G, N, 4) → (G, N), 0–1."""
    low = torch.maximum(one[:, None, :2], other[..., :2])
    high = torch.minimum(one[:, None, 2:], other[..., 2:])
    common = (high - low).clamp(min=0).prod(2)
    areas = (one[:, 2:] - one[:, :2]).prod(1)[:, None] + (other[..., 2:] - other[..., :2]).prod(2)
    return common / (areas - common).clamp(min=TINY)


def _near(boxes: Tensor, cells: Cells, radius: float) -> Tensor:
    """(G, N) cells within ``radius`` strides of a box's middle and, of large boxes, inside."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (cells.centres[None] - middle[:, :, None]).abs().amax(1) / cells.strides
    low = cells.centres[None] - boxes[:, :2, None]
    high = boxes[:, 2:, None] - cells.centres[None]
    inside = torch.minimum(low, high).amin(1) > 0
    # Beside a box smaller than a cell no centre lies inside: then the nearest ones may have it.
    return (away < radius) & (inside | (away < 1.0))


def _closeness(boxes: Tensor, cells: Cells) -> Tensor:
    """(G, N) above 0: near the middle, and of a stride that suits the box's size."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).amax(1)
    away = (cells.centres[None] - middle[:, :, None]).square().sum(1) / cells.strides**2
    misfit = (size[:, None] / (4 * cells.strides)).clamp(min=1e-3).log2().square()
    return 1 / (1 + away + misfit)


def _one_object_per_cell(
    picture: Tensor, row: Tensor, cell: Tensor, value: Tensor, cells: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Where two objects want a cell, the one with the higher rank gets it."""
    place = picture[row] * cells + cell
    order = value.argsort(stable=True)  # written in this order, the strongest stays
    row, cell, value, place = row[order], cell[order], value[order], place[order]
    unique, inverse = place.unique(return_inverse=True)
    last = torch.zeros(len(unique), dtype=torch.long, device=row.device)
    last = last.scatter_reduce(
        0, inverse, torch.arange(len(row), device=row.device), "amax", include_self=True
    )
    return row[last], cell[last], value[last]


def _highest(values: Tensor, row: Tensor, count: int) -> Tensor:
    highest = torch.zeros(count, dtype=values.dtype, device=values.device)
    return highest.scatter_reduce(0, row, values, "amax", include_self=True)
