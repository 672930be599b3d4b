"""Constant-velocity Kalman filters for many boxes at once, on real time steps.

State per box: (centre x, centre y, width, height) in px and its rate in px/s. Both centre axes
share one 2×2 covariance (position, rate) because their noises are equal, and so do both size
axes. The recursion (Bar-Shalom et al., Estimation with Applications, 2001, ch. 6.2: continuous
white-noise acceleration) is then one small matrix for all boxes, not an 8×8 matrix for each.

States are one matrix (``ROWS``, N), a column per box: box 0–3, rate 4–7, then for centre and size
each the variance of position 8–9, the covariance of position and rate 10–11, the variance of rate
12–13, and last the object's area in px² when it was last seen, on which all noises depend.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS = 15
AREA = 14

# Squares of shares of the object's size (the side of the square of equal area), [centre, width and
# height].
_MEASURED = np.array([[0.05**2], [0.08**2]])  # of a detector's box
_FIRST_RATE = np.array([[4.0**2], [0.6**2]])  # 1/s: what is believed of the speed at first
_DRIFT = np.array([3.0, 0.5])  # 1/s³: density of acceleration (braking, perspective)
_SIZE_RATE_MEMORY_S = 0.3  # a growing box must not grow for ever while its object is out of sight


def start(boxes: Floats) -> Floats:
    """States (``ROWS``, N) of objects seen for the first time, as boxes (4, N)."""
    states = np.zeros((ROWS, boxes.shape[1]))
    states[0:4] = boxes
    area = states[AREA] = boxes[2] * boxes[3]
    states[8:10] = _MEASURED * area
    states[12:14] = _FIRST_RATE * area
    return states


def predict(states: Floats, dt_s: float) -> None:
    """Move all states on by ``dt_s`` ≥ 0 seconds, in place."""
    if dt_s <= 0.0:
        return
    states[:AREA] = _transition(dt_s) @ states
    np.maximum(states[2:4], 1.0, out=states[2:4])


def _transition(dt_s: float) -> Floats:
    """The step as a matrix (``AREA``, ``ROWS``): every row after it is a sum of rows before it."""
    powers = np.array([1.0, dt_s, dt_s**2, dt_s**3, math.exp(-dt_s / _SIZE_RATE_MEMORY_S)])
    return (powers @ _TERMS).reshape(AREA, ROWS)


def _terms() -> Floats:
    """What each of the powers in ``_transition`` is multiplied with: (5, ``AREA`` × ``ROWS``)."""
    position, mixed, rate = np.arange(8, 10), np.arange(10, 12), np.arange(12, 14)
    terms = np.zeros((5, AREA, ROWS))
    terms[0] = np.eye(AREA, ROWS)
    terms[0, [6, 7], [6, 7]] = 0.0
    terms[4, [6, 7], [6, 7]] = 1.0
    terms[1, range(4), range(4, 8)] = terms[1, mixed, rate] = terms[2, position, rate] = 1.0
    terms[1, position, mixed] = 2.0
    terms[1, rate, AREA] = _DRIFT
    terms[2, mixed, AREA] = _DRIFT / 2.0
    terms[3, position, AREA] = _DRIFT / 3.0
    return terms.reshape(5, -1)


_TERMS = _terms()


def centre_variance(states: Floats) -> Floats:
    """Variance in px² of the next measured centre on either axis, (N,): state plus detector
    noise."""
    variance: Floats = _MEASURED[0] * states[AREA]
    variance += states[8]
    return variance


def update(states: Floats, measured: Floats, seen: NDArray[np.bool_]) -> None:
    """Correct the states for which ``seen`` (N,) holds by their ``measured`` boxes (4, N), in
    place. The area is the caller's: it may know better."""
    covariance = states[8:AREA].reshape(3, 2, -1)
    position, mixed, rate = covariance
    gains = covariance[:2] * (seen / (position + _MEASURED * states[AREA]))
    innovation = (measured - states[:4]).reshape(2, 2, -1)
    corrected = states[:8].reshape(2, 2, 2, -1)  # box and rate, centre and size, two axes
    corrected += gains[:, :, None] * innovation
    rate -= gains[1] * mixed
    covariance[:2] *= 1.0 - gains[0]
