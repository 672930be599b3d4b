"""Calibration: from what a person marked on a still to the road plane, with its residual.

Four ways to mark: single points, the corners of a rectangle, a grid, or marks along parallel lines
are all points with road coordinates; two vanishing directions with known lengths are the fifth.
Marks are 0–1 of the picture, origin top left; road coordinates are metres, x to the right and y
ahead. A lens that bends straight lines is not corrected: mark where the traffic drives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sensing.domain import calibration_checks
from sensing.domain.calibration_checks import CalibrationInvalid, CalibrationWarning
from sensing.domain.geometry import Floats
from sensing.domain.homography import RoadPlane, fit_plane
from sensing.domain.pose import CameraPose, camera_pose
from sensing.domain.scene import Point
from sensing.domain.vanishing import VanishingImpossible, VanishingLines, fit_vanishing

Segment = tuple[Point, Point]
Method = Literal["points", "rectangle", "grid", "marks", "vanishing"]

PICK_PX = 1.5
"""Standard error of a point that a person marks on a still, px of that still."""
MEASURE_M = 0.03
"""Standard error of a coordinate measured on the road."""


@dataclass(frozen=True, slots=True)
class RoadPoint:
    """A point of the still and where it lies on the road."""

    image: Point
    road_m: Point


@dataclass(frozen=True, slots=True)
class KnownLength:
    """A segment of the still and its length on the road."""

    image: Segment
    length_m: float


@dataclass(frozen=True, slots=True)
class PointMarks:
    """Marks that all have road coordinates; ``method`` says how they were entered."""

    points: tuple[RoadPoint, ...]
    method: Method = "points"


@dataclass(frozen=True, slots=True)
class VanishingMarks:
    """Segments ``along`` the road and ``across`` it (at least two each), and known lengths: one,
    or two that do not run the same way."""

    along: tuple[Segment, ...]
    across: tuple[Segment, ...]
    lengths: tuple[KnownLength, ...]
    method: Method = "vanishing"


Marks = PointMarks | VanishingMarks


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated still. ``plane`` takes pixels of a frame of ``frame_width`` × ``frame_height``
    to the road; ``residuals_px``: one per mark (or line along and across); ``rms_px`` of them."""

    marks: Marks
    frame_width: int
    frame_height: int
    plane: RoadPlane
    residuals_px: tuple[float, ...]
    rms_px: float
    warnings: tuple[CalibrationWarning, ...] = ()
    pick_px: float = PICK_PX
    measure_m: float = MEASURE_M

    @cached_property
    def pose(self) -> CameraPose | None:
        return camera_pose(self.plane, self.frame_width, self.frame_height)

    def plane_for(self, frame_width: int, frame_height: int) -> RoadPlane:
        """The plane for frames of another size of the same view."""
        return self.plane.resized(frame_width / self.frame_width, frame_height / self.frame_height)

    def pose_for(self, frame_width: int, frame_height: int) -> CameraPose | None:
        """The pose for frames of another size of the same view."""
        if self.pose is None:
            return None
        across, down = frame_width / self.frame_width, frame_height / self.frame_height
        matrix = np.diag([across, down, 1.0]) @ self.pose.matrix
        return CameraPose(matrix, self.pose.position_m, self.pose.focal_px * across)

    def road(self, image: ArrayLike) -> Floats:
        """0–1 of the picture (2, N) → metres (2, N); NaN beyond the horizon."""
        return self.plane.road(self._pixels(image))

    def image(self, road_m: ArrayLike) -> Floats:
        """Metres (2, N) → 0–1 of the picture (2, N); NaN behind the camera."""
        points: Floats = self.plane.image(road_m) / self._size
        return points

    def scale(self, image: ArrayLike) -> Floats:
        """(N,) metres per pixel of the still at 0–1 of the picture (2, N)."""
        return self.plane.scale(self._pixels(image))

    def speed_error_percent(self, image: ArrayLike, heading_rad: float | None = None) -> Floats:
        """(N,) expected error of speeds measured about 0–1 of the picture (2, N), one standard
        error in %, from the errors of the marks alone. ``heading_rad``: from road x towards y;
        None takes the worst."""
        share: Floats = 100.0 * self.plane.speed_error(self._pixels(image), heading_rad)
        return share

    @property
    def horizon(self) -> Segment | None:
        """The horizon from the left edge of the picture to the right one, in 0–1 (y may lie
        outside); None where it is upright or nowhere."""
        a, b, c = self.plane.horizon
        if abs(b) < 1e-6:
            return None
        left, right = -c / b, -(a * self.frame_width + c) / b
        return (0.0, left / self.frame_height), (1.0, right / self.frame_height)

    @property
    def _size(self) -> Floats:
        return np.array([[self.frame_width], [self.frame_height]], np.float64)

    def _pixels(self, image: ArrayLike) -> Floats:
        points: Floats = np.asarray(image, np.float64) * self._size
        return points


def calibrate(
    marks: Marks,
    frame_width: int,
    frame_height: int,
    *,
    pick_px: float = PICK_PX,
    measure_m: float = MEASURE_M,
) -> Calibration:
    """Solve for the road plane. ``pick_px`` and ``measure_m``: standard errors of a mark and of a
    road coordinate. Raises ``CalibrationInvalid`` with every problem found."""
    calibration_checks.check_frame(frame_width, frame_height, pick_px, measure_m)
    if isinstance(marks, VanishingMarks):
        solved = _from_lines(marks, frame_width, frame_height, pick_px, measure_m)
    else:
        solved = _from_points(marks, frame_width, frame_height, pick_px, measure_m)
    return solved


def _from_points(
    marks: PointMarks, width: int, height: int, pick_px: float, measure_m: float
) -> Calibration:
    image = np.array([p.image for p in marks.points], np.float64).reshape(-1, 2).T
    road = np.array([p.road_m for p in marks.points], np.float64).reshape(-1, 2).T
    size = np.array([[width], [height]], np.float64)
    calibration_checks.check_points(image, road, size)
    try:
        fit = fit_plane(image * size, road, pick_px, measure_m)
    except np.linalg.LinAlgError as refused:
        raise CalibrationInvalid([("degenerate", (), str(refused))]) from None
    calibration_checks.check_sides(fit.plane, road)
    errors = pick_px, measure_m
    warnings = calibration_checks.point_warnings(fit, image * size, road, size, errors)
    residuals = np.hypot(*fit.offsets_px)
    return Calibration(
        marks, width, height, fit.plane, tuple(residuals.tolist()), _rms(residuals),
        tuple(warnings), pick_px, measure_m,
    )  # fmt: skip


def _from_lines(
    marks: VanishingMarks, width: int, height: int, pick_px: float, measure_m: float
) -> Calibration:
    size = np.array([width, height], np.float64)
    lengths = np.array([known.length_m for known in marks.lengths], np.float64)
    along, across, measured = (
        np.array(segments, np.float64).reshape(-1, 2, 2) * size
        for segments in (marks.along, marks.across, [known.image for known in marks.lengths])
    )
    calibration_checks.check_segments(along, across, measured, lengths)
    lines = VanishingLines(along, across, measured, lengths, width, height)
    # Both ends of a length are measured.
    share = float(np.sqrt(2.0) * measure_m / lengths.max())
    try:
        fit = fit_vanishing(lines, pick_px, share)
    except VanishingImpossible as refused:
        raise CalibrationInvalid([(refused.code, (), str(refused))]) from None
    except np.linalg.LinAlgError:
        raise CalibrationInvalid(
            [("degenerate", (), "expected lines that determine one plane")]
        ) from None
    warnings = calibration_checks.line_warnings(fit, measured, size, pick_px, share)
    return Calibration(
        marks, width, height, fit.plane, tuple(fit.offsets_px.tolist()), _rms(fit.offsets_px),
        tuple(warnings), pick_px, measure_m,
    )  # fmt: skip


def _rms(residuals: Floats) -> float:
    return float(np.sqrt(np.mean(residuals**2)))
