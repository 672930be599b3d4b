"""The process behind ``snapshot.probe``: ``python -m sensing.worker.probe_child`` < orders."""

from __future__ import annotations

import base64
import json
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation import SimulationInvalid, parse_simulation_url
from sensing.simulation.clip import staged_world
from sensing.simulation.film import Film
from sensing.worker.addresses import redact
from sensing.worker.capture import Stream, open_stream
from sensing.worker.errors import StreamUnavailable
from sensing.worker.pictures import encode_picture
from sensing.worker.plan import SourceSpec

MEMORY_BYTES = 3 * 1024**3
OPEN_FILES = 64
MAX_UNREADABLE = 100
MEASURE_FPS_S = 1.0


def main() -> int:
    """Read the orders, look, answer in JSON."""
    answer = os.fdopen(os.dup(1), "w")
    # Whatever a decoder prints must not end up in the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    orders = json.load(sys.stdin)
    source = SourceSpec(**orders["source"])
    limit(orders["timeout_s"])
    cv2.setNumThreads(1)
    try:
        document = look(source, Path(orders["clips_dir"]))
    except StreamUnavailable as error:
        detail = redact(error.detail, source.password)
        document = {"error": {"code": error.code, "detail": detail, "permanent": error.permanent}}
    except MemoryError:
        document = {"error": {"code": "bad_picture", "detail": "it needs too much memory"}}
    json.dump(document, answer)
    answer.flush()
    return 0


def limit(timeout_s: float) -> None:
    """Bound what a hostile video can take from the machine."""
    cpu_s = math.ceil(timeout_s) + 1
    for kind, amount in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (amount, amount))


def look(source: SourceSpec, clips_dir: Path) -> dict[str, Any]:
    """A still of the source and its facts, as ``ProbeResult`` names them."""
    if source.kind == "sim":
        return simulated(source.location)
    stream = open_stream(source, clips_dir)
    try:
        image = first_image(stream)
        height, width = image.shape[:2]
        fps = stream.fps or measured_fps(stream)
        return described(image, width, height, fps, stream.codec)
    finally:
        stream.close()


def simulated(url: str) -> dict[str, Any]:
    """One drawn frame: rendering the whole clip takes longer than anybody waits for a test."""
    try:
        spec = parse_simulation_url(url)
    except SimulationInvalid as error:
        raise StreamUnavailable("simulation_invalid", str(error), True) from error
    world, _ = staged_world(spec)
    image = np.asarray(Film(world).frame(spec.frames // 2), np.uint8)
    return described(image, spec.width, spec.height, spec.fps, "mpeg4")


def first_image(stream: Stream) -> NDArray[np.uint8]:
    """The first frame that decodes; cameras may begin in the middle of a picture."""
    for _ in range(MAX_UNREADABLE):
        if not stream.grab():
            break
        if (image := stream.retrieve()) is not None:
            return image
    raise StreamUnavailable("no_frames", "it opened, but no picture could be decoded")


def measured_fps(stream: Stream) -> float:
    """Frames per second over about a second; 0 when the stream is slower than that."""
    start_s, frames = time.monotonic(), 0
    while (elapsed_s := time.monotonic() - start_s) < MEASURE_FPS_S and stream.grab():
        frames += 1
    return round(frames / elapsed_s, 1) if elapsed_s > 0.0 else 0.0


def described(
    image: NDArray[np.uint8], width: int, height: int, fps: float, codec: str
) -> dict[str, Any]:
    jpeg = encode_picture(image, np.zeros((0, 4), np.float32), "clear")
    if jpeg is None:
        raise StreamUnavailable("bad_picture", "the picture cannot be encoded")
    return {
        "jpeg": base64.b64encode(jpeg).decode(),
        "width": width,
        "height": height,
        "fps": fps,
        "codec": codec,
    }


if __name__ == "__main__":
    code = main()
    # A decoder's threads may hang; the answer is out.
    os._exit(code)
