"""A running average of the weights, which finds more than the weights of any one step."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """``net`` holds the average; it follows fast at first and ``decay`` slowly later."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def follow(self, net: nn.Module, step: int) -> None:
        """After step number ``step`` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for own, new in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new.to(own.dtype), 1 - decay)
            else:
                own.copy_(new)
