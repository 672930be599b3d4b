"""What the nets of this package are made of."""

from __future__ import annotations

from torch import Tensor, nn


class Convolution(nn.Sequential):
    """Convolution, normalisation, ReLU: folded into one convolution on export."""

    def __init__(self, inside: int, outside: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outside, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels)
        self.second = Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.second(self.first(x))
