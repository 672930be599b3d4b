"""Speeds: a weighted straight-line fit of road positions over the frames' own time.

Each look at a track gives a point of the picture with the same error in px, which on the road is
decimetres near the camera and metres far from it; weighted with that error, the fit is the most
likely constant velocity (Gauss–Markov), and its standard error the least possible (Cramér–Rao). No
frame rate is assumed: frames that never came make a longer step, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensing.domain.geometry import Floats
from sensing.domain.homography import RoadPlane
from sensing.domain.scene import Anchor

ROWS = 23
"""Numbers that a fit needs of a track, whatever its length; see ``Sums``."""
_WIDEST_MPS = 100.0  # a prior so wide that no vehicle feels it keeps every system solvable
_ACCELERATES = 20.0  # gain in χ² from which a steady acceleration is believed (p < 5·10⁻⁵)
_LEAST_LOOKS = 8  # for an acceleration

Refusal = Literal["unknown_track", "few_samples", "uncertain", "standing"]


@dataclass(frozen=True)
class SpeedParameters:
    """Raises ``ValueError`` for nonsense."""

    box_noise_px: float = 1.5  # of a box edge, until the track has shown its own
    least_samples: int = 3
    max_relative_error: float = 0.1  # of all errors together, over the speed
    memory_s: float = 30.0  # what is older than this hardly counts
    edge_px: float = 8.0  # a box this near the picture's edge is cut, and its foot not seen
    allow_acceleration: bool = True
    anchor_height_error_m: float = 0.05  # by which a vehicle's lowest edge differs from its class's

    def __post_init__(self) -> None:
        if self.least_samples < 3:
            raise ValueError(f"expected least_samples of at least 3, got {self.least_samples}")
        for name in ("box_noise_px", "max_relative_error", "memory_s"):
            value = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise ValueError(f"expected {name} above 0, got {value}")
        if not 0.0 <= self.edge_px < float("inf"):
            raise ValueError(f"expected edge_px of at least 0, got {self.edge_px}")


@dataclass(frozen=True, slots=True)
class SpeedSample:
    """The speed of one track through the calibrated road.

    ``standard_error_mps``: from the jitter of its boxes and from how its body may differ from
    others of its class; ``calibration_error_mps``: from the
    calibration, the same for all who drive there, so no average takes it away. ``samples`` looks
    over ``span_s`` seconds and ``span_m`` metres; ``heading_rad``: direction of travel from road x
    towards y; ``acceleration_mps2``: 0 where a constant speed explains the track.
    """

    speed_mps: float
    standard_error_mps: float
    calibration_error_mps: float
    samples: int
    span_m: float
    span_s: float
    heading_rad: float
    acceleration_mps2: float = 0.0

    @property
    def total_error_mps(self) -> float:
        return float(np.hypot(self.standard_error_mps, self.calibration_error_mps))


@dataclass(frozen=True, slots=True)
class SpeedRefused:
    """No speed, and why."""

    reason: Refusal


def edge_variances(anchor: Anchor) -> tuple[float, float]:
    """Variance of an anchor's x and y for box edges of variance 1: the mean of two has half."""
    return (0.5, 1.0) if anchor == "bottom" else (0.5, 0.5)


class Sums:
    """Weighted sums of N tracks, views of (23, N): all that a fit of up to constant acceleration
    needs. For looks at time t with position z and information W (2×2): Σ W·tᵏ for k = 0–4 (xx, xy,
    yy each), Σ W·z·tᵏ for k = 0–2, Σ zᵀ·W·z, and how many looks are in them."""

    def __init__(self, data: Floats) -> None:
        self.data = data
        self.weight = data[:15].reshape(5, 3, -1)
        self.place = data[15:21].reshape(3, 2, -1)
        self.square = data[21]
        self.count = data[22]

    def add(self, information: Floats, informed: Floats, square: Floats, t: Floats) -> None:
        """Take in a look each: ``information`` (3, N), W·z (2, N), zᵀWz (N,), time t (N,). Who has
        none brings zeros."""
        powers = np.ones((5, len(t)))
        for k in range(1, 5):
            np.multiply(powers[k - 1], t, out=powers[k])
        self.weight += information[None] * powers[:, None]
        self.place += informed[None] * powers[:3, None]
        self.square += square
        self.count += information[0] > 0.0

    def shift(self, by_s: Floats) -> None:
        """Count time from a moment ``by_s`` (N,) later."""
        factors = _BINOMIAL[:, :, None] * (-by_s) ** _DIFFERENCE[:, :, None]
        for moments in (self.weight, self.place):
            k = len(moments)
            moments[:] = np.einsum("kjn,jcn->kcn", factors[:k, :k], moments)

    def matrix(self, order: int) -> Floats:
        """Left side of the normal equations of a motion with ``order`` terms a direction (2:
        constant speed, 3: constant acceleration): (N, 2·order, 2·order)."""
        return np.moveaxis(self.data[_ENTRIES[order]], 2, 0)

    def known(self, order: int) -> Floats:
        """Their right side: (N, 2·order), a view."""
        return self.data[15 : 15 + 2 * order].T


_DIFFERENCE = np.maximum(np.arange(5)[:, None] - np.arange(5), 0)
_BINOMIAL = np.array(
    [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 2, 1, 0, 0], [1, 3, 3, 1, 0], [1, 4, 6, 4, 1]], float
)
# The row of the sums for each entry: term 2·i + a meets term 2·j + b in Σ W[a, b]·tⁱ⁺ʲ.
_ENTRIES = {
    order: np.array(
        [
            [(row // 2 + column // 2) * 3 + row % 2 + column % 2 for column in range(2 * order)]
            for row in range(2 * order)
        ]
    )
    for order in (2, 3)
}


def solve(sums: Sums, order: int = 2) -> tuple[Floats, Floats]:
    """(N, 2·order) motion x, y, vx, vy(, ax/2, ay/2) at t = 0, and its covariance for looks of
    variance 1."""
    matrix = sums.matrix(order)
    diagonal = np.arange(2 * order)
    prior = np.full(2 * order, 1.0 / _WIDEST_MPS**2)
    prior[:2] = 1e-9
    matrix[:, diagonal, diagonal] += prior
    # In units of its own diagonal, and with a trace more of it, no such matrix is singular.
    unit = 1.0 / np.sqrt(matrix[:, diagonal, diagonal])
    matrix *= unit[:, :, None] * unit[:, None, :]
    matrix[:, diagonal, diagonal] += 1e-13
    covariance = np.asarray(np.linalg.inv(matrix), np.float64)
    covariance *= unit[:, :, None] * unit[:, None, :]
    motion: Floats = (covariance @ sums.known(order)[..., None])[..., 0]
    return motion, covariance


def velocities(sums: Sums) -> Floats:
    """(N, 4) motion x, y, vx, vy at t = 0 as of ``solve``, without its covariance: half the
    work."""
    matrix, known = sums.matrix(2), sums.known(2)
    matrix[:, [0, 1, 2, 3], [0, 1, 2, 3]] += _PRIOR
    try:
        return np.asarray(np.linalg.solve(matrix, known[..., None])[..., 0], np.float64)
    except np.linalg.LinAlgError:
        return solve(sums)[0]


_PRIOR = np.array([1e-9, 1e-9, 1.0 / _WIDEST_MPS**2, 1.0 / _WIDEST_MPS**2])


def explained(sums: Sums, variance: Floats) -> NDArray[np.bool_]:
    """(N,) whether some constant acceleration explains looks of this variance (N,)."""
    curved = solve(sums, 3)[0]
    left = sums.square - np.einsum("ni,ni->n", curved, sums.known(3))
    freedom = np.maximum(2.0 * sums.count - 6.0, 1.0)
    small: NDArray[np.bool_] = left < 4.0 * variance * freedom
    return small


def information_at(
    plane: RoadPlane, image_px: Floats, variances: tuple[float, float]
) -> tuple[Floats, Floats]:
    """(3, N) information (xx, xy, yy) on the road of looks at pixels (2, N), and (2, 2, N) px per
    metre: row = picture axis, column = road axis."""
    to_px, inverse_depth = plane.to_px, plane.to_m[2, :2] @ image_px + plane.to_m[2, 2]
    slope = to_px[:2, :2, None] - image_px[:, None] * to_px[2, :2][None, :, None]
    slope *= inverse_depth
    (a, b), (c, d) = slope
    p, q = 1.0 / variances[0], 1.0 / variances[1]
    information: Floats = np.stack(
        [p * a * a + q * c * c, p * a * b + q * c * d, p * b * b + q * d * d]
    )
    return information, slope


@dataclass(frozen=True, eq=False)
class Motion:
    """A track's motion at one moment: ``velocity`` (2,) m/s with its ``covariance`` (2, 2), where
    it ``began`` and ``ended`` (2,) m, and the two ``pivots`` (2, 2) m, a column each, on which the
    velocity rests: looks at these alone would have given it."""

    velocity: Floats
    covariance: Floats
    acceleration: Floats
    began: Floats
    ended: Floats
    pivots: Floats


def read_motion(
    sums: Sums,
    span: tuple[float, float],
    at_t: float,
    looks: float,
    variance: float,
    *,
    accelerating: bool = True,
) -> Motion:
    """The motion of one track (N = 1) between two times ``span``, at ``at_t``, on the clock of its
    sums. ``variance``: of a look, px². An acceleration is used where it explains the track
    significantly better than a constant speed."""
    middle = 0.5 * (span[0] + span[1])
    centred = Sums(sums.data.copy())
    centred.shift(np.array([middle]))
    motion, covariance = solve(centred)
    bend = np.zeros(2)
    t = at_t - middle
    if accelerating and looks >= _LEAST_LOOKS:
        bent, bent_covariance = solve(centred, 3)
        gain = float(bent[0] @ centred.known(3)[0] - motion[0] @ centred.known(2)[0])
        if gain > _ACCELERATES * variance:
            motion, covariance, bend = bent, bent_covariance, bent[0, 4:]
    reading = np.zeros((2, motion.shape[1]))
    reading[:, 2:4] = np.eye(2)
    if motion.shape[1] == 6:
        reading[:, 4:] = 2.0 * t * np.eye(2)

    def where(t: float) -> Floats:
        place: Floats = motion[0, :2] + motion[0, 2:4] * t + bend * t**2
        return place

    half = 0.5 * (span[1] - span[0])
    pivots = [where(float(np.clip(t, -half, half))) for t in _pivots(centred, motion[0, 2:4])]
    return Motion(
        velocity=reading @ motion[0],
        covariance=variance * reading @ covariance[0] @ reading.T,
        acceleration=2.0 * bend,
        began=where(-half),
        ended=where(half),
        pivots=np.stack(pivots, axis=1),
    )


def _pivots(sums: Sums, velocity: Floats) -> tuple[float, float]:
    """Two moments that stand for all looks: the nodes of the Gauss quadrature of their weights
    along the velocity, with which two points have the same moments up to the third."""
    x, y = velocity / max(float(np.hypot(*velocity)), 1e-9)
    along = np.array([x * x, 2.0 * x * y, y * y])
    weight, first, second, third = (along @ sums.weight[:4, :, 0].T).tolist()
    if not weight > 0.0:
        return 0.0, 0.0
    mean = first / weight
    variance = max(second / weight - mean**2, 1e-12)
    skew = (third / weight - 3.0 * mean * variance - mean**3) / variance**1.5
    root = np.sqrt(skew**2 + 4.0)
    scale = 0.5 * np.sqrt(variance)
    return float(mean + scale * (skew - root)), float(mean + scale * (skew + root))


def as_sample(
    motion: Motion,
    plane: RoadPlane,
    samples: int,
    span_s: float,
    parameters: SpeedParameters,
    *,
    body_share: float = 0.0,
) -> SpeedSample | SpeedRefused:
    """The speed along the direction of travel, or why there is none. ``body_share``: standard error
    due to the unknown shape of the vehicle, as a share of its speed."""
    if samples < parameters.least_samples:
        return SpeedRefused("few_samples")
    speed = float(np.hypot(*motion.velocity))
    if speed < 1e-6:
        return SpeedRefused("standing")
    ahead = motion.velocity / speed
    error = float(np.sqrt(max(0.0, float(ahead @ motion.covariance @ ahead))))
    # Standing objects jitter: such a speed is none.
    if speed < 3.0 * error:
        return SpeedRefused("standing" if error < 1.0 else "uncertain")
    pivots = plane.image(motion.pivots)
    share = float(plane.length_error(pivots[:, :1], pivots[:, 1:])[0])
    sample = SpeedSample(
        speed_mps=speed,
        standard_error_mps=float(np.hypot(error, body_share * speed)),
        calibration_error_mps=share * speed,
        samples=samples,
        span_m=float(np.hypot(*(motion.ended - motion.began))),
        span_s=span_s,
        heading_rad=float(np.arctan2(ahead[1], ahead[0])),
        acceleration_mps2=float(ahead @ motion.acceleration),
    )
    if not sample.total_error_mps <= parameters.max_relative_error * speed:
        return SpeedRefused("uncertain")
    return sample


def least_speed_error(
    plane: RoadPlane, road_m: Floats, times_s: Floats, noise_px: float, anchor: Anchor = "bottom"
) -> float:
    """The Cramér–Rao bound in m/s: no unbiased method reads the constant speed of an object at
    these true positions (2, T) of its
    anchor on the road better than this from box edges with ``noise_px`` of error."""
    information, _ = information_at(plane, plane.image(road_m), edge_variances(anchor))
    sums = Sums(np.zeros((ROWS, 1)))
    for k, t in enumerate(times_s - times_s.mean()):
        zeros = np.zeros((2, 1))
        sums.add(information[:, k : k + 1], zeros, zeros[0], np.array([t]))
    _, covariance = solve(sums)
    way = road_m[:, -1] - road_m[:, 0]
    ahead = way / np.hypot(*way)
    return noise_px * float(np.sqrt(ahead @ covariance[0, 2:, 2:] @ ahead))
