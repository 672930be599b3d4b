"""Shared values: few, near, exact where few suffice, zeros kept."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.compression.clustering import shared_values

NORMAL = np.random.default_rng(2).normal(0, 0.1, 20_000).astype(np.float32)


@pytest.mark.parametrize("count", [2, 3, 16, 256])
def test_there_are_no_more_values_than_asked_for_and_each_weight_gets_the_nearest(
    count: int,
) -> None:
    shared = shared_values(NORMAL, count)
    assert len(shared.values) <= count
    distance = np.abs(NORMAL[:, None].astype(float) - shared.values.astype(float))
    got = np.abs(NORMAL - shared.weights())
    np.testing.assert_allclose(got, distance.min(axis=1), atol=1e-7)


def test_values_sit_at_the_mean_of_their_weights() -> None:
    shared = shared_values(NORMAL, 8)
    means = [NORMAL[shared.index == i].mean(dtype=float) for i in range(8)]
    np.testing.assert_allclose(shared.values, means, rtol=2e-3)


def test_16_shared_values_lose_less_than_16_even_steps() -> None:
    low, high = NORMAL.min(), NORMAL.max()
    even = low + np.round((NORMAL - low) / (high - low) * 15) / 15 * (high - low)
    lost = ((NORMAL - shared_values(NORMAL, 16).weights()) ** 2).sum()
    assert lost < 0.6 * ((NORMAL - even) ** 2).sum()


def test_weights_with_few_values_keep_them_so_that_clustering_twice_changes_nothing() -> None:
    once = shared_values(NORMAL, 32).weights()
    np.testing.assert_array_equal(shared_values(once, 32).weights(), once)


def test_zeros_stay_zero_and_nothing_else_becomes_zero() -> None:
    sparse = np.where(np.abs(NORMAL) < 0.15, np.float32(0), NORMAL)
    shared = shared_values(sparse, 8, keep_zero=True)
    np.testing.assert_array_equal(shared.weights() == 0, sparse == 0)
    assert len(shared.values) <= 8


@pytest.mark.parametrize("weights", [np.zeros(5, np.float32), np.array([-0.0, 1], np.float16)])
def test_constant_and_half_precision_weights_work(weights: np.ndarray) -> None:
    shared = shared_values(weights, 4)
    np.testing.assert_array_equal(shared.weights(), weights)
    assert shared.values.dtype == weights.dtype


@pytest.mark.parametrize("count", [0, 1, 257])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="2–256"):
        shared_values(NORMAL, count)
