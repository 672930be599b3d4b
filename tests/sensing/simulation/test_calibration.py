from __future__ import annotations

import json

import numpy as np
import pytest

from sensing.domain.calibration_document import parse_calibration
from sensing.simulation import parse_simulation_url, simulated_calibration
from sensing.simulation.camera import road_camera


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (360, 640), (160, 90)])
def test_the_document_gives_back_the_simulated_camera(size: tuple[int, int]) -> None:
    width, height = size
    spec = parse_simulation_url(f"sim://road?width={width}&height={height}")
    document = simulated_calibration(spec)
    assert json.loads(json.dumps(document)) == document
    found = parse_calibration(document)
    camera = road_camera(width, height)
    places = np.array([(-1.75, 20.0), (1.75, 40.0), (0.0, 80.0)])
    pixels = camera.project(np.column_stack([places, np.zeros(3)]))[0]
    assert pytest.approx(pixels, abs=0.05) == found.plane.image(places.T).T
    assert found.pose is not None
    assert found.pose.position_m == pytest.approx([4.8, 0.0, 8.0], abs=0.01)
    assert found.warnings == ()


def test_nothing_is_driven_on_a_plaza() -> None:
    assert simulated_calibration(parse_simulation_url("sim://plaza")) is None
