from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from sensing.ingest import ingest
from sensing.models import Calibration, Camera, DeploymentTarget, Scene, SensingModule
from sensing.planning import MAX_REFERENCE_BYTES, TRIAL_S, plan_fingerprint, worker_plan
from sensing.selectors.detectors import GATEWAY, Target
from sensing.services import camera_change, camera_delete, camera_pause, camera_resume, scene_save
from sensing.services.calibrations import calibration_remove, calibration_save, confirm_drift
from sensing.services.deployments import alias_deploy, deploy, detector_clear, roll_back
from sensing.services.shadows import shadow_start, shadow_stop
from sensing.services.trials import trial_passed
from sensing.simulation import parse_simulation_url, simulated_calibration
from tests.registry_rows import make_version
from tests.sensing.rows import SCENE, crossing, facts, make_camera, status

pytestmark = pytest.mark.django_db

MARKS = simulated_calibration(parse_simulation_url("sim://road"))


def of(camera: Camera) -> Target:
    return Target(DeploymentTarget.CAMERA, camera_id=camera.pk)


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


def test_a_version_of_the_registry_is_a_detector_with_its_file_and_contract() -> None:
    version = make_version("small")
    make_camera(detector="small:1")
    (plan,) = worker_plan().cameras
    detector = plan.detector
    assert (detector.name, detector.reference, detector.version) == (
        "small:1",
        "small:1",
        version.pk,
    )
    assert detector.contract == version.contract
    stored = Path(detector.model_path).read_bytes()
    assert len(stored) == version.size_bytes
    # It was there from the start: nothing came before it, so there is nothing to go back to.
    assert (detector.fallback, detector.trial_s, plan.shadow) == (None, 0.0, None)


def test_a_deployment_is_planned_with_a_trial_and_the_version_before_behind_it() -> None:
    first, second = make_version("small"), make_version("small")
    camera = make_camera(detector="small:1")
    deployment = deploy(by=None, target=of(camera), reference="small:2")
    (plan,) = worker_plan().cameras
    assert (plan.detector.version, plan.detector.trial_s) == (second.pk, TRIAL_S)
    assert plan.detector.fallback is not None
    assert plan.detector.fallback.version == first.pk
    assert plan.detector.fallback.fallback is None
    trial_passed(deployment=deployment, camera_id=camera.pk)
    (passed,) = worker_plan().cameras
    assert passed.detector.trial_s == 0.0
    assert passed.detector.fallback == plan.detector.fallback
    assert passed.detector.same_work(plan.detector)


def test_a_camera_that_passed_is_not_tried_again_while_another_still_is() -> None:
    make_version("small")
    first, second = make_camera(), make_camera()
    deployment = deploy(by=None, target=GATEWAY, reference="small:1")
    trial_passed(deployment=deployment, camera_id=first.pk)
    trials = {plan.camera_id: plan.detector.trial_s for plan in worker_plan().cameras}
    assert trials == {first.pk: 0.0, second.pk: TRIAL_S}
    assert {
        plan.detector.fallback.name for plan in worker_plan().cameras if plan.detector.fallback
    } == {"motion"}


def test_a_shadow_is_planned_beside_the_detector() -> None:
    version = make_version("small")
    camera, other = make_camera(), make_camera()
    shadow = shadow_start(by=None, camera=camera, version=version)
    shadows = {plan.camera_id: plan.shadow for plan in worker_plan().cameras}
    assert shadows[other.pk] is None
    planned = shadows[camera.pk]
    assert planned is not None
    assert (planned.version, planned.trial_s, planned.fallback) == (version.pk, 0.0, None)
    shadow_stop(shadow=shadow, by=None)
    assert [plan.shadow for plan in worker_plan().cameras] == [None, None]


def test_attention_is_for_every_model_of_its_camera_and_for_no_other() -> None:
    first, second = make_version("small"), make_version("small")
    camera = make_camera(detector="small:1", attention=True)
    other, still = make_camera(detector="small:1"), make_camera(attention=True)
    deploy(by=None, target=of(camera), reference="small:2")
    shadow_start(by=None, camera=camera, version=first)
    plans = {plan.camera_id: plan for plan in worker_plan().cameras}
    planned = plans[camera.pk]
    assert planned.detector.fallback is not None
    assert planned.shadow is not None
    models = (planned.detector, planned.detector.fallback, planned.shadow)
    assert [x.version for x in models] == [second.pk, first.pk, first.pk]
    assert [x.attention for x in models] == [True, True, True]
    assert plans[other.pk].detector.attention is False
    motion = plans[still.pk].detector
    assert (motion.name, motion.attention) == ("motion", False)


def test_a_camera_takes_attention_in_without_a_restart() -> None:
    make_version("small")
    camera = make_camera(detector="small:1")
    (before,) = worker_plan().cameras
    camera_change(camera=camera, by=None, attention=True)
    (after,) = worker_plan().cameras
    assert after.only_detectors_differ(before)
    assert not after.detector.same_work(before.detector)


def test_the_fingerprint_differs_with_all_that_decides_for_a_detector() -> None:
    last = plan_fingerprint()

    def changed(result: Any = None) -> bool:
        nonlocal last
        before, last = last, plan_fingerprint()
        return before != last

    first, second = make_version("small"), make_version("small")
    camera = make_camera()
    assert changed()
    alias_deploy(by=None, version=first, name="production")
    assert changed()
    on_gateway = deploy(by=None, target=GATEWAY, reference="small@production")
    assert changed()
    moved = alias_deploy(by=None, version=second, name="production")
    assert changed()
    assert changed(trial_passed(deployment=moved, camera_id=camera.pk))  # type: ignore[arg-type]
    assert changed(roll_back(deployment=moved, by=None))  # type: ignore[arg-type]
    module = Target(DeploymentTarget.MODULE, module_kind="vehicle_traffic")
    assert changed(deploy(by=None, target=module, reference="small:2"))
    assert changed(detector_clear(by=None, target=module))
    assert changed(deploy(by=None, target=of(camera), reference="motion"))
    shadow = shadow_start(by=None, camera=camera, version=second)
    assert changed()
    assert changed(shadow_stop(shadow=shadow, by=None))
    assert changed(roll_back(deployment=on_gateway, by=None))
    assert not changed()


def test_the_fingerprint_differs_after_every_change_that_the_worker_must_see() -> None:
    last = plan_fingerprint()

    def changed(result: Any = None) -> bool:
        nonlocal last
        before, last = last, plan_fingerprint()
        return before != last

    camera = make_camera(password="old")
    assert changed()
    assert changed(camera_change(camera=camera, by=None, password="new"))
    assert changed(camera_change(camera=camera, by=None, attention=True))
    assert changed(camera_pause(camera=camera, by=None))
    assert changed(camera_resume(camera=camera, by=None))
    assert changed(scene_save(camera=camera, by=None, document={"lines": []}))
    SensingModule.objects.filter(kind="vehicle_traffic").update(enabled=True)
    assert changed()
    SensingModule.objects.update(parameters={"a": 1})
    assert changed()
    other = make_camera()
    assert changed()
    calibration = calibration_save(camera=other, by=None, document=MARKS)
    assert changed()
    assert changed(confirm_drift(calibration, None))
    assert changed(calibration_save(camera=other, by=None, document=MARKS))
    assert changed(calibration_remove(camera=other, by=None))
    assert changed(camera_delete(camera=other, by=None))


def test_the_fingerprint_stays_while_results_arrive(django_assert_num_queries: Any) -> None:
    camera = make_camera()
    before = plan_fingerprint()
    ingest([facts(camera, crossing(1)), status(camera)])
    with django_assert_num_queries(9):
        assert plan_fingerprint() == before


def test_the_number_of_queries_of_a_plan_does_not_depend_on_the_number_of_cameras(
    django_assert_num_queries: Any,
) -> None:
    versions = [make_version("small") for _ in range(3)]
    alias_deploy(by=None, version=versions[0], name="production")
    cameras = [make_camera() for _ in range(5)]
    deploy(by=None, target=GATEWAY, reference="small@production")
    deploy(by=None, target=of(cameras[0]), reference="small:2")
    shadow_start(by=None, camera=cameras[0], version=versions[2])
    with django_assert_num_queries(9):
        assert len(worker_plan().cameras) == 5
    make_camera(detector="small@production")
    with django_assert_num_queries(9):
        assert len(worker_plan().cameras) == 6


def test_the_calibration_in_use_is_in_the_plan_of_its_camera() -> None:
    camera, other = make_camera(), make_camera()
    calibration_save(camera=camera, by=None, document=MARKS)
    row = calibration_save(camera=camera, by=None, document=MARKS)
    plans = {plan.camera_id: plan for plan in worker_plan().cameras}
    assert (plans[camera.pk].calibration, plans[camera.pk].calibration_id) == (MARKS, row.pk)
    assert (plans[other.pk].calibration, plans[other.pk].calibration_id) == (None, 0)
    Calibration.objects.filter(pk=row.pk).update(reference=b"x" * 99)
    (plan,) = (plan for plan in worker_plan().cameras if plan.camera_id == camera.pk)
    assert plan.reference == b"x" * 99
    assert "xxx" not in repr(plan)
    Calibration.objects.filter(pk=row.pk).update(reference=b"x" * (MAX_REFERENCE_BYTES + 1))
    (plan,) = (plan for plan in worker_plan().cameras if plan.camera_id == camera.pk)
    assert plan.reference == b""
