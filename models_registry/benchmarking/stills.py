"""Pictures for measuring: given as JPEG or PNG, or drawn when none are at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.errors import MeasurementFailed

Frame = NDArray[np.uint8]
MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 50_000_000  # 150 MB once decoded; a still of an 8K camera has 33 million
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
# Markers of a JPEG that begin a frame and so tell its size; the gaps are tables and arithmetic.
_FRAME_MARKERS = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC)}) | {
    0xCD,
    0xCE,
    0xCF,
}


def decode_still(content: bytes, name: str = "picture") -> Frame:
    """JPEG or PNG bytes → BGR (H, W, 3), turned upright as its EXIF says.

    Raises ``MeasurementFailed`` (``still_unreadable``). Its size is read from the header first, so
    that a small file cannot ask for gigabytes.
    """
    size = stated_size(content)
    if len(content) > MAX_BYTES or size is None:
        raise MeasurementFailed(
            "still_unreadable",
            f"{name}: expected a JPEG or PNG of at most {MAX_BYTES} bytes, got {_kind(content)}",
        )
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise MeasurementFailed(
            "still_unreadable",
            f"{name}: expected at most {MAX_PIXELS} pixels, got {size[0]}×{size[1]}",
        )
    try:
        frame = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        frame = None
    # Of a JPEG that is cut off OpenCV makes a picture that is grey from there on.
    cut = content.startswith(JPEG) and content.rfind(_END) < content.rfind(_SCAN)
    if frame is None or cut:
        raise MeasurementFailed(
            "still_unreadable", f"{name}: expected a whole picture, its pixels cannot be decoded"
        )
    return np.asarray(frame, np.uint8)


def read_still(path: Path) -> Frame:
    """As ``decode_still``, from a file."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MeasurementFailed(
            "still_unreadable", f"cannot read {path.name}: {error.strerror}"
        ) from error
    return decode_still(content, path.name)


def suffix(content: bytes) -> str:
    """``.jpg``, ``.png`` or, for anything else, empty."""
    if content.startswith(JPEG):
        return ".jpg"
    return ".png" if content.startswith(PNG) else ""


def stated_size(content: bytes) -> tuple[int, int] | None:
    """(width, height) from the header of a JPEG or PNG; ``None`` if it has none."""
    if content.startswith(PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if not content.startswith(JPEG):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAME_MARKERS:
            height, width = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return int.from_bytes(width), int.from_bytes(height)
        if marker == 0xFF:  # padding
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # no length follows
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def drawn_stills(
    count: int = 8, width: int = 1280, height: int = 720, seed: int = 0
) -> list[Frame]:
    """Blocks of colour on a gradient with grain: nothing to find, but as costly to prepare as a
    camera's picture."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 180, height, dtype=np.float32)[:, None, None]
    frames = []
    for _ in range(count):
        frame = ramp + rng.normal(0.0, 6.0, (height, width, 3)).astype(np.float32)
        picture = np.clip(frame, 0, 255).astype(np.uint8)
        for _ in range(12):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            far = (x + int(rng.integers(20, 200)), y + int(rng.integers(20, 120)))
            colour = [int(value) for value in rng.integers(0, 255, 3)]
            cv2.rectangle(picture, (x, y), far, colour, -1)
        frames.append(picture)
    return frames


def digest(content: bytes) -> str:
    """The name that a picture is stored under."""
    return hashlib.sha256(content).hexdigest()


def _kind(content: bytes) -> str:
    return f"{len(content)} bytes that begin with {content[:8]!r}"
