"""Which changed pixels are only a shadow on the background.

A cast shadow darkens a surface and leaves its colour: luma falls to a fraction, chroma falls by the
same fraction (Prati et al., "Detecting moving shadows", IEEE PAMI 25(7), 2003, in YCrCb).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.components import Mask, components

MIN_REGION = 40  # pixels; in smaller regions parts and shadow cannot be told apart
SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
DARKEST = 0.45  # direct sun cast off a road leaves at least this share; darker is paint or glass
BRIGHTEST = 0.97
CHROMA_TOLERANCE = 6.0
MIN_LUMA = 30.0  # below this, noise is as large as any shadow


def shadow_mask(picture: NDArray[np.uint8], expected: NDArray[np.uint8], foreground: Mask) -> Mask:
    """255 where a changed pixel of a YCrCb picture (H, W, 3) is a shadow on the background."""
    mask = np.zeros_like(foreground)
    index = np.flatnonzero(foreground)
    if not index.size:
        return mask
    now, usual = picture.reshape(-1, 3)[index], expected.reshape(-1, 3)[index]
    ratio = now[:, 0] / np.maximum(usual[:, 0], np.float32(1.0))
    in_range = (ratio > DARKEST) & (ratio < BRIGHTEST) & (usual[:, 0] > MIN_LUMA)
    darker = np.flatnonzero(in_range)  # of those alone the colour matters
    ratio, now, usual = ratio[darker], now[darker], usual[darker]
    grey = np.ones(len(darker), np.bool_)
    for chroma in (1, 2):
        colour = now[:, chroma] - np.float32(128.0) - ratio * (usual[:, chroma] - np.float32(128.0))
        grey &= np.abs(colour) < CHROMA_TOLERANCE
    mask.reshape(-1)[index[darker[grey]]] = 255
    return mask


def solid_mask(changed: Mask, shadow: Mask) -> Mask:
    """The changed picture without cast shadows, dark paint and glass kept.

    Colour cannot tell a grey bonnet from a shadow on grey asphalt, but place can: a cast shadow
    lies beside its object, so what solid parts enclose on all four sides is object.
    """
    solid = cv2.subtract(changed, shadow)
    if not shadow.any():
        return solid
    labels, boxes = components(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, SQUARE))
    for label in range(1, len(boxes)):
        x, y, width, height, area = boxes[label]
        if area < MIN_REGION:
            continue
        window = np.s_[y : y + height, x : x + width]
        inside = labels[window] == label
        parts = (solid[window] > 0) & inside
        solid[window][_enclosed(parts) & inside] = 255
    return solid


def _enclosed(parts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that have a part on all four sides, or are one."""
    return _between(parts) & _between(parts.T).T


def _between(parts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that have a part above and below."""
    above = np.logical_or.accumulate(parts)
    below = np.logical_or.accumulate(parts[::-1])[::-1]
    return above & below
