"""Opening a camera's stream, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensing.worker.mjpeg import MjpegStream
from sensing.worker.network_video import RtspStream
from sensing.worker.plan import SourceSpec
from sensing.worker.playback import open_recording, open_simulation
from sensing.worker.usb import UsbStream


class Stream(Protocol):
    """An opened source. Calls may block; ``close`` may come from another thread.

    ``live`` is False where the end of the stream is its proper end. ``loop_count`` grows when a
    recording starts over with a jump in its picture.
    """

    live: bool
    loop_count: int
    captured_at_s: float

    @property
    def fps(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def codec(self) -> str: ...

    def grab(self) -> bool | None:
        """Advance by one frame and set ``captured_at_s``; False: unreadable, None: at the end.

        Raises ``StreamUnavailable`` when the source cannot go on.
        """
        ...

    def retrieve(self) -> NDArray[np.uint8] | None:
        """The grabbed frame as BGR (H, W, 3); None when it cannot be decoded."""
        ...

    def close(self) -> None: ...


def open_stream(
    source: SourceSpec, clips_dir: Path, progress: Callable[[float], None] | None = None
) -> Stream:
    """Open a source; raises ``StreamUnavailable``.

    Simulated clips are kept in ``clips_dir``; rendering one tells its ``progress`` from 0 to 1.
    """
    match source.kind:
        case "rtsp":
            return RtspStream(source)
        case "http":
            return MjpegStream(source)
        case "file":
            return open_recording(source)
        case "usb":
            return UsbStream(source)
        case "sim":
            return open_simulation(source, clips_dir, progress)
