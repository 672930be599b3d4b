"""Simulated cameras: a road and a plaza rendered through a real perspective, with exact truth."""

from __future__ import annotations

from sensing.simulation.calibration import simulated_calibration
from sensing.simulation.clip import RenderedClip, RenderFailed, render_clip
from sensing.simulation.scenes import default_scene
from sensing.simulation.spec import (
    SimulationInvalid,
    SimulationSpec,
    demo_urls,
    parse_simulation_url,
)

__all__ = [
    "RenderFailed",
    "RenderedClip",
    "SimulationInvalid",
    "SimulationSpec",
    "default_scene",
    "demo_urls",
    "parse_simulation_url",
    "render_clip",
    "simulated_calibration",
]
