"""A JPEG's size from its header, before anything is decoded (ITU-T T.81, B.2.2)."""

from __future__ import annotations

# Start-of-frame markers C0–CF; C4, C8 and CC mean other things.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels; None when ``data`` is no JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _FRAME_MARKERS:
            height, width = (
                int.from_bytes(data[at + 5 : at + 7]),
                int.from_bytes(data[at + 7 : at + 9]),
            )
            return (width, height) if width and height else None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
