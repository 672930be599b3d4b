"""What a student's maps have in common with a teacher's: a further loss of a distillation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models_registry.training.network import DetectorNet

LITTLE = 1e-5


class Likeness(nn.Module):
    """How unlike a net's maps are to a teacher's, stride by stride.

    What stage and neck know of a place is turned by a 1×1 convolution, which learns with the net,
    into as many channels as the teacher has. Channels are compared by their course alone,
    normalised over the batch (Cao et al. 2022, PKD: the mean squared distance is then 1 − Pearson's
    r, doubled); places count by how much the teacher sees there.
    """

    def __init__(self, net: DetectorNet, channels: Sequence[int]) -> None:
        super().__init__()
        self.turned = nn.ModuleList(
            nn.Conv2d(sum(known), there, 1)
            for known, there in zip(net.map_channels, channels, strict=True)
        )

    def forward(self, maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """0 (alike) to about 2 (unrelated), of maps as ``join`` sees them and the teacher's, each
        (B, C, h, w)."""
        losses = [
            _apart(turn(mine.float()), theirs)
            for turn, mine, theirs in zip(self.turned, maps, wanted, strict=True)
        ]
        return torch.stack(losses).mean()


def join(net: DetectorNet, channels: Sequence[int]) -> Callable[[Sequence[Tensor]], Tensor]:
    """Puts a ``Likeness`` into ``net``, to be learnt, averaged and saved with it, and returns the
    loss of what the net last saw in training beside a teacher's maps of the same pictures."""
    likeness, seen = Likeness(net, channels), dict[int, Tensor]()

    def keep(at: int) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, found: Tensor) -> None:
            if module.training:  # not the average, whose copy has this hook too
                seen[at] = found

        return hook

    places = [x for pair in net.map_layers for x in pair]
    for at, layer in enumerate(places):
        layer.register_forward_hook(keep(at))
    net.add_module("likeness", likeness)

    def loss(wanted: Sequence[Tensor]) -> Tensor:
        maps = [
            torch.cat([seen.pop(at).float(), seen.pop(at + 1).float()], 1)
            for at in range(0, len(places), 2)
        ]
        found: Tensor = likeness(maps, wanted)
        return found

    return loss


def _apart(mine: Tensor, theirs: Tensor) -> Tensor:
    mine, theirs = _normalised(mine), _normalised(theirs)
    told = theirs.square().mean(1, keepdim=True)  # where the teacher sees more than usual
    return (told * (mine - theirs).square()).mean() / told.mean().clamp(min=LITTLE)


def _normalised(maps: Tensor) -> Tensor:
    mean = maps.mean((0, 2, 3), keepdim=True)
    variance = maps.var((0, 2, 3), keepdim=True, correction=0)
    return (maps - mean) / (variance + LITTLE).sqrt()
