"""The classifier family: the detector's convolutions, one answer per picture."""

from __future__ import annotations

import math

from torch import Tensor, nn

from models_registry.training.classifier_recipe import ClassifierNetworkRecipe
from models_registry.training.layers import Block, Convolution
from models_registry.training.stems import STEMS

STEM = 32
STAGES = ((32, 0), (48, 0), (64, 1), (64, 1))  # channels, blocks; each halves what the stem gives


class ClassifierNet(nn.Module):
    """(B, 3, H, W) RGB in 0–1 → (B, classes) logits."""

    def __init__(self, recipe: ClassifierNetworkRecipe, classes: int) -> None:
        super().__init__()
        inside = _channels(STEM, recipe.width)
        self.stem = STEMS[recipe.stem](inside)
        stages = []
        for channels, blocks in STAGES[-recipe.stages :]:
            outside = _channels(channels, recipe.width)
            count = math.ceil(blocks * recipe.depth) if blocks else 0
            stages.append(
                nn.Sequential(
                    Convolution(inside, outside, 3, 2), *(Block(outside) for _ in range(count))
                )
            )
            inside = outside
        self.trunk = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.answer = nn.Conv2d(inside, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.answer(self.pool(self.trunk(self.stem(x)))).flatten(1)


def _channels(count: int, width: float) -> int:
    return max(8, round(count * width / 8) * 8)
