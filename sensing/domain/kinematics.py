"""Where tracks are, how fast they go and how much their positions jitter: measured from looks at
them, for many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROWS = 11
STEP_S_ROW = 7

_VELOCITY_MEMORY_S = 0.25
_NOISE_MEMORY = 0.15  # weight of the newest residual in a track's measured jitter
_FIRST_NOISE = 0.02  # jitter believed of a new track, as a share of its size


class Kinematics:
    """The motion of N tracks at their newest looks. The attributes are views of one matrix, the
    ``block`` (``ROWS``, N), so that all of it is copied in one operation."""

    __slots__ = (
        "block", "last_step", "looks", "noise", "point", "size", "step_s", "time_s", "velocity",
    )  # fmt: skip

    def __init__(self, block: Floats) -> None:
        self.block = block
        self.point = block[0:2]  # px
        self.velocity = block[2:4]  # px/s, smoothed
        self.last_step = block[4:6]  # px/s between the two newest looks
        self.time_s = block[6]
        self.step_s = block[STEP_S_ROW]  # between the two newest looks
        self.looks = block[8]  # how many, not counting the first
        self.noise = block[9]  # variance in px² on either axis
        self.size = block[10]  # px

    def copy(self) -> Kinematics:
        return Kinematics(self.block.copy())

    def noise_px(self) -> Floats:
        """Standard deviation of the jitter, (N,)."""
        noise: Floats = np.sqrt(self.noise)
        return noise

    def begin(self, at: NDArray[np.intp], points: Floats, times_s: Floats, sizes: Floats) -> None:
        """The tracks ``at`` (n,) are seen for the first time."""
        self.point[:, at] = points
        self.time_s[at] = times_s
        self.size[at] = sizes
        self.noise[at] = (_FIRST_NOISE * sizes) ** 2

    def move(
        self, seen: Bools, points: Floats, times_s: Floats | float, sizes: Floats | float
    ) -> None:
        """One look at the tracks that are ``seen`` (N,); the others stay as they are."""
        dt_s = times_s - self.time_s
        moved = (dt_s > 1e-6) & seen
        lasted = np.where(moved, dt_s, 1.0)
        step = (points - self.point) / lasted
        again = moved & (self.looks > 0.0)
        self._measure_noise((step - self.last_step) * lasted, lasted, again)
        share = np.where(again, 1.0 - np.exp(lasted * (-1.0 / _VELOCITY_MEMORY_S)), moved)
        self.velocity += share * (step - self.velocity)
        np.copyto(self.last_step, step, where=moved)
        np.copyto(self.step_s, lasted, where=moved)
        self.looks += moved
        np.copyto(self.point, points, where=seen)
        np.copyto(self.time_s, times_s, where=seen)
        np.copyto(self.size, sizes, where=seen)

    def _measure_noise(self, residual: Floats, lasted_s: Floats, again: Bools) -> None:
        """Jitter from how far each look lies off the straight continuation of the two before it.

        For independent errors of variance σ² that residual has σ²(1 + (1+r)² + r²), r = Δt/Δt
        before.
        """
        ratio = lasted_s / self.step_s
        residual *= residual
        ratio += ratio * ratio
        ratio += 1.0
        seen = (residual[0] + residual[1]) / (4.0 * ratio)
        seen -= self.noise
        seen *= _NOISE_MEMORY
        np.add(self.noise, seen, out=self.noise, where=again)
