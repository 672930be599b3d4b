"""Cameras plugged into this machine (V4L2)."""

from __future__ import annotations

import re
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.worker.addresses import check_location
from sensing.worker.errors import StreamUnavailable
from sensing.worker.frame_clock import FrameClock
from sensing.worker.opencv_stream import OpenCvReader
from sensing.worker.plan import SourceSpec

_DEVICE = re.compile(r"/dev/(video\d{1,3}|v4l/by-(id|path)/[\w.:+-]{1,200})")


class UsbStream:
    """A V4L2 device, named by its path or by its number."""

    live = True
    loop_count = 0
    # The driver's stamps are not on the clock that OpenCV reports, so arrival is the time.

    def __init__(self, source: SourceSpec) -> None:
        device = device_path(source.location)
        if not device.is_char_device():
            raise StreamUnavailable("device_missing", f"there is no {device}", True)
        capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
        if not capture.isOpened():
            detail = f"{device} gives no video, or another program uses it"
            raise StreamUnavailable("device_missing", detail)
        self._reader = OpenCvReader(capture)
        self._clock = FrameClock()
        self.captured_at_s = 0.0

    @property
    def fps(self) -> float:
        return self._reader.fps

    @property
    def width(self) -> int:
        return self._reader.width

    @property
    def height(self) -> int:
        return self._reader.height

    @property
    def codec(self) -> str:
        return self._reader.codec

    def grab(self) -> bool:
        if not self._reader.grab():
            return False
        self.captured_at_s = self._clock.read(None, time.time())
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        return self._reader.retrieve()

    def close(self) -> None:
        self._reader.close()


def device_path(location: str) -> Path:
    """``0`` → /dev/video0; raises ``StreamUnavailable`` for what is no camera device."""
    check_location("usb", location)
    name = location.strip()
    if re.fullmatch(r"\d{1,3}", name):
        return Path(f"/dev/video{name}")
    if not _DEVICE.fullmatch(name):
        raise StreamUnavailable("bad_address", "expected a device such as /dev/video0", True)
    return Path(name)
