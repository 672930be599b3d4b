from __future__ import annotations

import pytest

from aision.first_start import ensure_demo_cameras
from sensing.models import Calibration
from sensing.planning import worker_plan

pytestmark = pytest.mark.django_db


def test_the_demo_road_is_calibrated_and_the_plaza_is_not() -> None:
    road, plaza = ensure_demo_cameras()
    assert [row.camera_id for row in Calibration.objects.all()] == [road.pk]
    plans = {plan.camera_id: plan for plan in worker_plan().cameras}
    assert plans[road.pk].calibration is not None
    assert plans[plaza.pk].calibration is None
    assert ensure_demo_cameras() == []
