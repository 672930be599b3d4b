"""How wrong the net's answer is: class scores over every cell, boxes where an object is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models_registry.training.assignment import Assignment, assign
from models_registry.training.labelled import ANY_CLASS
from models_registry.training.network import Cells, cells_of, corners_of
from models_registry.training.recipe import LossRecipe

TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Losses:
    """``total`` is what is minimised; ``objects``: cells that answered for one."""

    total: Tensor
    classes: Tensor
    boxes: Tensor
    objects: int


@dataclass(frozen=True, slots=True)
class Truth:
    """``rows`` (G, 7), ``ignored`` (M, 6) and ``labelled`` (B, C) as in ``Batch``."""

    rows: Tensor
    ignored: Tensor
    labelled: Tensor


class DetectionLoss:
    """Of a whole batch, in float32."""

    def __init__(self, recipe: LossRecipe, strides: tuple[int, ...]) -> None:
        self._recipe, self._strides = recipe, strides
        self._cells: dict[tuple[int, int, str], Cells] = {}

    def __call__(self, answer: Tensor, width: int, height: int, truth: Truth) -> Losses:
        """``answer`` (B, 4 + C, N) of the net on a ``width`` × ``height`` canvas."""
        cells, rows = self._grid(width, height, answer.device), truth.rows
        answer = answer.float()
        logits = answer[:, 4:]
        corners = corners_of(answer[:, :4], cells)
        scores = logits.detach().sigmoid()
        given = assign(scores, corners.detach(), rows, cells, self._recipe)
        kind = rows[given.row, 1].long()
        target = torch.zeros_like(logits)
        # What a teacher was not sure of, the net need not be surer of.
        target[given.picture, kind, given.cell] = given.quality * rows[given.row, 6]
        counted = _counted(logits, cells.centres, truth)
        counted[given.picture, kind, given.cell] = 1.0
        norm = target.sum().clamp(min=1.0)
        classes = (self._class_loss(logits, scores, target) * counted).sum() / norm
        boxes = self._box_loss(corners, rows, given) / norm
        total = self._recipe.class_weight * classes + self._recipe.box_weight * boxes
        return Losses(total, classes.detach(), boxes.detach(), len(given.row))

    def _grid(self, width: int, height: int, device: torch.device) -> Cells:
        key = (width, height, str(device))
        if key not in self._cells:
            cells = cells_of(width, height, self._strides)
            self._cells[key] = Cells(cells.centres.to(device), cells.strides.to(device))
        return self._cells[key]

    def _class_loss(self, logits: Tensor, scores: Tensor, target: Tensor) -> Tensor:
        """Quality focal loss (Li et al. 2020): what is right already weighs little."""
        entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        if self._recipe.focal == 0:
            return entropy
        return entropy * (target - scores).abs() ** self._recipe.focal

    def _box_loss(self, corners: Tensor, rows: Tensor, given: Assignment) -> Tensor:
        shown, meant = corners[given.picture, given.cell], rows[given.row, 2:6]
        # At first no cell overlaps anything: then each counts a little all the same.
        weight = given.quality.clamp(min=0.1) * rows[given.row, 6]
        return ((1 - generalised_iou(shown, meant)) * weight).sum()


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """(P, 4) twice → (P,), -1 to 1: below 0 the farther apart the boxes are."""
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    areas = (one[:, 2:] - one[:, :2]).prod(1) + (other[:, 2:] - other[:, :2]).prod(1)
    union = (areas - common).clamp(min=TINY)
    low, high = torch.minimum(one[:, :2], other[:, :2]), torch.maximum(one[:, 2:], other[:, 2:])
    around = (high - low).prod(1).clamp(min=TINY)
    return common / union - (around - union) / around


def _counted(logits: Tensor, centres: Tensor, truth: Truth) -> Tensor:
    """(B, C, N) 1 where the labels say what is there, 0 where nobody knows."""
    ignored = truth.ignored
    counted = truth.labelled.to(logits.dtype)[:, :, None].expand(logits.shape).clone()
    if not len(ignored):
        return counted
    low = (centres[None] - ignored[:, 2:4, None]).amin(1)
    high = (ignored[:, 4:6, None] - centres[None]).amin(1)
    region, cell = (torch.minimum(low, high) > 0).nonzero(as_tuple=True)
    picture, kind = ignored[region, 0].long(), ignored[region, 1].long()
    certain = kind != ANY_CLASS
    counted[picture[certain], kind[certain], cell[certain]] = 0.0
    counted[picture[~certain], :, cell[~certain]] = 0.0
    return counted
