"""One opened video behind OpenCV's FFmpeg or V4L2 reader."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.worker.errors import StreamUnavailable

OPEN_TIMEOUT_MS = 4000
# OpenCV's interrupt fires after up to twice this; the loop's own watchdog is faster.
READ_TIMEOUT_MS = 3000
MAX_PIXELS = 3840 * 2160
FOURCC_NAMES = {
    "h264": "h264", "avc1": "h264", "hevc": "hevc", "hev1": "hevc", "hvc1": "hevc",
    "fmp4": "mpeg4", "mp4v": "mpeg4", "xvid": "mpeg4", "mjpg": "mjpeg", "jpeg": "mjpeg",
    "av01": "av1", "vp80": "vp8", "vp90": "vp9", "mpg1": "mpeg1", "mpg2": "mpeg2", "yuyv": "yuyv",
}  # fmt: skip


class OpenCvReader:
    """Typed cover of ``cv2.VideoCapture``; one decoding thread, so cameras share a machine."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self.fps = believable_fps(capture.get(cv2.CAP_PROP_FPS))
        self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.codec = codec_name(int(capture.get(cv2.CAP_PROP_FOURCC)))
        if self.width * self.height > MAX_PIXELS:
            capture.release()
            detail = f"expected at most {MAX_PIXELS} pixels, got {self.width}×{self.height}"
            raise StreamUnavailable("bad_picture", detail, True)

    @classmethod
    def ffmpeg(cls, name: str) -> OpenCvReader | None:
        """Open a path or URL; None when FFmpeg cannot, which it does not explain."""
        options = [
            cv2.CAP_PROP_N_THREADS, 1,
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS,
        ]  # fmt: skip
        capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, options)
        return cls(capture) if capture.isOpened() else None

    def grab(self) -> bool:
        """Decode the next frame; False when there is none."""
        return bool(self._capture.grab())

    def stamp_s(self) -> float:
        """The grabbed frame's presentation time in seconds, by the source's clock."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1e3

    def retrieve(self) -> NDArray[np.uint8] | None:
        """The grabbed frame as BGR (H, W, 3); None when it cannot be decoded."""
        done, image = self._capture.retrieve()
        if not done or image is None or image.size == 0:
            return None
        self.height, self.width = image.shape[:2]
        return np.asarray(image, np.uint8)

    def rewind(self) -> bool:
        """Back to the first frame, where the container can."""
        return bool(self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0))

    def close(self) -> None:
        self._capture.release()


def codec_name(fourcc: int) -> str:
    """``h264`` for what FFmpeg calls avc1, and so on; '' when there is no name."""
    name = fourcc.to_bytes(4, "little", signed=fourcc < 0).decode("latin-1").strip("\0 ").lower()
    return FOURCC_NAMES.get(name, name if name.isascii() and name.isprintable() else "")


def believable_fps(stated: float) -> float:
    """The stated frame rate where it can be one, else 0 (not known)."""
    return float(stated) if np.isfinite(stated) and 0.1 <= stated <= 240.0 else 0.0
