"""Lines, zones and modules that suit each simulated camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensing.simulation.camera import plaza_camera
from sensing.simulation.crowd import MEETING_PLACE
from sensing.simulation.spec import SimulationSpec

_ROAD_LINE = {"id": "road", "name": "Road", "points": [[0.08, 0.60], [0.97, 0.60]]}
_PLAZA_LINE = {"id": "square", "name": "Across the square", "points": [[0.02, 0.36], [0.98, 0.36]]}
BODY_CENTRE_M = 0.86
"""Zones are drawn where the middle of a body is seen, because the box centre is what counts."""


def default_scene(spec: SimulationSpec) -> dict[str, Any]:
    """The scene document a simulated camera starts with (coordinates 0–1 of the picture)."""
    if spec.kind == "plaza":
        lines, zones, kind = [_PLAZA_LINE], [_meeting_place(spec)], "person_count"
    else:
        lines, zones, kind = [_ROAD_LINE], [], "vehicle_traffic"
    return {
        "version": 1,
        "anchor": "center",
        "lines": lines,
        "zones": zones,
        "modules": [{"kind": kind, "parameters": {}}],
    }


def _meeting_place(spec: SimulationSpec) -> dict[str, Any]:
    (x0, x1), (y0, y1) = MEETING_PLACE
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    points = np.column_stack([corners, np.full(4, BODY_CENTRE_M)])
    pixels, _ = plaza_camera(spec.width, spec.height).project(points)
    shares = np.clip(pixels / (spec.width, spec.height), 0.0, 1.0).round(4)
    return {"id": "meeting-place", "name": "Meeting place", "points": shares.tolist()}
