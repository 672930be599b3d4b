"""What first sees a picture: the word for it in recipes, and how much smaller it makes the rest."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from models_registry.training.frequency import ALL_BANDS, BLOCK, COARSE, Band, band_weights
from models_registry.training.frequency_gates import BandGates
from models_registry.training.layers import Convolution


class PlainStem(nn.Sequential):
    """(B, 3, H, W) in 0–1 → (B, channels, H/2, W/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(Convolution(3, channels, 3, 2))


class WholeStem(nn.Sequential):
    """(B, 3, H, W) in 0–1 → (B, channels, H, W): the net behind it sees each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__(Convolution(3, channels))


class FrequencyStem(nn.Module):
    """(B, 3, H, W) in 0–1 → (B, channels, H/4, W/4), from bands of each 4×4 block.

    The analysis is fixed. Bands differ in strength by orders of magnitude, so each is normalised;
    in float32, since half precision would lose the fine ones beside the mean.
    """

    def __init__(
        self, channels: int, *, bands: tuple[Band, ...] = ALL_BANDS, gated: bool, size: int
    ) -> None:
        super().__init__()
        self.bands = bands
        count = len(bands)
        self.analysis = nn.Conv2d(3, count, BLOCK, BLOCK, bias=False).requires_grad_(False)
        self.analysis.weight.data.copy_(torch.from_numpy(band_weights(bands)))
        self.norm = nn.BatchNorm2d(count, eps=1e-6, momentum=0.03, affine=False)
        self.gates = BandGates(count) if gated else None
        self.mix = Convolution(count, channels, size)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        with torch.autocast(x.device.type, enabled=False):
            seen = self.norm(self.analysis(x.float()))
            if self.gates is not None:
                seen = self.gates(seen)
        return self.mix(seen)

    @property
    def kept(self) -> list[int]:
        """Bands whose gate is not shut; the strongest if all are."""
        if self.gates is None:
            return list(range(len(self.bands)))
        factors = self.gates.factors
        return factors.nonzero().flatten().tolist() or [int(self.gates.place.argmax())]

    @torch.no_grad()
    def settled(self) -> nn.Sequential:
        """The same in eval mode without gates and without the bands that they shut. Empty bands
        fill up to a number of channels that the runtime need not shuffle between two layers."""
        kept = self.kept
        count = math.ceil(len(kept) / ALIGNED) * ALIGNED
        analysis = nn.Conv2d(3, count, BLOCK, BLOCK, bias=False)
        norm = nn.BatchNorm2d(count, eps=self.norm.eps)
        mix = copy.deepcopy(self.mix)
        mix[0] = nn.Conv2d(
            count, mix[0].out_channels, mix[0].kernel_size, 1, mix[0].padding, bias=False
        )
        for parameter in (analysis.weight, mix[0].weight):
            parameter.zero_()
        analysis.weight[: len(kept)] = self.analysis.weight[kept]
        norm.running_mean[: len(kept)] = self.norm.running_mean[kept]
        norm.running_var[: len(kept)] = self.norm.running_var[kept]
        if self.gates is not None:
            norm.weight[: len(kept)] = self.gates.factors[kept]
        mix[0].weight[:, : len(kept)] = self.mix[0].weight[:, kept]
        parts = OrderedDict(analysis=analysis, norm=norm, mix=mix)
        return nn.Sequential(parts).eval()


ALIGNED = 4  # ONNX Runtime reorders a picture of channels that are no multiple of it, twice
STRIDES = {"plain": 2, "whole": 1, "downscaled": BLOCK, "bands": BLOCK, "gated_bands": BLOCK}
"""How much smaller a stem makes a picture's sides."""
STEMS: dict[str, Any] = {
    "plain": PlainStem,
    "whole": WholeStem,
    "downscaled": partial(FrequencyStem, bands=COARSE, gated=False, size=3),
    "bands": partial(FrequencyStem, gated=False, size=1),
    "gated_bands": partial(FrequencyStem, gated=True, size=1),
}


def settle(net: Any) -> None:
    """Makes ``net.stem`` what is exported: nothing in it that only training needs."""
    if isinstance(net.stem, FrequencyStem):
        net.stem = net.stem.settled()
