"""A picture's spatial frequencies as the weights of one strided convolution.

Of each 4×4 block the luminance as its 16 cosine coefficients (nothing is lost), and beside them the
mean of each colour difference: the eye's and JPEG's division of labour, on 1/16 of the places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 4
# ITU-R BT.601 as JPEG (JFIF) uses it, of R, G, B.
PLANES = {
    "Y": (0.299, 0.587, 0.114),
    "Cb": (-0.168736, -0.331264, 0.5),
    "Cr": (0.5, -0.418688, -0.081312),
}


@dataclass(frozen=True, slots=True, order=True)
class Band:
    """``across`` and ``down``: half waves per block, 0 to 3."""

    plane: str
    across: int = 0
    down: int = 0

    @property
    def name(self) -> str:
        """As ``Y12``: plane, half waves across, half waves down."""
        return f"{self.plane}{self.across}{self.down}"


COARSE = (Band("Y"), Band("Cb"), Band("Cr"))
"""What a picture reduced to a quarter of its sides holds."""
ALL_BANDS = (
    *sorted(
        (Band("Y", across, down) for across in range(BLOCK) for down in range(BLOCK)),
        key=lambda x: (x.across + x.down, x.across),
    ),
    Band("Cb"),
    Band("Cr"),
)
"""Luminance from coarse to fine, then colour."""


def cosine_basis() -> NDArray[np.float64]:
    """(4, 4) orthonormal DCT-II: row k is k half waves over a block."""
    places = np.arange(BLOCK) + 0.5
    rows = np.cos(np.pi / BLOCK * np.arange(BLOCK)[:, None] * places)
    rows *= np.sqrt(2 / BLOCK)
    rows[0] /= np.sqrt(2)
    return rows


def band_weights(bands: tuple[Band, ...]) -> NDArray[np.float32]:
    """(bands, 3, 4, 4): the convolution of stride 4 over R, G, B that gives each band."""
    basis = cosine_basis()
    weights = [
        np.multiply.outer(PLANES[x.plane], np.outer(basis[x.down], basis[x.across])) for x in bands
    ]
    return np.stack(weights).astype(np.float32)
