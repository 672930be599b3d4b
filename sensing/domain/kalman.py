"""Constant-velocity Kalman filters for many boxes at once, on real time steps.

State per box: (centre x, centre y, width, height) in px and its rate in px/s. Both centre axes
share one 2×2 covariance (position, rate) because their noises are equal, and so do both size
axes. The recursion (Bar-Shalom et al., Estimation with Applications, 2001, ch. 6.2: continuous
white-noise acceleration) is then a handful of array operations for all boxes, not an 8×8 matrix
for each.

Arrays hold one column per box: boxes and rates (4, N); covariances (6, N) as variance of position,
covariance, variance of rate, each for centre and size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Shares of the object's size (the side of the square of equal area), [centre, width and height].
_MEASURED = np.array([[0.05], [0.08]])  # standard deviation of a detector's box
_FIRST_RATE = np.array([[4.0], [0.6]])  # 1/s: what is believed of the speed of an object just seen
_DRIFT = np.array([[3.0], [0.5]])  # 1/s³: density of acceleration (braking, perspective)
_SIZE_RATE_MEMORY_S = 0.3  # a growing box must not grow for ever while its object is out of sight


def start(sizes: Floats) -> Floats:
    """Covariances (6, N) of objects of these sizes (N,) px seen for the first time."""
    covariance = np.zeros((6, len(sizes)))
    covariance[0:2] = (_MEASURED * sizes) ** 2
    covariance[4:6] = (_FIRST_RATE * sizes) ** 2
    return covariance


def predict(boxes: Floats, rates: Floats, covariance: Floats, sizes: Floats, dt_s: float) -> None:
    """Move all states on by ``dt_s`` ≥ 0 seconds, in place."""
    if dt_s <= 0.0:
        return
    boxes += rates * dt_s
    np.maximum(boxes[2:], 1.0, out=boxes[2:])
    rates[2:] *= np.exp(-dt_s / _SIZE_RATE_MEMORY_S)
    drift = _DRIFT * (sizes * sizes)
    position, mixed, rate = covariance[0:2], covariance[2:4], covariance[4:6]
    position += (2.0 * dt_s) * mixed
    position += (dt_s * dt_s) * rate
    position += (dt_s**3 / 3.0) * drift
    mixed += dt_s * rate
    mixed += (dt_s**2 / 2.0) * drift
    rate += dt_s * drift


def centre_variance(covariance: Floats, sizes: Floats) -> Floats:
    """Variance in px² of the next measured centre on either axis, (N,): state plus detector
    noise."""
    variance: Floats = covariance[0] + (_MEASURED[0] * sizes) ** 2
    return variance


def update(
    boxes: Floats,
    rates: Floats,
    covariance: Floats,
    *,
    measured: Floats,
    sizes: Floats,
    seen: NDArray[np.bool_],
) -> None:
    """Correct the states for which ``seen`` (N,) holds by their ``measured`` boxes (4, N), in
    place."""
    position, mixed, rate = covariance[0:2], covariance[2:4], covariance[4:6]
    weight = seen / (position + (_MEASURED * sizes) ** 2)
    gain = position * weight
    rate_gain = mixed * weight
    innovation = measured - boxes
    boxes += gain.repeat(2, axis=0) * innovation
    rates += rate_gain.repeat(2, axis=0) * innovation
    rate -= rate_gain * mixed
    np.subtract(1.0, gain, out=gain)
    position *= gain
    mixed *= gain
