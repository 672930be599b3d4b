"""The calibration of a simulated road, whose camera is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensing.domain.calibration import PointMarks, RoadPoint, calibrate
from sensing.domain.calibration_document import calibration_document
from sensing.simulation.camera import road_camera
from sensing.simulation.spec import SimulationSpec

EDGE_M = 3.35
"""From the middle of the road to the middle of its edge lines."""
ALONG_M = (18.0, 25.5, 33.0, 48.0)
PICK_PX, MEASURE_M = 0.2, 0.005
_DIGITS = 7


def simulated_calibration(spec: SimulationSpec) -> dict[str, Any] | None:
    """The document of a road's calibration, from marks on its two edge lines; None for a plaza,
    where nothing is driven."""
    if spec.kind != "road":
        return None
    camera = road_camera(spec.width, spec.height)
    road = np.array([(x, y, 0.0) for y in ALONG_M for x in (-EDGE_M, EDGE_M)])
    shares = (camera.project(road)[0] / (spec.width, spec.height)).round(_DIGITS)
    points = tuple(
        RoadPoint((u, v), (x, y))
        for (u, v), (x, y, _) in zip(shares.tolist(), road.tolist(), strict=True)
    )
    found = calibrate(
        PointMarks(points, "points"),
        spec.width,
        spec.height,
        pick_px=PICK_PX,
        measure_m=MEASURE_M,
    )
    return calibration_document(found)
