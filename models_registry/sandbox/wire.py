"""Values and frames between parent and child: JSON with bytes beside it, never pickles.

A pickle from a child that an attacker has taken over would run the attacker's code in the parent.
"""

from __future__ import annotations

import json
import re
import struct
from typing import Any

JSON_BYTES = 16 * 1024 * 1024  # parsed JSON takes up to thirty times its text
BLOB_KEY = "$bytes"
PROGRESS, RESULT, FAILURE = b"P", b"R", b"F"
HEADER = struct.Struct(">cQ")
_LENGTH = struct.Struct(">Q")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FOLDERS = re.compile(r"(?<![\w.])(?:/[^\s/:'\"]+)+/")
WORDS_CHARS = 2000


class WireError(ValueError):
    """What came is not what the other side may send."""


def encode(value: Any) -> bytes:
    """JSON-able values with ``bytes`` among them, as bytes. Raises ``WireError``."""
    blobs: list[bytes] = []

    def plain(item: Any) -> Any:
        if isinstance(item, bytes | bytearray | memoryview):
            blobs.append(bytes(item))
            return {BLOB_KEY: len(blobs) - 1}
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str) or key == BLOB_KEY:
                    raise WireError(f"expected text other than {BLOB_KEY!r} as key, got {key!r}")
            return {key: plain(x) for key, x in item.items()}
        return [plain(x) for x in item] if isinstance(item, list | tuple) else item

    try:
        text = json.dumps(plain(value), separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"expected JSON values and bytes, got {error}") from error
    if len(text) > JSON_BYTES:
        raise WireError(f"expected a document of at most {JSON_BYTES} bytes, got {len(text)}")
    parts = [_LENGTH.pack(len(text)), text]
    for blob in blobs:
        parts += [_LENGTH.pack(len(blob)), blob]
    return b"".join(parts)


def decode(content: bytes) -> Any:
    """The value that ``encode`` wrote. Raises ``WireError`` for anything else."""
    pieces = _pieces(memoryview(content))
    if not pieces or len(pieces[0]) > JSON_BYTES:
        raise WireError(f"expected a document of at most {JSON_BYTES} bytes")

    def bytes_again(item: dict[str, Any]) -> Any:
        if BLOB_KEY not in item:
            return item
        index = item[BLOB_KEY]
        if type(index) is not int or len(item) != 1 or not 0 <= index < len(pieces) - 1:
            raise WireError("expected the number of one of the byte strings sent")
        return bytes(pieces[index + 1])

    try:
        return json.loads(bytes(pieces[0]), object_hook=bytes_again)
    except (ValueError, RecursionError) as error:
        raise WireError(f"expected JSON, got {error}") from error


def _pieces(content: memoryview) -> list[memoryview]:
    pieces, at = [], 0
    while at < len(content):
        if len(content) - at < _LENGTH.size:
            raise WireError("expected a length, got the end")
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if length > len(content) - at:
            raise WireError(f"expected {length} bytes, got {len(content) - at}")
        pieces.append(content[at : at + length])
        at += length
    return pieces


def words(value: object) -> str:
    """Text of the child, fit to be shown and stored: bounded, printable."""
    text = str(value)[: WORDS_CHARS + 1]
    text = "".join(x if x.isprintable() or x == "\n" else "\N{REPLACEMENT CHARACTER}" for x in text)
    return text if len(text) <= WORDS_CHARS else text[:WORDS_CHARS] + "…"


def without_folders(text: str) -> str:
    """Paths cut to their last part: where things lie on this machine is nobody's business."""
    return _FOLDERS.sub("", text)


def code_or(value: object, otherwise: str) -> str:
    """``value`` if it can be an error's code."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else otherwise
