"""Huffman codes: exact, short, canonical, and safe against forged tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.compression.huffman import (
    MAX_BITS,
    HuffmanInvalid,
    canonical_codes,
    code_lengths,
    decode,
    encode,
    lane_length,
)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=700))
def test_any_bytes_come_back(data: bytes) -> None:
    symbols = np.frombuffer(data, np.uint8)
    assert decode(encode(symbols)).tobytes() == data


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 20_000, 300_001])
def test_whole_and_broken_lanes_come_back(count: int) -> None:
    symbols = np.random.default_rng(count).geometric(0.2, count).clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(decode(encode(symbols)), symbols)


def test_codes_are_as_short_as_the_distribution_allows() -> None:
    counts = np.array([1 << (14 - i) for i in range(14)] + [1, 1])  # dyadic: entropy is reached
    symbols = np.repeat(np.arange(16), counts).astype(np.uint8)
    entropy = -(counts / counts.sum() * np.log2(counts / counts.sum())).sum()
    bits = 8 * len(encode(symbols).payload)
    assert 0 <= bits - entropy * len(symbols) < 8


def test_no_code_is_longer_than_the_limit_even_for_fibonacci_counts() -> None:
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    lengths = code_lengths(np.array(counts))
    assert lengths.max() <= MAX_BITS
    assert np.exp2(-lengths.astype(float)).sum() <= 1


def test_codes_are_canonical_and_none_begins_another() -> None:
    lengths = np.array([2, 1, 0, 3, 3], np.uint8)
    assert canonical_codes(lengths).tolist() == [0b10, 0b0, 0, 0b110, 0b111]


def test_a_single_symbol_takes_one_bit_each() -> None:
    coded = encode(np.full(800, 7, np.uint8))
    assert (len(coded.payload), coded.lengths[7]) == (100, 1)


def test_lanes_grow_with_the_array_and_their_bits_fit_16_bits() -> None:
    assert [lane_length(n) for n in (10, 10_000, 10**9)] == [64, 200, 4095]
    assert 4095 * MAX_BITS < 1 << 16


GOOD = encode(np.random.default_rng(1).integers(0, 20, 500).astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"count": 10**12}, "differ in size"),
        ({"lane": 0}, "lanes of"),
        ({"lane": 70_000}, "lanes of"),
        ({"payload": GOOD.payload[:-1]}, "differ in size"),
        ({"lane_bits": GOOD.lane_bits[:-1]}, "differ in size"),
        ({"lengths": np.ones(256, np.uint8)}, "no code"),
        ({"lengths": np.full(256, 17, np.uint8)}, "no code"),
        ({"lengths": np.zeros(256, np.uint8)}, "more symbols"),
        ({"lengths": np.roll(GOOD.lengths, 1) * 0 + 8}, "does not end"),
    ],
)
def test_forged_streams_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(HuffmanInvalid, match=words):
        decode(replace(GOOD, **change))
