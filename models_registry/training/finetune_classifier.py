"""A classifier's file trained further: on labels, and on what its parent says of the pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models_registry.training.average import Average
from models_registry.training.errors import TrainingFailed
from models_registry.training.from_onnx import GraphNet
from models_registry.training.optimiser import make_optimiser, rate_at
from models_registry.training.recipe import ScheduleRecipe

Draw = Callable[[int], tuple[NDArray[Any], NDArray[Any]]]
LONGEST_GRADIENT = 5.0
TELL_EVERY_S = 20.0
THIN_EVERY = 20


def tune_classifier(
    model: onnx.ModelProto,
    draw: Draw,
    schedule: ScheduleRecipe,
    *,
    parent: onnx.ModelProto | None = None,
    taught: float = 0.5,
    temperature: float = 2.0,
    learn_scales: bool = True,
    thinned: float = 0.0,
    said: Callable[[str], None] = print,
) -> onnx.ModelProto:
    """The same graph with better weights; the running average of them, as ``schedule`` says.

    One input (B, …), one output (B, C) of logits. ``draw(step)``: the input as the file takes it,
    and (B,) class numbers. ``parent``: ``taught`` of the loss is the distance to its softened
    answers (Hinton et al. 2015), the rest cross entropy. ``thinned``: so much of each large
    weight becomes zero on the way, smallest first and little by little. Raises ``TrainingFailed``
    (``graph_unsupported``, ``loss_not_finite``).
    """
    net = GraphNet(model, learn_scales=learn_scales)
    teacher = None if parent is None else GraphNet(parent).requires_grad_(False)
    optimiser = make_optimiser(net, schedule)
    average = Average(net, schedule.average)
    half = schedule.precision == "bfloat16" and not net.quantized
    told_s, losses = time.perf_counter(), 0.0
    for step in range(schedule.steps):
        if thinned and step % THIN_EVERY == 0:
            net.thin(thinned * thinned_by(step, schedule.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, schedule)
        pictures, kinds = (torch.from_numpy(x) for x in draw(step))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            answer = net(pictures)[0].float()
            with torch.no_grad():
                meant = teacher(pictures)[0].float() if teacher else None
        loss = classifier_loss(answer, kinds, meant, taught, temperature)
        if not torch.isfinite(loss):
            raise TrainingFailed("loss_not_finite", f"step {step + 1}: expected a finite loss")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), LONGEST_GRADIENT)
        optimiser.step()
        average.follow(net, step)
        losses = loss.item() if step == 0 else 0.95 * losses + 0.05 * loss.item()
        if time.perf_counter() - told_s > TELL_EVERY_S:
            told_s = time.perf_counter()
            said(f"step {step + 1} of {schedule.steps}, loss {losses:.3f}")
    average.net.thin(thinned)
    return average.net.model()


def thinned_by(step: int, steps: int) -> float:
    """The share of the thinning that is done: all after two thirds (Zhu and Gupta 2017)."""
    left = max(0.0, 1 - 1.5 * step / steps)
    return 1 - left**3


def classifier_loss(
    answer: Tensor, kinds: Tensor, meant: Tensor | None, taught: float, temperature: float
) -> Tensor:
    """``answer`` and ``meant`` (B, C) logits, ``kinds`` (B,)."""
    labelled = functional.cross_entropy(answer, kinds)
    if meant is None or math.isclose(taught, 0.0):
        return labelled
    soft = functional.kl_div(
        (answer / temperature).log_softmax(1),
        (meant / temperature).log_softmax(1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - taught) * labelled + taught * temperature**2 * soft
