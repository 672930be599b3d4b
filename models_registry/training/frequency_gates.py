"""Learned gates: which bands a net needs, found while it learns.

Hard concrete, Louizos et al. 2018, "Learning sparse neural networks through L0 regularization".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

TEMPERATURE = 2 / 3
LOW, HIGH = -0.1, 1.1  # a gate's range before it is cut to 0–1: both ends are really reached
BEGINS_AT = 2.0  # logit: nearly open
QUICKNESS = 20.0  # gates move so much faster than weights: their few numbers decide early


class BandGates(nn.Module):
    """One factor of 0–1 per channel; in training a draw near it, so that 0 is tried out."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.full((count,), BEGINS_AT / QUICKNESS))

    @property
    def factors(self) -> Tensor:
        """(count,) as they are after training."""
        return _cut((self.place * QUICKNESS).sigmoid())

    @property
    def open_share(self) -> Tensor:
        """How likely a gate is above 0, mean over the gates: what keeping bands costs."""
        return (self.place * QUICKNESS - TEMPERATURE * math.log(-LOW / HIGH)).sigmoid().mean()

    def forward(self, x: Tensor) -> Tensor:
        """(B, count, H, W), same shape."""
        factors = self.factors
        if self.training:
            drawn = torch.rand_like(self.place).clamp(1e-6, 1 - 1e-6)
            factors = _cut(((drawn.logit() + self.place * QUICKNESS) / TEMPERATURE).sigmoid())
        return x * factors[:, None, None]


def _cut(x: Tensor) -> Tensor:
    return (x * (HIGH - LOW) + LOW).clamp(0, 1)


def open_share(net: nn.Module) -> Tensor | float:
    """Of all gates in ``net``; 0 where it has none."""
    gates = [x for x in net.modules() if isinstance(x, BandGates)]
    return sum(x.open_share for x in gates) / len(gates) if gates else 0.0
