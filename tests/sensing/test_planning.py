from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from sensing.ingest import ingest
from sensing.models import Scene, SensingModule
from sensing.planning import detector_names, plan_fingerprint, worker_plan
from sensing.services import camera_change, camera_delete, camera_pause, camera_resume, scene_save
from tests.sensing.rows import SCENE, crossing, facts, make_camera, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def model_files() -> Iterator[Path]:
    folder = Path(settings.MODELS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.onnx").write_bytes(b"onnx")
    (folder / "small.json").write_text(json.dumps({"layout": "yolox"}))
    yield folder
    for path in folder.glob("small.*"):
        path.unlink()


def test_a_plan_holds_all_that_a_worker_needs() -> None:
    camera = make_camera(
        "Gate", url="rtsp://keeper:pass@192.0.2.1/a", analysed_fps=12.5, pictures="blurred"
    )
    (plan,) = worker_plan().cameras
    assert (plan.camera_id, plan.name, plan.analysed_fps) == (camera.pk, "Gate", 12.5)
    assert (plan.source.kind, plan.source.location) == ("rtsp", "rtsp://192.0.2.1/a")
    assert (plan.source.username, plan.source.password) == ("keeper", "pass")
    assert plan.scene == {"version": 1, **SCENE}
    assert (plan.detector.name, plan.detector.model_path) == ("motion", "")
    assert plan.pictures == "blurred"
    assert worker_plan().clips_dir == str(settings.CLIPS_DIR)
    assert "pass" not in repr(plan).replace("password", "")


def test_paused_cameras_are_not_in_the_plan() -> None:
    camera, other = make_camera(), make_camera()
    camera_pause(camera=camera, by=None)
    assert [plan.camera_id for plan in worker_plan().cameras] == [other.pk]


def test_equal_rows_give_equal_plans() -> None:
    make_camera(password="secret")
    assert worker_plan() == worker_plan()


def test_a_change_of_one_camera_leaves_the_plan_of_the_others_equal() -> None:
    camera, other = make_camera(), make_camera()
    before = {plan.camera_id: plan for plan in worker_plan().cameras}
    camera_change(camera=camera, by=None, analysed_fps=3)
    after = {plan.camera_id: plan for plan in worker_plan().cameras}
    assert after[other.pk] == before[other.pk]
    assert after[camera.pk] != before[camera.pk]


def test_a_switched_off_module_is_not_in_the_plan() -> None:
    make_camera()
    SensingModule.objects.filter(kind="person_count").update(enabled=False)
    (plan,) = worker_plan().cameras
    assert [module["kind"] for module in plan.scene["modules"]] == ["vehicle_traffic"]


def test_a_scene_that_newer_code_refuses_does_not_stop_the_other_cameras() -> None:
    make_camera()
    Scene.objects.update(lines=[{"id": "gate"}])
    make_camera()
    assert len(worker_plan().cameras) == 2


def test_a_model_file_is_a_detector_with_its_contract(model_files: Path) -> None:
    assert detector_names() == ["motion", "small"]
    make_camera(detector="small")
    (plan,) = worker_plan().cameras
    assert plan.detector.model_path == str(model_files / "small.onnx")
    assert plan.detector.contract == {"layout": "yolox"}


def test_the_fingerprint_differs_after_every_change_that_the_worker_must_see() -> None:
    last = plan_fingerprint()

    def changed(result: Any = None) -> bool:
        nonlocal last
        before, last = last, plan_fingerprint()
        return before != last

    camera = make_camera(password="old")
    assert changed()
    assert changed(camera_change(camera=camera, by=None, password="new"))
    assert changed(camera_pause(camera=camera, by=None))
    assert changed(camera_resume(camera=camera, by=None))
    assert changed(scene_save(camera=camera, by=None, document={"lines": []}))
    SensingModule.objects.filter(kind="vehicle_traffic").update(enabled=True)
    assert changed()
    SensingModule.objects.update(parameters={"a": 1})
    assert changed()
    other = make_camera()
    assert changed()
    assert changed(camera_delete(camera=other, by=None))


def test_the_fingerprint_stays_while_results_arrive(django_assert_num_queries: Any) -> None:
    camera = make_camera()
    before = plan_fingerprint()
    ingest([facts(camera, crossing(1)), status(camera)])
    with django_assert_num_queries(2):
        assert plan_fingerprint() == before


def test_the_number_of_queries_of_a_plan_does_not_depend_on_the_number_of_cameras(
    django_assert_num_queries: Any,
) -> None:
    for _ in range(5):
        make_camera()
    with django_assert_num_queries(2):
        assert len(worker_plan().cameras) == 5
