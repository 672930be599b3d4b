"""A road plane from two vanishing directions and known lengths.

Lines that are parallel on the road meet in the picture in one point. Two such points, of the road's
direction and of the one across it, give the horizon. What is left is the scale of each axis: with
two known lengths that do not run the same way both follow; with one, the camera must be ordinary
(square pixels, optical axis through the middle of the picture), for then the right angle between
the two directions gives the focal length (Caprile and Torre, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensing.domain.geometry import Floats
from sensing.domain.homography import RoadPlane

_STEP_PX = 1e-3
_NO_ANGLE = 1e-3  # focal lengths in px⁻¹ below which a point is at infinity for this purpose


class VanishingImpossible(ValueError):
    """The lines give no plane; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, eq=False)
class VanishingLines:
    """Segments in pixels, (S, 2, 2) = (segment, end, xy): at least two ``along`` the direction of
    travel, two ``across`` it, and ``measured`` ones with their ``lengths_m`` (S,)."""

    along: Floats
    across: Floats
    measured: Floats
    lengths_m: Floats
    frame_width: float
    frame_height: float

    def numbers(self) -> Floats:
        """All that was marked or measured, in one row."""
        parts = (self.along, self.across, self.measured, self.lengths_m)
        return np.concatenate([part.reshape(-1) for part in parts])

    def with_numbers(self, numbers: Floats) -> VanishingLines:
        sizes = np.cumsum([self.along.size, self.across.size, self.measured.size])
        along, across, measured, lengths = np.split(numbers, sizes)
        return VanishingLines(
            along.reshape(-1, 2, 2), across.reshape(-1, 2, 2), measured.reshape(-1, 2, 2),
            lengths, self.frame_width, self.frame_height,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class VanishingFit:
    """``offsets_px`` (S,): how far the ends of each line along and across lie off its direction;
    ``length_errors`` (S,): of each measured length, as a share of it."""

    plane: RoadPlane
    offsets_px: Floats
    length_errors: Floats


def fit_vanishing(lines: VanishingLines, pick_px: float, length_share: float) -> VanishingFit:
    """The plane whose y runs ``along`` and x ``across``, its origin at the first measured end.

    ``pick_px``: standard error of a marked point; ``length_share``: of a length, as a share of it.
    Raises ``VanishingImpossible``.
    """
    matrix, offsets = _solve(lines)
    numbers = lines.numbers()
    errors = np.full(len(numbers), pick_px)
    errors[len(numbers) - len(lines.lengths_m) :] = length_share * lines.lengths_m
    slopes = np.empty((9, len(numbers)))
    for k in range(len(numbers)):
        step = np.zeros(len(numbers))
        step[k] = _STEP_PX
        high, _ = _solve(lines.with_numbers(numbers + step))
        low, _ = _solve(lines.with_numbers(numbers - step))
        slopes[:, k] = ((high - low) / (2 * _STEP_PX)).reshape(-1)
    spread = slopes * errors
    plane = RoadPlane(matrix, spread @ spread.T)
    ends = plane.road(lines.measured.reshape(-1, 2).T).reshape(2, -1, 2)
    measured = np.hypot(*(ends[:, :, 1] - ends[:, :, 0]))
    return VanishingFit(plane, offsets, measured / lines.lengths_m - 1.0)


def _solve(lines: VanishingLines) -> tuple[Floats, Floats]:
    """(road → pixels, offsets px). The origin hangs on the first measured end."""
    # About the middle of the picture and in units of its size, so that all numbers are near one.
    unit = float(max(lines.frame_width, lines.frame_height))
    middle = np.array([lines.frame_width, lines.frame_height]) / 2
    ahead, ahead_off = _meeting((lines.along - middle) / unit)
    aside, aside_off = _meeting((lines.across - middle) / unit)
    horizon = np.cross(ahead, aside)
    ends = np.concatenate(
        [(lines.measured - middle) / unit, np.ones((*lines.measured.shape[:2], 1))], axis=2
    )
    seen = np.concatenate([lines.along, lines.across]).reshape(-1, 2)
    depths = np.column_stack([(seen - middle) / unit, np.ones(len(seen))]) @ horizon
    horizon *= np.sign(np.median(depths))
    if np.any(depths * np.sign(np.median(depths)) <= 0.0) or np.any(ends @ horizon <= 0.0):
        raise VanishingImpossible(
            "beyond_horizon", "expected all lines below the horizon that they give"
        )
    affine = np.stack([aside, ahead, ends[0, 0]], axis=1)
    if abs(np.linalg.det(affine)) < 1e-9:
        raise VanishingImpossible("degenerate", "expected two directions, got one")
    # Up to the scale of each axis, this is where the ends lie on the road.
    raw = ends @ np.linalg.inv(affine).T
    road = raw[..., :2] / raw[..., 2:]
    ways = road[:, 1] - road[:, 0]
    scale_x, scale_y = _scales(ways, lines.lengths_m, ahead, aside)
    # Signs: x to the right and y away from the camera as seen in the picture.
    matrix = affine @ np.diag([1 / scale_x, 1 / scale_y, 1.0])
    matrix *= np.sign(horizon @ ends[0, 0]) * np.sign((matrix @ [0, 0, 1.0])[2])
    matrix = _upright(matrix)
    to_px = np.array([[unit, 0, middle[0]], [0, unit, middle[1]], [0, 0, 1.0]]) @ matrix
    return to_px / to_px[2, 2], np.concatenate([ahead_off, aside_off]) * unit


def _meeting(segments: Floats) -> tuple[Floats, Floats]:
    """The point (3,) where segments (S, 2, 2) meet, and how far off each one is."""
    count = len(segments)
    ends = np.concatenate([segments, np.ones((count, 2, 1))], axis=2)
    normals = np.cross(ends[:, 0], ends[:, 1])
    size = np.hypot(normals[:, 0], normals[:, 1])
    normals /= size[:, None]
    # Long segments say more of a direction than short ones.
    length = np.hypot(*(segments[:, 1] - segments[:, 0]).T)
    middles = segments.mean(axis=1)
    weight = length
    for _ in range(6):
        point = np.linalg.svd(normals * weight[:, None])[2][-1]
        # What errs is where the ends were marked: by this much per unit of normal · point.
        reach = np.hypot(*(point[:2] - point[2] * middles).T)
        weight = 0.5 * length / np.maximum(reach, 1e-9)
    point *= np.sign(point[np.argmax(np.abs(point))])
    return point, np.abs(normals @ point) * weight


def _scales(ways: Floats, lengths_m: Floats, ahead: Floats, aside: Floats) -> tuple[float, float]:
    """Metres per raw unit of x and of y."""
    squares = ways**2
    if len(lengths_m) >= 2:
        # length² = x-scale²·Δx² + y-scale²·Δy², each relative to its length.
        equations = squares / lengths_m[:, None] ** 2
        size = np.linalg.norm(equations, axis=0)
        if np.all(size > 0.0) and np.linalg.svd(equations / size)[1][-1] > 0.05:
            found = np.linalg.lstsq(equations, np.ones(len(lengths_m)), rcond=None)[0]
            if np.all(found > 0.0):
                return float(np.sqrt(found[0])), float(np.sqrt(found[1]))
    inverse_square = _inverse_focal_square(ahead, aside)
    optics = np.array([inverse_square, inverse_square, 1.0])
    # An axis' scale is the length of its direction as the camera sees it.
    relative = np.sqrt([aside**2 @ optics, ahead**2 @ optics])
    raw = np.hypot(*(ways * relative).T)
    common = float(lengths_m @ raw / (raw @ raw))
    return float(relative[0] * common), float(relative[1] * common)


def _inverse_focal_square(ahead: Floats, aside: Floats) -> float:
    """1 / focal² from the right angle between the two directions."""
    flat = float(ahead[:2] @ aside[:2])
    deep = float(ahead[2] * aside[2])
    size = float(np.linalg.norm(ahead[:2]) * np.linalg.norm(aside[:2]))
    if abs(deep) < _NO_ANGLE * float(np.linalg.norm(ahead) * np.linalg.norm(aside)) or size == 0.0:
        raise VanishingImpossible(
            "focal", "expected a second length that runs the other way: these lines give no focal"
            " length, for one direction is level in the picture",
        )  # fmt: skip
    inverse_square = -deep / flat if flat != 0.0 else -1.0
    if not 0.01 < inverse_square < 100.0:
        raise VanishingImpossible(
            "focal", "expected two directions at a right angle, or a second length that runs the"
            " other way: no camera sees these two so",
        )  # fmt: skip
    return inverse_square


def _upright(matrix: Floats) -> Floats:
    """The same plane with y away from the camera and x to the right."""
    away = matrix[2, 1]  # the depth grows along y
    if away < 0.0 or (away == 0.0 and matrix[1, 1] > 0.0):
        matrix = matrix * np.array([1.0, -1.0, 1.0])
    if np.linalg.det(matrix) > 0.0:
        matrix = matrix * np.array([-1.0, 1.0, 1.0])
    return matrix
