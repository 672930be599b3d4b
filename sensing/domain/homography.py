"""The plane of the road in the picture: a homography, its derivative, and how sure it is.

Picture: pixels, y downward, the middle of the top left pixel at (0.5, 0.5). Road: metres on a flat
ground, x to the right and y ahead as seen from above. Points are (2, N). Sources: Hartley and
Zisserman, Multiple View Geometry, 2nd ed.: normalised DLT (4.4.4), least reprojection error
(4.2), covariance of a transfer (5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensing.domain.geometry import Floats

_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class RoadPlane:
    """``to_px`` (3, 3) takes road metres to pixels; its third coordinate is positive for what lies
    before the camera. ``covariance`` (9, 9) is that of its entries, row by row."""

    to_px: Floats
    covariance: Floats

    @cached_property
    def to_m(self) -> Floats:
        """(3, 3) pixels → road metres; the third coordinate is positive below the horizon."""
        inverse = np.linalg.inv(self.to_px)
        return np.asarray(inverse, np.float64)

    @property
    def mirrored(self) -> bool:
        """Whether the road is seen as in a mirror: two of its points or an axis are swapped."""
        # A road seen from above with x right and y ahead keeps its sense in a picture whose y runs
        # upward; pixels run downward, hence the negative determinant of a sound one.
        return bool(np.linalg.det(self.to_px) > 0.0)

    def road(self, image_px: ArrayLike) -> Floats:
        """Pixels (2, N) → metres (2, N); NaN on and beyond the horizon."""
        return _apply(self.to_m, np.asarray(image_px, np.float64))

    def image(self, road_m: ArrayLike) -> Floats:
        """Metres (2, N) → pixels (2, N); NaN beside and behind the camera."""
        return _apply(self.to_px, np.asarray(road_m, np.float64))

    def jacobian(self, image_px: ArrayLike) -> Floats:
        """(2, 2, N) metres per pixel: row = road axis, column = picture axis; NaN beyond the
        horizon."""
        points = np.asarray(image_px, np.float64)
        metres, matrix = self.road(points), self.to_m
        depth = matrix[2, :2] @ points + matrix[2, 2]
        slope = matrix[:2, :2, None] - metres[:, None, :] * matrix[2, :2][None, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            jacobian: Floats = slope / depth
        return jacobian

    def scale(self, image_px: ArrayLike) -> Floats:
        """(N,) metres per pixel: the square root of the road area that one pixel shows."""
        (a, b), (c, d) = self.jacobian(image_px)
        scale: Floats = np.sqrt(np.abs(a * d - b * c))
        return scale

    @property
    def horizon(self) -> tuple[float, float, float]:
        """(a, b, c) with a·x + b·y + c = 0 in pixels, of unit normal; positive on the road.

        Looking straight down the horizon is nowhere: then a and b are 0.
        """
        a, b, c = self.to_m[2].tolist()
        size = float(np.hypot(a, b))
        return (0.0, 0.0, 1.0) if size < _TINY * abs(c) else (a / size, b / size, c / size)

    def resized(self, across: float, down: float) -> RoadPlane:
        """The same road in a picture ``across`` times as wide and ``down`` times as high."""
        scaling = np.diag([across, down, 1.0])
        spread = np.kron(scaling, np.eye(3))
        return RoadPlane(scaling @ self.to_px, spread @ self.covariance @ spread.T)

    def position_derivative(self, image_px: ArrayLike) -> Floats:
        """(N, 2, 9): how the road position of a fixed pixel moves with each entry of ``to_px``."""
        points = np.asarray(image_px, np.float64)
        transfer = transfer_derivative(self.to_px, self.road(points))
        moved: Floats = -np.einsum("ijn,njk->nik", self.jacobian(points), transfer)
        return moved

    def length_error(self, from_px: ArrayLike, to_px: ArrayLike) -> Floats:
        """(N,) standard error of the distance between two pixels, as a share of that distance.

        A speed is a distance over a time, so this is also the share by which the calibration may
        falsify a speed measured between the two. Infinite for no distance or beyond the horizon.
        """
        start, end = np.asarray(from_px, np.float64), np.asarray(to_px, np.float64)
        way = self.road(end) - self.road(start)
        length = np.hypot(*way)
        both = self.position_derivative(np.concatenate([start, end], axis=1))
        spread = both[start.shape[1] :] - both[: start.shape[1]]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = np.einsum("in,nik->nk", way / length, spread)
            variance = np.einsum("nk,nk->n", along @ self.covariance, along)
            share: Floats = np.sqrt(np.maximum(variance, 0.0)) / length
        return np.where(np.isfinite(share), share, np.inf)

    def speed_error(self, image_px: ArrayLike, heading_rad: float | None = None) -> Floats:
        """(N,) standard error of a speed measured about a pixel, as a share, due to the
        calibration.

        ``heading_rad``: direction of travel from road x towards y; without it, the worst of eight.
        """
        points = np.asarray(image_px, np.float64)
        middle = self.road(points)
        headings = np.arange(8) * (np.pi / 8) if heading_rad is None else np.array([heading_rad])
        shares = []
        for heading in headings:
            step = 0.25 * np.array([[np.cos(heading)], [np.sin(heading)]])
            shares.append(self.length_error(self.image(middle - step), self.image(middle + step)))
        worst: Floats = np.max(shares, axis=0)
        return worst


@dataclass(frozen=True, eq=False)
class PlaneFit:
    """A plane fitted to points, and how far, in px, each point (2, N) lies off what it says."""

    plane: RoadPlane
    offsets_px: Floats


def fit_plane(
    image_px: ArrayLike, road_m: ArrayLike, pick_px: float, measure_m: float = 0.0
) -> PlaneFit:
    """The road plane with the least error in the picture, from N ≥ 4 points in general position.

    ``pick_px``: standard error of a marked point; ``measure_m``: of a road coordinate. With more
    than four points the covariance is widened when they agree worse than that. The sense of the
    matrix is that in which most points lie before the camera. Raises ``numpy.linalg.LinAlgError``
    for points that determine no plane.
    """
    image, road = np.asarray(image_px, np.float64), np.asarray(road_m, np.float64)
    to_unit, from_unit = _normaliser(image), _normaliser(road)
    picture, ground = _apply(to_unit, image), _apply(from_unit, road)
    matrix = _direct(picture, ground)
    pick, measure = pick_px * to_unit[0, 0], measure_m * from_unit[0, 0]
    matrix, whitened, slopes = _refine(matrix, picture, ground, pick, measure)
    covariance = np.linalg.pinv(slopes.T @ slopes, rcond=1e-13, hermitian=True)
    freedom = 2 * image.shape[1] - 8
    if freedom > 0:
        covariance *= max(1.0, float(whitened @ whitened) / freedom)
    outward = np.linalg.inv(to_unit)
    spread = np.kron(outward, from_unit.T)
    to_px = outward @ matrix @ from_unit
    depth = to_px[2, :2] @ road + to_px[2, 2]
    if np.count_nonzero(depth > 0.0) * 2 < len(depth):
        to_px = -to_px
    plane = RoadPlane(to_px, spread @ covariance @ spread.T)
    homogeneous = to_px @ np.vstack([road, np.ones(road.shape[1])])
    return PlaneFit(plane, homogeneous[:2] / homogeneous[2] - image)


def transfer_derivative(to_px: Floats, road_m: Floats) -> Floats:
    """(N, 2, 9): how the pixel of a fixed road point moves with each entry of ``to_px``."""
    ground = np.vstack([road_m, np.ones(road_m.shape[1])])
    homogeneous = to_px @ ground
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = homogeneous[:2] / homogeneous[2]
        unit = (ground / homogeneous[2]).T
    derivative = np.zeros((road_m.shape[1], 2, 9))
    derivative[:, 0, :3] = derivative[:, 1, 3:6] = unit
    derivative[:, 0, 6:] = -x[:, None] * unit
    derivative[:, 1, 6:] = -y[:, None] * unit
    return derivative


def _apply(matrix: Floats, points: Floats) -> Floats:
    """Points (2, N) through a homography; NaN where the third coordinate is not positive."""
    homogeneous = matrix[:, :2] @ points + matrix[:, 2:]
    depth = homogeneous[2]
    mapped: Floats = homogeneous[:2] / np.where(depth > 0.0, depth, np.nan)
    return mapped


def _normaliser(points: Floats) -> Floats:
    """(3, 3): moves points to a mean of 0 and a mean distance of √2, without which the DLT's
    equations lose half their digits."""
    middle = points.mean(axis=1)
    spread = float(np.hypot(*(points - middle[:, None])).mean())
    scale = np.sqrt(2.0) / max(spread, _TINY)
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1.0]])


def _direct(picture: Floats, ground: Floats) -> Floats:
    (u, v), (x, y), one = picture, ground, np.ones(picture.shape[1])
    none = np.zeros_like(one)
    equations = np.vstack(
        [
            np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=1),
            np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=1),
        ]
    )
    _, size, directions = np.linalg.svd(equations)
    if size[7] < 1e-9 * size[0]:
        raise np.linalg.LinAlgError("expected points that determine one plane, got several")
    matrix: Floats = directions[-1].reshape(3, 3)
    depth = matrix[2, :2] @ ground + matrix[2, 2]
    return -matrix if np.count_nonzero(depth > 0.0) * 2 < len(depth) else matrix


def _refine(
    matrix: Floats, picture: Floats, ground: Floats, pick: float, measure: float
) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
    """Gauss–Newton on the reprojection error: (matrix, whitened residuals, whitened slopes)."""
    best = _whitened(matrix, picture, ground, pick, measure)
    for _ in range(20 if picture.shape[1] > 4 else 0):
        residual, slopes = best
        step = np.linalg.lstsq(slopes, -residual, rcond=1e-12)[0].reshape(3, 3)
        share = 1.0
        while share > 1e-3:
            tried = matrix + share * step
            tried /= np.linalg.norm(tried)
            now = _whitened(tried, picture, ground, pick, measure)
            if now[0] @ now[0] < residual @ residual:
                break
            share *= 0.5
        else:
            break
        gain = float(residual @ residual - now[0] @ now[0])
        matrix, best = tried, now
        if gain < 1e-12 * float(residual @ residual):
            break
    return matrix, *best


def _whitened(
    matrix: Floats, picture: Floats, ground: Floats, pick: float, measure: float
) -> tuple[Floats, Floats]:
    """Residuals (2N,) in standard errors, and their slopes (2N, 9) over the matrix's entries.

    An error of the road coordinate shows in the picture through the plane's own slope there.
    """
    homogeneous = matrix[:, :2] @ ground + matrix[:, 2:]
    offset = (homogeneous[:2] / homogeneous[2] - picture).T
    slope = (
        matrix[:2, :2, None]
        - (homogeneous[:2] / homogeneous[2])[:, None] * (matrix[2, :2][None, :, None])
    ) / homogeneous[2]
    slope = np.moveaxis(slope, -1, 0)
    covariance = pick**2 * np.eye(2) + measure**2 * slope @ slope.swapaxes(1, 2)
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    residual = np.einsum("nij,nj->ni", root, offset).reshape(-1)
    return residual, (root @ transfer_derivative(matrix, ground)).reshape(-1, 9)
