"""A small picture of a strip for a certificate, as a target of the sandbox: its pieces may come
from a stranger's video. The answer is bare pixels, which can do no harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

GROUND = 214


def strip_picture(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> Any:
    """``lines`` (one list of [share_from, share_to, jpeg] per line), ``width``, ``height`` of one
    line in px → ``pixels`` BGR, ``width``, ``height``. Time runs to the right; gaps stay grey."""
    cv2.setNumThreads(1)
    width, height = int(request["width"]), int(request["height"])
    bands = [_band(tiles, width, height) for tiles in request["lines"]]
    space = np.full((6, width, 3), 255, np.uint8)
    parts = [part for band in bands for part in (band, space)][:-1]
    picture = np.concatenate(parts)
    return {"pixels": picture.tobytes(), "width": width, "height": len(picture)}


def _band(tiles: Any, width: int, height: int) -> NDArray[np.uint8]:
    band = np.full((height, width, 3), GROUND, np.uint8)
    for start, end, jpeg in tiles:
        left, right = (round(min(max(float(share), 0.0), 1.0) * width) for share in (start, end))
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None or right <= left:
            continue
        turned = cv2.transpose(image)
        small = cv2.resize(turned, (right - left, height), interpolation=cv2.INTER_AREA)
        band[:, left:right] = small
    return band
