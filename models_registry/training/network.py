"""The detector family: plain 3×3 convolutions, which quantize well, and one light head per stride.

Every class score and every box comes from a cell alone: no anchors, no objectness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_registry.training.layers import Block, Convolution
from models_registry.training.recipe import NetworkRecipe
from models_registry.training.stems import STEMS, STRIDES

STAGES = ((16, 0), (32, 0), (48, 1), (80, 1), (96, 1))  # channels, blocks; each halves the picture
NECK = 40
PRIOR = 0.01  # what a fresh net says of every cell: nearly all of them show nothing
LARGEST_LOG = 6.0  # exp of it, in strides, is wider than any picture


class Head(nn.Module):
    """Class logits and log distances of one stride's cells."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.shared = Convolution(channels, channels)
        self.kinds = nn.Conv2d(channels, classes, 1)
        self.around = Convolution(channels, channels)
        self.sides = nn.Conv2d(channels, 4, 1)
        nn.init.constant_(self.kinds.bias, math.log(PRIOR / (1 - PRIOR)))
        nn.init.constant_(self.sides.bias, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → (B, 4 + classes, h · w), rows of cells one after another."""
        shared = self.shared(x)
        sides, kinds = self.sides(self.around(shared)), self.kinds(shared)
        return torch.cat([sides.flatten(2), kinds.flatten(2)], 1)


class DetectorNet(nn.Module):
    """(B, 3, H, W) RGB in 0–1 → (B, 4 + classes, N): log distances to left, top, right, bottom in
    strides, then class logits; N cells stride by stride, row by row."""

    def __init__(self, recipe: NetworkRecipe, classes: int) -> None:
        super().__init__()
        self.strides = recipe.strides
        channels = [max(8, round(c * recipe.width / 8) * 8) for c, _ in STAGES]
        blocks = [math.ceil(n * recipe.depth) if n else 0 for _, n in STAGES]
        levels = int(math.log2(max(recipe.strides)))
        for stride, more in zip(recipe.strides, recipe.more_blocks, strict=False):
            blocks[int(math.log2(stride)) - 1] += more
        seen = int(math.log2(STRIDES[recipe.stem]))  # halvings that the stem does at once
        self.stem = STEMS[recipe.stem](channels[seen - 1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                Convolution(channels[i - 1], channels[i], 3, 2),
                *(Block(channels[i]) for _ in range(blocks[i])),
            )
            for i in range(seen, levels)
        )
        neck = max(8, round(NECK * recipe.width / 8) * 8)
        used = channels[levels - len(recipe.strides) : levels]
        self.narrow = nn.ModuleList(Convolution(c, neck, 1) for c in used)
        self.enlarge = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.smooth = nn.ModuleList(Convolution(neck, neck) for _ in used[:-1])
        self.heads = nn.ModuleList(Head(neck, classes) for _ in used)
        self.map_channels = [(c, neck) for c in used]

    @property
    def map_layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """Of each stride the stage, and what its head looks at; their outputs have
        ``map_channels``."""
        seen = list(self.stages)[-len(self.strides) :]
        return list(zip(seen, [*self.smooth, self.narrow[-1]], strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.stem(x)
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        seen = seen[-len(self.strides) :]
        level = self.narrow[-1](seen[-1])
        found = [self.heads[-1](level)]
        for at in range(len(self.strides) - 2, -1, -1):  # what far cells know helps the near ones
            level = self.smooth[at](self.narrow[at](seen[at]) + self.enlarge(level))
            found.insert(0, self.heads[at](level))
        return torch.cat(found, 2)


@dataclass(frozen=True, slots=True)
class Cells:
    """N cells in the order of the net's answer: ``centres`` (2, N) x and y in pixels, ``strides``
    (N,)."""

    centres: Tensor
    strides: Tensor


def cells_of(width: int, height: int, strides: tuple[int, ...]) -> Cells:
    """Of a canvas whose sides are multiples of the strides."""
    centres, sizes = [], []
    for stride in strides:
        columns, rows = width // stride, height // stride
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres.append((torch.stack([x.flatten(), y.flatten()]) + 0.5) * stride)
        sizes.append(torch.full((rows * columns,), float(stride)))
    return Cells(torch.cat(centres, 1), torch.cat(sizes))


def corners_of(sides: Tensor, cells: Cells) -> Tensor:
    """(B, 4, N) log distances → (B, N, 4) corners in pixels."""
    reach = sides.clamp(max=LARGEST_LOG).exp() * cells.strides
    low, high = cells.centres - reach[:, :2], cells.centres + reach[:, 2:]
    return torch.cat([low, high], 1).transpose(1, 2)
