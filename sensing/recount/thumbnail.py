"""The small picture of a strip on a certificate, made only where an operator asked for it."""

from __future__ import annotations

import cv2
import numpy as np

from models_registry.sandbox import ChildFailed, Limits, call
from sensing.models import Recount
from sensing.recount.arriving import tile_times
from sensing.recount.storage import tile_path

WIDTH, HEIGHT = 1200, 90
MOST_LINES = 3
LIMITS = Limits(cpu_s=60, wall_s=60.0, answer_bytes=16 * 1024 * 1024)


def strip_thumbnail(recount: Recount) -> bytes | None:
    """A JPEG with a band for each line; None where there are no pixels any more."""
    lines = []
    for line in recount.lines[:MOST_LINES]:
        pieces = []
        for tile in recount.tiles:
            path = tile_path(recount.pk, tile["files"].get(line["id"], ""))
            if path is not None and recount.duration_s > 0:
                times = tile_times(tile)
                # The last row lasts as long as the others do.
                end_s = times[-1] + (times[-1] - times[0]) / max(len(times) - 1, 1)
                ends = times[0] / recount.duration_s, end_s / recount.duration_s
                pieces.append([*ends, path.read_bytes()])
        lines.append(pieces)
    if not any(lines):
        return None
    request = {"lines": lines, "width": WIDTH, "height": HEIGHT}
    try:
        answer = call("sensing.worker.strip_picture:strip_picture", request, limits=LIMITS)
        shape = (int(answer["height"]), int(answer["width"]), 3)
        picture = np.frombuffer(answer["pixels"], np.uint8).reshape(shape)
    except (ChildFailed, KeyError, TypeError, ValueError):
        return None
    written, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return jpeg.tobytes() if written else None
