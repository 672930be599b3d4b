"""Whether a camera moved, on a scene with texture, moving things and changing light."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.domain.drift import compare_stills

Floats = NDArray[np.float64]


def smooth(noise: Floats, times: int) -> Floats:
    for _ in range(times):
        for axis in (0, 1):
            noise = (np.roll(noise, 1, axis) + noise + np.roll(noise, -1, axis)) / 3
    return noise


def wide_scene(seed: int = 1) -> Floats:
    """Larger than a still, so that a camera can look elsewhere: coarse shapes and fine texture."""
    rng = np.random.default_rng(seed)
    shape = (460, 760)
    coarse, fine = smooth(rng.normal(size=shape), 12), smooth(rng.normal(size=shape), 1)
    grey = 110 + 25 * coarse / coarse.std() + 10 * fine / fine.std()
    for _ in range(40):  # edges such as buildings and kerbs have
        y, x = rng.integers(0, shape[0] - 60), rng.integers(0, shape[1] - 60)
        grey[y : y + rng.integers(15, 60), x : x + rng.integers(15, 60)] += rng.normal(0, 35)
    return np.clip(grey, 0, 255)


SCENE = wide_scene()


def still(x: int = 0, y: int = 0, seed: int = 3) -> Floats:
    """640×360 of the scene, with a camera's noise."""
    rng = np.random.default_rng(seed)
    part = SCENE[50 + y : 410 + y, 60 + x : 700 + x]
    return np.clip(part + rng.normal(0, 3, part.shape), 0, 255)


def with_traffic(picture: Floats, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    busy = picture.copy()
    for _ in range(9):
        y, x = rng.integers(0, 300), rng.integers(0, 560)
        busy[y : y + 50, x : x + 80] = rng.uniform(10, 245) + rng.normal(0, 20, (50, 80))
    return np.clip(busy, 0, 255)


def lit(picture: Floats, gain: float, offset: float) -> Floats:
    """Another time of day: brighter or darker, and brighter on one side."""
    slope = np.linspace(0.8, 1.2, picture.shape[1])
    return np.clip(gain * picture * slope + offset, 0, 255)


@pytest.mark.parametrize(
    "now",
    [
        still(seed=4),
        with_traffic(still(seed=4), 5),
        lit(still(seed=4), 0.45, 5),
        lit(with_traffic(still(seed=4), 6), 1.3, -10),
    ],
    ids=["noise", "traffic", "dusk", "traffic and sun"],
)
def test_traffic_and_light_are_no_movement(now: Floats) -> None:
    drift = compare_stills(with_traffic(still(), 9), now)
    assert drift.verdict == "unmoved", drift
    assert drift.distance_px < 0.7


@pytest.mark.parametrize(("x", "y"), [(6, 0), (0, -8), (25, 14), (-18, 9)])
def test_a_moved_camera_is_noticed_and_measured(x: int, y: int) -> None:
    drift = compare_stills(with_traffic(still(), 9), lit(with_traffic(still(x, y, 4), 5), 0.7, 9))
    assert drift.verdict == "moved"
    # What the camera looks at moves the other way in the picture.
    assert drift.shift_px == pytest.approx((-x, -y), abs=0.8)


def test_a_zoom_moves_the_edges_of_the_picture() -> None:
    rows, columns = np.arange(12, 348), np.arange(20, 620)
    near = still()[np.ix_(rows, columns)]
    grown = near[
        np.ix_(
            np.linspace(0, 335, 360).round().astype(int),
            np.linspace(0, 599, 640).round().astype(int),
        )
    ]
    drift = compare_stills(still(seed=4), grown)
    assert drift.verdict in ("moved", "unsure")
    assert drift.verdict == "unsure" or drift.spread_px > 3


@pytest.mark.parametrize(
    "now", [np.full((360, 640), 90.0), wide_scene(8)[:360, :640]], ids=["covered", "another place"]
)
def test_what_cannot_be_told_is_unsure(now: Floats) -> None:
    drift = compare_stills(still(), now)
    assert drift.verdict == "unsure"
    assert drift.reason


def test_stills_of_another_size_are_compared_in_the_newer_ones_pixels() -> None:
    twice = np.kron(still(10, 0, 4), np.ones((2, 2)))
    drift = compare_stills(still(), np.repeat(twice[:, :, None], 3, axis=2))
    assert drift.verdict == "moved"
    assert drift.shift_px == pytest.approx((-20, 0), abs=2)


def test_what_is_no_still_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        compare_stills(still(), still()[:, :300])
    with pytest.raises(ValueError, match="32"):
        compare_stills(still(), np.zeros((4, 4)))
