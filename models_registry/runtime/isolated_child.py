"""A detector's process: ``python -m models_registry.runtime.isolated_child CHANNEL MEMORY PARENT``.

Started by ``IsolatedDetector``. The model in it is a stranger's: whatever it does ends here.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.attention import REGION_MODEL, attend
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import Detector, load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated_wire import (
    MESSAGE_BYTES,
    PICTURE_BYTES,
    REQUEST,
    pack_boxes,
    pack_failure,
    pack_ready,
)
from models_registry.sandbox.limits import Limits
from models_registry.sandbox.lockdown import lock_down

# A model that wants more is an attack or a mistake; the cameras need their share. It runs for as
# long as its camera does, so only the owner's deadline bounds its time.
LIMITS = Limits(memory_bytes=4 * 1024**3, cpu_s=2**31, file_bytes=1, open_files=64)
TOO_LARGE = "it needs more memory than a model may have"


def main(arguments: list[str]) -> int:
    """Load the model that the first message names, then answer picture after picture."""
    channel = socket.socket(fileno=int(arguments[0]))
    # The owner decides when to end it: a Ctrl-C to the group must not look like a crash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    order: dict[str, Any] = json.loads(channel.recv(MESSAGE_BYTES))
    path = Path(order["model_path"])
    os.nice(order["nice"])
    readable = [path, path.with_suffix(".json"), REGION_MODEL]
    lock_down(LIMITS, parent=int(arguments[2]), readable=readable, write_dir=None)
    try:
        detector, contract = load(path, order)
        channel.send(pack_ready(contract, timed(detector, contract)))
    except ModelUnusable as error:
        channel.send(pack_failure(error.code, error.message))
        return 1
    except MemoryError:
        channel.send(pack_failure("not_loadable", TOO_LARGE))
        return 1
    memory = mmap.mmap(int(arguments[1]), PICTURE_BYTES, prot=mmap.PROT_READ)
    pixels = np.frombuffer(memory, np.uint8)
    while request := channel.recv(MESSAGE_BYTES):
        channel.send(answer(detector, pixels, request))
    return 0


def load(path: Path, order: dict[str, Any]) -> tuple[Detector, ModelContract]:
    """The model as it was ordered, and its contract. Raises ``ModelUnusable``."""
    threads = order["threads"]
    model = load_detector(path, order["contract"], threads=threads)
    detector = attend(model, path, threads=threads) if order["attention"] else model
    return detector, model.contract


def answer(detector: Detector, pixels: NDArray[np.uint8], request: bytes) -> bytes:
    """Detect on the picture that lies in the shared memory."""
    number, width, height, forget, time_s = REQUEST.unpack(request)
    picture = pixels[: width * height * 3].reshape(height, width, 3)
    if forget:
        detector.reset()
    started = time.perf_counter()
    try:
        found = detector.detect(picture, time_s)
    except ModelUnusable as error:
        return pack_failure(error.code, error.message, number)
    except MemoryError:
        return pack_failure("run_failed", TOO_LARGE, number)
    wall_ms = (time.perf_counter() - started) * 1e3
    return pack_boxes(number, wall_ms, detector.stage_ms, found)


def timed(detector: Detector, contract: ModelContract) -> float:
    """Wall seconds of one look at an empty picture, after the one that warmed it up."""
    empty = np.zeros((contract.input_height, contract.input_width, 3), np.uint8)
    started = time.perf_counter()
    detector.detect(empty, 0.0)
    took_s = time.perf_counter() - started
    detector.reset()
    return took_s


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except OSError:  # nobody listens any more
        code = 2
    # A runtime's threads may hang; there is nothing to save.
    os._exit(code)
