from __future__ import annotations

import json
from pathlib import Path

import pytest

from aision.first_start import ensure_demo_cameras, ensure_detector
from models_registry.builtin import DETECTOR, PARENT, inspection_of
from models_registry.inspection.inspector import inspect
from models_registry.models import Alias, ModelVersion, OriginChoice
from models_registry.services.catalog import alias_set
from models_registry.storage import version_path
from sensing.models import Calibration
from sensing.planning import Detectors, worker_plan
from sensing.selectors.site import current_site

pytestmark = pytest.mark.django_db


def test_the_demo_road_is_calibrated_and_the_plaza_is_not() -> None:
    road, plaza = ensure_demo_cameras()
    assert [row.camera_id for row in Calibration.objects.all()] == [road.pk]
    plans = {plan.camera_id: plan for plan in worker_plan().cameras}
    assert plans[road.pk].calibration is not None
    assert plans[plaza.pk].calibration is None
    assert ensure_demo_cameras() == []


def test_a_fresh_gateway_counts_with_the_detector_that_ships() -> None:
    ensure_detector()
    ensure_detector()

    small, parent = ModelVersion.objects.order_by("-number")
    assert (small.reference, small.parent) == ("road-users:2", parent)
    assert {small.origin, parent.origin} == {OriginChoice.BUILT_IN}
    assert small.size_bytes < 1_000_000 < parent.size_bytes
    assert version_path(small.sha256).read_bytes() == DETECTOR.read_bytes()
    assert "AP50" in small.card
    camera = ensure_demo_cameras()[0]
    spec = Detectors().spec(camera)
    assert (spec.reference, spec.version) == ("road-users@production", small.pk)
    # No trial at the very first frames, and motion behind it.
    assert spec.trial_s == 0.0
    assert spec.fallback is not None
    assert spec.fallback.reference == "motion"


def test_a_gateway_that_counted_before_keeps_its_detector_and_its_alias() -> None:
    ensure_demo_cameras()
    ensure_detector()

    assert current_site().detector == ""
    older = ModelVersion.objects.get(number=1)
    alias_set(version=older, by=None, name="production")
    ensure_detector()
    assert Alias.objects.get().version == older


@pytest.mark.parametrize("model", [PARENT, DETECTOR])
def test_what_is_kept_of_a_shipped_file_is_what_the_inspector_finds(model: Path) -> None:
    contract = json.loads(model.with_suffix(".json").read_text())
    kept = json.loads(inspection_of(model).read_text())

    found = inspect(model, stated=contract).to_json()

    assert kept["contract"] == contract
    assert kept.keys() == found.keys()
    for name in ("sha256", "size_bytes", "parameters", "macs", "contract", "opset"):
        assert kept[name] == found[name], name
