"""Huffman coding of bytes with canonical codes, decoded many places at a time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALPHABET = 256
MAX_BITS = 16
# A lane's bits must fit 16 bits: 4095 symbols of at most 16 bits do.
MIN_LANE, MAX_LANE = 64, 4095
CHUNK_LANES = 256
WINDOW_BITS = 24

Symbols = NDArray[np.uint8]


class HuffmanInvalid(ValueError):
    """Coded symbols that no encoder wrote."""


@dataclass(frozen=True, slots=True)
class Coded:
    """``count`` symbols, cut into lanes of ``lane`` symbols each so that lanes decode side by side.

    ``lengths``: bits of each symbol's code, 0 for symbols that do not occur. ``lane_bits``: bits of
    each lane; lanes follow each other without a gap, most significant bit first.
    """

    count: int
    lane: int
    lengths: NDArray[np.uint8]
    lane_bits: NDArray[np.uint16]
    payload: bytes


def encode(symbols: Symbols) -> Coded:
    """Coded symbols (N,)."""
    lengths = code_lengths(np.bincount(symbols, minlength=ALPHABET))
    codes = canonical_codes(lengths)
    lane = lane_length(len(symbols))
    bits_each = lengths.astype(np.int64)[symbols]
    firsts = np.arange(0, len(symbols), lane)
    lane_bits = np.add.reduceat(bits_each, firsts) if len(symbols) else bits_each
    parts, carried = [], np.zeros(0, np.uint8)
    for at in range(0, len(symbols), lane * CHUNK_LANES):
        bits = _bits(symbols[at : at + lane * CHUNK_LANES], codes, lengths)
        bits = np.concatenate([carried, bits])
        whole = len(bits) - len(bits) % 8
        parts.append(np.packbits(bits[:whole]).tobytes())
        carried = bits[whole:]
    parts.append(np.packbits(carried).tobytes())
    return Coded(len(symbols), lane, lengths, lane_bits.astype(np.uint16), b"".join(parts))


def decode(coded: Coded) -> Symbols:
    """The symbols again. Raises ``HuffmanInvalid``; memory stays a small multiple of the payload
    and of ``count``, and ``count`` is at most eight times the payload."""
    _check(coded)
    if not coded.count:
        return np.zeros(0, np.uint8)
    bits = int(coded.lengths.max())
    table = _table(coded.lengths, bits)
    windows = _windows(coded.payload, 2 * coded.lane + 3)
    ends = np.cumsum(coded.lane_bits, dtype=np.int64)
    position = ends - coded.lane_bits
    lanes, shift = len(ends), WINDOW_BITS - bits
    in_last = coded.count - (lanes - 1) * coded.lane
    found = np.empty((coded.lane, lanes), np.uint8)
    for step in range(min(coded.lane, coded.count)):
        active = lanes if step < in_last else lanes - 1  # only the last lane may be shorter
        at = position[:active]
        seen = windows[at >> 3] >> (shift - (at & 7)).astype(np.uint32)
        entry = table[seen & np.uint32((1 << bits) - 1)]
        found[step, :active] = entry >> 8
        at += entry & 0xFF
    if not np.array_equal(position, ends):
        raise HuffmanInvalid("a lane does not end where the next begins")
    return np.ascontiguousarray(found.T).reshape(-1)[: coded.count]


def lane_length(count: int) -> int:
    """Symbols per lane: few lanes cost bits, long lanes cost time."""
    return int(np.clip(2 * np.sqrt(count), MIN_LANE, MAX_LANE))


def code_lengths(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bits per symbol for how often each occurs, none longer than ``MAX_BITS``."""
    counts = np.asarray(counts, np.int64)
    lengths = np.zeros(len(counts), np.uint8)
    present = np.flatnonzero(counts)
    if len(present) == 1:
        lengths[present] = 1
    if len(present) < 2:
        return lengths
    weights = counts[present]
    while (depths := _depths(weights.tolist())).max() > MAX_BITS:
        weights = weights // 2 + 1  # flatter counts make flatter trees
    lengths[present] = depths
    return lengths


def canonical_codes(lengths: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Codes told by their lengths alone: shorter first, then by symbol."""
    codes = np.zeros(len(lengths), np.uint32)
    code, before = 0, 0
    for symbol in _ordered(lengths):
        bits = int(lengths[symbol])
        code <<= bits - before
        codes[symbol] = code
        code, before = code + 1, bits
    return codes


def _depths(weights: list[int]) -> NDArray[np.int64]:
    heap: list[tuple[int, int]] = [(w, i) for i, w in enumerate(weights)]
    heapq.heapify(heap)
    parent: dict[int, int] = {}
    node = len(weights)
    while len(heap) > 1:
        (first, a), (second, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a] = parent[b] = node
        heapq.heappush(heap, (first + second, node))
        node += 1
    depth = {node - 1: 0}
    for child in range(node - 2, -1, -1):  # parents were made after their children
        depth[child] = depth[parent[child]] + 1
    return np.array([depth[i] for i in range(len(weights))])


def _ordered(lengths: NDArray[np.uint8]) -> NDArray[np.int64]:
    used = np.flatnonzero(lengths)
    return used[np.argsort(lengths[used], kind="stable")]


def _bits(symbols: Symbols, codes: NDArray[np.uint32], lengths: NDArray[np.uint8]) -> Symbols:
    """One byte per bit."""
    each, code = lengths[symbols].astype(np.int64), codes[symbols]
    starts = np.cumsum(each) - each
    bits = np.zeros(int(each.sum()), np.uint8)
    for place in range(int(lengths.max())):
        long = np.flatnonzero(each > place)
        bits[starts[long] + place] = (code[long] >> (each[long] - 1 - place).astype(np.uint32)) & 1
    return bits


def _check(coded: Coded) -> None:
    lengths, lanes = coded.lengths, -(-coded.count // max(coded.lane, 1))
    kraft = (np.exp2(-lengths[lengths > 0].astype(np.float64))).sum()
    total = int(coded.lane_bits.sum(dtype=np.int64))
    if not (0 < coded.lane <= MAX_LANE and coded.count >= 0):
        raise HuffmanInvalid(f"expected lanes of 1–{MAX_LANE} symbols, got {coded.lane}")
    if len(lengths) > ALPHABET or (len(lengths) and lengths.max() > MAX_BITS) or kraft > 1:
        raise HuffmanInvalid("the code lengths are those of no code")
    if lanes != len(coded.lane_bits) or -(-total // 8) != len(coded.payload):
        raise HuffmanInvalid("lanes and payload differ in size")
    if total < coded.count or (coded.count and not lengths.any()):
        raise HuffmanInvalid("more symbols are declared than bits are there")


def _table(lengths: NDArray[np.uint8], bits: int) -> NDArray[np.uint32]:
    """What the next ``bits`` bits begin with: symbol · 256 + its length."""
    ordered = _ordered(lengths)
    entries = ordered.astype(np.uint32) << 8 | lengths[ordered]
    repeats = 1 << (bits - lengths[ordered].astype(np.int64))
    table = np.zeros(1 << bits, np.uint32)  # length 0 where no code begins: a lane gets stuck
    filled = np.repeat(entries, repeats)
    table[: len(filled)] = filled
    return table


def _windows(payload: bytes, spare: int) -> NDArray[np.uint32]:
    """The 24 bits from each byte on; ``spare`` zero bytes so that no lane can run beyond."""
    data: NDArray[Any] = np.frombuffer(payload + bytes(spare), np.uint8).astype(np.uint32)
    windows: NDArray[np.uint32] = data[:-2] << 16 | data[1:-1] << 8 | data[2:]
    return windows
