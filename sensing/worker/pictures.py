"""The JPEG that a watching browser gets: small, rare, without persons where the site wants it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.worker.plan import PicturePolicy

MAX_WIDTH = 960
JPEG_QUALITY = 70
# A blurred box keeps this many cells across: enough to see that somebody is there, not who.
CELLS = 4
MARGIN = 0.15

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]


def encode_picture(frame: Image, boxes: Boxes, policy: PicturePolicy) -> bytes | None:
    """JPEG of a BGR frame (H, W, 3), at most 960 wide; None when the policy is ``none``.

    ``boxes`` (N, 4) are persons and vehicles in the frame's pixels; ``blurred`` pixelates them.
    """
    if policy == "none":
        return None
    height, width = frame.shape[:2]
    scale = min(1.0, MAX_WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = frame
    if scale < 1.0:
        small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    if policy == "blurred":
        small = pixelate(small, boxes * np.float32(scale))
    done, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes() if done else None


def pixelate(image: Image, boxes: Boxes) -> Image:
    """A copy whose boxes, widened by a margin, are reduced to a few flat cells each."""
    hidden = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in boxes:
        if not np.isfinite((x1, y1, x2, y2)).all():
            continue
        dx, dy = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
        right, bottom = min(width, int(np.ceil(x2 + dx))), min(height, int(np.ceil(y2 + dy)))
        if right <= left or bottom <= top:
            continue
        region = hidden[top:bottom, left:right]
        cells = (min(CELLS, right - left), min(CELLS, bottom - top))
        flat = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
        hidden[top:bottom, left:right] = cv2.resize(
            flat, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
        )
    return hidden
