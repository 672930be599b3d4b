"""What changes the weights, and how far in each step."""

from __future__ import annotations

import math

import torch
from torch import nn

from models_registry.training.recipe import ScheduleRecipe


def make_optimiser(net: nn.Module, recipe: ScheduleRecipe) -> torch.optim.Optimizer:
    """Weight decay holds only where weights are multiplied: not for biases and normalisation."""
    decayed = [x for x in net.parameters() if x.ndim > 1]
    others = [x for x in net.parameters() if x.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.rate)


def rate_at(step: int, recipe: ScheduleRecipe) -> float:
    """Up in a line, then down along a cosine to ``last_rate_share`` of the height."""
    if step < recipe.warm_up_steps:
        return recipe.rate * (step + 1) / recipe.warm_up_steps
    done = (step - recipe.warm_up_steps) / max(recipe.steps - recipe.warm_up_steps, 1)
    share = (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return recipe.rate * (recipe.last_rate_share + (1 - recipe.last_rate_share) * share)
