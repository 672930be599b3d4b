"""The calibrated road as frames of one size show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensing.domain.calibration import Calibration
from sensing.domain.homography import RoadPlane
from sensing.domain.pose import CameraPose

_EDGE_PX = 8.0


@dataclass(frozen=True, eq=False)
class CameraRoad:
    """``plane`` and ``pose`` (None where the plane does not give it) for these frames, px."""

    plane: RoadPlane
    pose: CameraPose | None
    frame_width: int
    frame_height: int

    def cuts(self, xyxy: Sequence[float]) -> bool:
        """Whether a box reaches the picture's edge, so that the object may be larger."""
        x1, y1, x2, y2 = xyxy
        right, bottom = self.frame_width - _EDGE_PX, self.frame_height - _EDGE_PX
        return min(x1, y1) <= _EDGE_PX or x2 >= right or y2 >= bottom


def road_for(
    calibration: Calibration | None, frame_width: int, frame_height: int
) -> CameraRoad | None:
    """The road of a calibration whose still may have had another size than the frames."""
    if calibration is None:
        return None
    return CameraRoad(
        calibration.plane_for(frame_width, frame_height),
        calibration.pose_for(frame_width, frame_height),
        frame_width,
        frame_height,
    )
