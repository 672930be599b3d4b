"""Where the camera hangs, from its road plane: needed to see how high objects stand in the picture.

A homography of the ground says nothing of heights by itself. With square pixels and the optical
axis through the middle of the picture it does: its first two columns are then, up to scale, two
axes of length one at a right angle (Zhang, 2000), which gives the focal length and the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sensing.domain.geometry import Floats
from sensing.domain.homography import RoadPlane
from sensing.domain.scene import Anchor


@dataclass(frozen=True, slots=True)
class BodySize:
    """Measures of a class of objects, metres.

    It stands on a rectangle ``base_length_m`` × ``base_width_m``; its body of ``length_m`` ×
    ``width_m`` begins ``clearance_m`` above the road. From a high camera the lowest thing to see of
    a car that comes nearer is its bumper, and not its wheels: taken for a point of the road, that
    alone makes it 2 to 3 % faster. Up to ``shoulder`` of its height it is as long as it is; its
    ``roof`` reaches from the one share of its length to the other, seen from its middle.
    """

    length_m: float
    width_m: float
    height_m: float
    base_length_m: float
    base_width_m: float
    clearance_m: float
    shoulder: float = 1.0
    roof: tuple[float, float] = (-0.5, 0.5)

    def row(self) -> tuple[float, ...]:
        """Its numbers in the order in which ``CameraPose.anchors`` takes them."""
        return (
            self.length_m, self.width_m, self.height_m,
            self.base_length_m, self.base_width_m, self.clearance_m,
        )  # fmt: skip


BODY_SIZES: Mapping[str, BodySize] = {
    "car": BodySize(4.5, 1.85, 1.5, 3.1, 1.8, 0.22, 0.62, (-0.36, 0.14)),
    "truck": BodySize(8.4, 2.5, 3.3, 6.0, 2.4, 0.45),
    "bus": BodySize(11.8, 2.55, 3.1, 7.0, 2.55, 0.32),
    "motorcycle": BodySize(2.15, 0.8, 1.6, 1.8, 0.15, 0.4),
    "bicycle": BodySize(1.8, 0.6, 1.7, 1.4, 0.05, 0.4),
    "person": BodySize(0.5, 0.5, 1.7, 0.3, 0.3, 0.1),
}
"""Typical of the classes as they are counted; a site may bring its own."""
DEFAULT_SIZE = BODY_SIZES["car"]


@dataclass(frozen=True, eq=False)
class CameraPose:
    """``matrix`` (3, 4) takes road metres and height (x, y, z, 1) to pixels; ``position_m`` (3,)
    is the camera's place, its z above the road; ``focal_px`` its focal length."""

    matrix: Floats
    position_m: Floats
    focal_px: float

    def anchors(
        self, ground_m: Floats, heading: Floats, sizes: Floats, anchor: Anchor = "bottom"
    ) -> Floats:
        """The anchor (2, N) px of the box round a body on the road, as of ``boxes``."""
        low, high = self.boxes(ground_m, heading, sizes)
        middle_px: Floats = 0.5 * (low + high)
        if anchor == "bottom":
            middle_px[1] = high[1]
        return middle_px

    def boxes(self, ground_m: Floats, heading: Floats, sizes: Floats) -> tuple[Floats, Floats]:
        """Top left and bottom right corner, (2, N) px each, of the box round a body on the road.

        ``ground_m`` (2, N): the road under its middle; ``heading`` (2, N): unit vector of travel;
        ``sizes`` (6, N): rows of ``BodySize``. NaN for bodies that reach behind the camera.
        """
        count = ground_m.shape[1]
        length, width, height, base_length, base_width, clearance = sizes
        # Homogeneous pixels of the middle, and of a metre ahead, aside and up from it.
        parts = np.empty((7, 3, count))
        np.add(self.matrix[:, :2] @ ground_m, self.matrix[:, 3:], out=parts[0])
        ahead, aside = self.matrix[:, :2] @ heading, (self.matrix[:, :2] @ _TURN) @ heading
        upward = self.matrix[:, 2:3]
        np.multiply(ahead, base_length, out=parts[1])
        np.multiply(aside, base_width, out=parts[2])
        np.multiply(ahead, length, out=parts[3])
        np.multiply(aside, width, out=parts[4])
        np.multiply(upward, clearance, out=parts[5])
        np.multiply(upward, height, out=parts[6])
        corners = (_CORNERS @ parts.reshape(7, -1)).reshape(12, 3, count)
        pixels = corners[:, :2] / corners[:, 2:]
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        behind = corners[:, 2].min(axis=0) <= _NEAREST
        if np.count_nonzero(behind):
            low[:, behind] = high[:, behind] = np.nan
        return low, high

    def outlines(
        self, ground_m: Floats, heading: Floats, sizes: Floats, body: BodySize
    ) -> tuple[Floats, Floats]:
        """As ``boxes``, round bodies of a class whose roof is shorter than they are."""
        rear, front = body.roof
        below, roof = sizes.copy(), sizes.copy()
        below[2] *= body.shoulder
        roof[0] *= front - rear
        middle = ground_m + heading * (0.5 * (rear + front) * sizes[0])
        low, high = self.boxes(ground_m, heading, below)
        roof_low, roof_high = self.boxes(middle, heading, roof)
        # Nothing of the roof reaches lower than what carries it.
        return np.minimum(low, roof_low), np.stack([np.maximum(high[0], roof_high[0]), high[1]])


_NEAREST = 1e-9
_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])  # a quarter to the left
_SIDES = np.array([(0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5)])
# Each corner as a sum of the parts: of the base, of the body's floor, of its roof.
_CORNERS = np.zeros((12, 7))
_CORNERS[:, 0] = 1.0
_CORNERS[:4, 1:3] = _CORNERS[4:8, 3:5] = _CORNERS[8:, 3:5] = _SIDES
_CORNERS[4:8, 5] = _CORNERS[8:, 6] = 1.0


def camera_pose(plane: RoadPlane, frame_width: float, frame_height: float) -> CameraPose | None:
    """The camera's pose, or None where the plane does not give it.

    Straight above the road, or with the road's axes level and upright in the picture, every focal
    length fits the plane; a poor calibration may fit none.
    """
    shift = np.array([[1, 0, -frame_width / 2], [0, 1, -frame_height / 2], [0, 0, 1.0]])
    first, second, origin = (shift @ plane.to_px).T
    # Right angle and equal length: two equations for 1 / focal².
    known = np.array(
        [first[:2] @ second[:2], 0.5 * (first[:2] @ first[:2] - second[:2] @ second[:2])]
    )
    wanted = np.array([first[2] * second[2], 0.5 * (first[2] ** 2 - second[2] ** 2)])
    size = float(known @ known)
    inverse_square = -float(known @ wanted) / size if size > 0.0 else 0.0
    if not inverse_square > 0.0:
        return None
    focal = inverse_square**-0.5
    if not 0.1 <= focal / max(frame_width, frame_height) <= 50.0:
        return None
    optics = np.diag([1 / focal, 1 / focal, 1.0])
    first, second, origin = optics @ first, optics @ second, optics @ origin
    scale = 2.0 / (np.linalg.norm(first) + np.linalg.norm(second))
    left, _, right = np.linalg.svd(np.stack([first, second], axis=1) * scale, full_matrices=False)
    across, ahead = (left @ right).T
    upward = np.cross(across, ahead)
    origin = origin * scale
    place = -np.array([across @ origin, ahead @ origin, upward @ origin])
    if place[2] < 0.0:  # a mirrored road: the side on which the camera hangs is up
        upward, place = -upward, place * (1, 1, -1)
    if place[2] < 0.2:
        return None
    inside = np.stack([across, ahead, upward, origin], axis=1)
    matrix = np.linalg.inv(shift) @ np.diag([focal, focal, 1.0]) @ inside
    return CameraPose(matrix, place, focal)
