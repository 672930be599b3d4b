"""The transport file of a packed model: its layout, written and read, without any ONNX knowledge.

All numbers little-endian::

    magic "AIPK" · u16 version · u16 0 · u64 bytes of the model · sha256 of the model
    u64 bytes of the directory, unpacked · u64 the same, deflated · u64 bytes of the skeleton,
    unpacked · u64 the same, deflated · u64 bytes of all payloads · u32 CRC of all that follows
    directory · skeleton · payloads

The model is the skeleton with the coded arrays put back in at their places. The directory has per
array: u64 place in the model · u64 elements · u8 bytes of an element · u8 coding · u16 shared
values · the shared values · one stream (dense) or two (sparse: gaps, then values).
A stream: u64 symbols · u16 symbols of a lane · u16 code lengths · the code lengths · u32 lanes ·
u16 bits per lane; its bits are the next of the payloads.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models_registry.compression.huffman import ALPHABET, MAX_LANE, Coded

MAGIC, VERSION = b"AIPK", 1
HEADER = struct.Struct("<4sHHQ32sQQQQQI")
ARRAY = struct.Struct("<QQBBH")
STREAM, LANES = struct.Struct("<QHH"), struct.Struct("<I")
DENSE, SPARSE = 0, 1
ELEMENT_BYTES = (1, 2, 4)
MAX_MODEL_BYTES = 1 << 30
MAX_ARRAYS = 100_000
DEFLATE_LEVEL = 9


class PackInvalid(ValueError):
    """No packed model, or a damaged one. ``code`` is for programs, the message for people.

    Codes: ``not_packed``, ``version_unknown``, ``too_large``, ``truncated``, ``corrupt``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[PackInvalid], tuple[str, str]]:
        """Pickling keeps the code."""
        return PackInvalid, (self.code, self.message)


@dataclass(frozen=True, slots=True)
class CodedArray:
    """An array that lies at byte ``place`` of the model. ``streams``: one, or gaps and values."""

    place: int
    elements: int
    element_bytes: int
    coding: int
    values: bytes
    streams: tuple[Coded, ...]

    @property
    def size_bytes(self) -> int:
        """In the model."""
        return self.elements * self.element_bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """What a transport file says; ``sha256`` is the unpacked model's."""

    model_bytes: int
    sha256: bytes
    skeleton: bytes
    arrays: tuple[CodedArray, ...]


def write(model: bytes, skeleton: bytes, arrays: Sequence[CodedArray]) -> bytes:
    """The file; the same for the same arguments."""
    directory = b"".join(_described(x) for x in arrays)
    deflated = [zlib.compress(x, DEFLATE_LEVEL) for x in (directory, skeleton)]
    payloads = b"".join(stream.payload for x in arrays for stream in x.streams)
    body = b"".join([*deflated, payloads])
    header = HEADER.pack(
        MAGIC,
        VERSION,
        0,
        len(model),
        hashlib.sha256(model).digest(),
        len(directory),
        len(deflated[0]),
        len(skeleton),
        len(deflated[1]),
        len(payloads),
        zlib.crc32(body),
    )
    return header + body


def read(packed: bytes, *, max_bytes: int = MAX_MODEL_BYTES) -> Contents:
    """What is in a file whose model has at most ``max_bytes``. Raises ``PackInvalid``.

    Every size is checked against what is really there before memory is taken for it.
    """
    if packed[:4] != MAGIC:
        raise PackInvalid("not_packed", f"expected a file that begins with {MAGIC!r}")
    if len(packed) < HEADER.size:
        raise PackInvalid("truncated", f"expected {HEADER.size} bytes at least, got {len(packed)}")
    (_, version, reserved, model_bytes, sha256, *sizes, crc) = HEADER.unpack_from(packed)
    if (version, reserved) != (VERSION, 0):
        raise PackInvalid("version_unknown", f"expected version {VERSION}, got {version}")
    directory_bytes, directory_packed, skeleton_bytes, skeleton_packed, payload_bytes = sizes
    if max(model_bytes, directory_bytes, skeleton_bytes) > max_bytes:
        raise PackInvalid("too_large", f"expected at most {max_bytes} bytes, got {model_bytes}")
    body = memoryview(packed)[HEADER.size :]
    expected = directory_packed + skeleton_packed + payload_bytes
    if len(body) < expected:
        raise PackInvalid("truncated", f"expected {expected} bytes of contents, got {len(body)}")
    if len(body) > expected or zlib.crc32(body) != crc:
        raise PackInvalid("corrupt", "the contents do not have the checksum that the file states")
    directory = _inflated(body[:directory_packed], directory_bytes)
    after = directory_packed + skeleton_packed
    skeleton = _inflated(body[directory_packed:after], skeleton_bytes)
    arrays = _Reader(directory, body[after:]).arrays()
    if len(skeleton) + sum(x.size_bytes for x in arrays) != model_bytes:
        raise PackInvalid("corrupt", f"the parts do not add up to {model_bytes} bytes")
    return Contents(model_bytes, sha256, skeleton, arrays)


def _described(array: CodedArray) -> bytes:
    count = len(array.values) // array.element_bytes
    parts = [ARRAY.pack(array.place, array.elements, array.element_bytes, array.coding, count)]
    parts.append(array.values)
    for x in array.streams:
        used = np.flatnonzero(x.lengths)
        lengths = x.lengths[: int(used[-1]) + 1 if len(used) else 0]
        parts += [STREAM.pack(x.count, x.lane, len(lengths)), lengths.tobytes()]
        parts += [LANES.pack(len(x.lane_bits)), x.lane_bits.astype("<u2").tobytes()]
    return b"".join(parts)


def _inflated(deflated: memoryview, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(deflated, size + 1)  # one more shows that more would come
    except zlib.error as error:
        raise PackInvalid("corrupt", f"a deflated part cannot be read: {error}") from error
    if len(found) != size or not inflater.eof:
        raise PackInvalid("corrupt", f"expected a part of {size} bytes, got another size")
    return found


class _Reader:
    """Takes the directory apart; anything that does not fit is ``corrupt``."""

    def __init__(self, directory: bytes, payloads: memoryview) -> None:
        self._directory, self._payloads = directory, payloads
        self._at = self._payload_at = 0

    def arrays(self) -> tuple[CodedArray, ...]:
        """All of them."""
        found: list[CodedArray] = []
        while self._at < len(self._directory):
            _demand(len(found) < MAX_ARRAYS, f"more than {MAX_ARRAYS} arrays")
            found.append(self._array())
        _demand(self._payload_at == len(self._payloads), "payload is left over")
        return tuple(found)

    def _array(self) -> CodedArray:
        place, elements, width, coding, count = ARRAY.unpack(self._take(ARRAY.size))
        _demand(width in ELEMENT_BYTES and coding in (DENSE, SPARSE), "an array of unknown kind")
        _demand(0 < count <= ALPHABET, f"{count} shared values")
        values = self._take(count * width)
        streams = tuple(self._stream() for _ in range(1 + (coding == SPARSE)))
        if coding == DENSE:
            _demand(streams[0].count == elements, "an array and its stream differ in length")
        else:
            _demand(streams[0].count == streams[1].count, "as many gaps as values are expected")
            # A gap covers at most 256 places: a few bytes cannot ask for a huge array.
            _demand(elements <= (streams[0].count + 1) * ALPHABET, "gaps that span too little")
        return CodedArray(place, elements, width, coding, values, streams)

    def _stream(self) -> Coded:
        count, lane, codes = STREAM.unpack(self._take(STREAM.size))
        _demand(codes <= ALPHABET and 0 < lane <= MAX_LANE, "a stream of unknown kind")
        lengths = np.zeros(ALPHABET, np.uint8)
        lengths[:codes] = np.frombuffer(self._take(codes), np.uint8)
        (lanes,) = LANES.unpack(self._take(LANES.size))
        lane_bits = np.frombuffer(self._take(2 * lanes), "<u2").astype(np.uint16)
        size = -(-int(lane_bits.sum(dtype=np.int64)) // 8)
        _demand(size <= len(self._payloads) - self._payload_at, "a stream beyond the payload")
        _demand(count <= 8 * size, "more symbols than bits")
        payload = bytes(self._payloads[self._payload_at : self._payload_at + size])
        self._payload_at += size
        return Coded(count, lane, lengths, lane_bits, payload)

    def _take(self, size: int) -> bytes:
        _demand(size <= len(self._directory) - self._at, "the directory ends early")
        self._at += size
        return self._directory[self._at - size : self._at]


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PackInvalid("corrupt", f"the directory holds {otherwise}")
