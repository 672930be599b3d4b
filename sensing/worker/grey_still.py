"""A small grey still from a JPEG, for the drift check; a target of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

MAX_WIDTH = 320
# Standard deviation of the blur that takes faces and plates from all of a still, px of the still.
BLUR_PX = 1.5


class StillUnreadable(Exception):
    """``bad_picture``: the JPEG cannot be decoded, or shows too little."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = "bad_picture"
        self.message = message


def grey_still(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> Any:
    """``jpeg``, ``blur`` → ``{"png": bytes}``, grey, at most 320 px wide. Raises
    ``StillUnreadable``."""
    data = np.frombuffer(request["jpeg"], np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if grey is None or min(grey.shape) < 32:
        raise StillUnreadable("expected a JPEG of at least 32×32 px")
    height, width = grey.shape
    if width > MAX_WIDTH:
        size = (MAX_WIDTH, max(32, round(height * MAX_WIDTH / width)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    if request["blur"]:
        # Who is in a still is not known here, so all of it is blurred.
        grey = cv2.GaussianBlur(grey, (0, 0), BLUR_PX)
    _, png = cv2.imencode(".png", grey)
    return {"png": png.tobytes()}
