"""Fronts of houses: a shop with its sign below, windows above, lit or dark."""

from __future__ import annotations

import numpy as np

from sensing.simulation.scenery import Surface
from sensing.simulation.textures import Grid, band, dashes, mix, noise_tile, sample


def shop(wall: Grid, sign: Grid, lit: bool) -> tuple[Surface, Surface]:
    """A shop front below, windows above."""

    def parts(u: Grid, v: Grid, pixel: Grid) -> tuple[Grid, Grid, Grid]:
        pane = dashes(u - 0.4, 2.1, 2.5, pixel) * band(v, 0.5, 2.6, pixel)
        upper = dashes(u - 0.8, 1.1, 2.4, pixel) * dashes(v - 4.2, 1.6, 3.1, pixel) * (v > 4)
        return pane, upper, band(v, 2.8, 3.4, pixel)

    def surface(u: Grid, v: Grid, pixel: Grid) -> Grid:
        pane, upper, board = parts(u, v, pixel)
        rough = sample(noise_tile(41, 5, 16), u, v, 4.0, pixel)
        colour = wall * (1 + 0.06 * rough - 0.05 * dashes(v, 0.02, 0.25, pixel))[..., None]
        colour = mix(colour, np.array([0.09, 0.085, 0.08]), np.maximum(pane, upper))
        goods = np.abs(sample(noise_tile(42, 4, 16), u, v, 5.0, pixel))
        colour += (0.05 * goods * pane)[..., None]
        return mix(colour, sign, board)

    def glow(u: Grid, v: Grid, pixel: Grid) -> Grid:
        pane, upper, board = parts(u, v, pixel)
        some = (np.mod(np.floor(u / 2.4) * 7 + np.floor(v / 3.1) * 3, 5) < 2) * upper
        goods = 0.75 + 0.22 * sample(noise_tile(42, 4, 16), u, v, 5.0, pixel)
        warm = np.array([0.34, 0.50, 0.62], np.float32)
        lights: Grid = (pane * goods * lit + 0.55 * some)[..., None] * warm
        return lights + (0.35 * lit * board)[..., None] * sign

    return surface, glow
