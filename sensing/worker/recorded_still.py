"""One picture of a recording, as a target of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2

from sensing.worker.recording import Recording, RecordingUnusable

QUALITY = 92


class StillUnusable(Exception):
    """``clip_unusable``: the recording gives no picture there."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def recorded_still(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> Any:
    """``clip``, ``share`` (0–1 of its length) → ``{"jpeg": bytes}``. Raises ``StillUnusable``."""
    try:
        recording = Recording(Path(request["clip"]))
        wanted = int(float(request["share"]) * max(recording.frames_stated - 1, 0))
        picture = None
        try:
            # Read up to it: seeking in a stream without an index lands anywhere.
            for frame in recording.frames(None):
                picture = frame.image
                if frame.index >= wanted:
                    break
                progress(frame.index / max(wanted, 1), "looking for the moment")
        finally:
            recording.close()
    except RecordingUnusable as problem:
        raise StillUnusable("clip_unusable", str(problem)) from problem
    if picture is None:
        raise StillUnusable("clip_unusable", "expected at least one picture, got none")
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return {"jpeg": jpeg.tobytes()}
