from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models_registry.errors import Conflict, Refused
from models_registry.models import AuditEntry, ModelVersion
from models_registry.services.catalog import version_delete
from sensing.ingest.deployments import store_version_message
from sensing.models import Camera, Deployment, DeploymentTarget, ShadowRun
from sensing.selectors.detectors import GATEWAY, Target
from sensing.services.deployments import deploy, roll_back
from sensing.services.shadows import shadow_promote, shadow_start, shadow_stop
from sensing.worker.messages import RolledBack, ShadowReport, TrialPassed
from tests.registry_rows import make_version
from tests.sensing.rows import NOON_S, make_camera, make_user

pytestmark = pytest.mark.django_db


def report(camera: Camera, version: ModelVersion, **more: Any) -> ShadowReport:
    return ShadowReport(camera.pk, version.pk, NOON_S, NOON_S + 10, **more)


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_a_shadow_replaces_the_one_that_runs_on_the_camera() -> None:
    first, second = make_version(), make_version()
    camera, other = make_camera(), make_camera()
    elsewhere = shadow_start(by=None, camera=other, version=first)
    old = shadow_start(by=None, camera=camera, version=first)
    new = shadow_start(by=make_user("olga", "operator"), camera=camera, version=second)
    old.refresh_from_db()
    assert (old.running, old.cause, old.ended_at is not None) == (False, "replaced", True)
    assert {row.pk for row in ShadowRun.objects.filter(running=True)} == {elsewhere.pk, new.pk}
    assert AuditEntry.objects.filter(action="shadow_started", who="olga").count() == 1


def test_what_cannot_shadow_is_refused() -> None:
    make_version("yard")
    unread = make_version("yard", contract=False)
    fruit = make_version("fruit", (), labels=["apple"])
    camera = make_camera(detector="yard:1")
    serving = ModelVersion.objects.get(model__name="yard", number=1)
    for version, expected in ((unread, "no_contract"), (fruit, "classes"), (serving, "in_service")):
        assert code(lambda v=version: shadow_start(by=None, camera=camera, version=v)) == expected  # type: ignore[misc]
    assert not ShadowRun.objects.exists()


def test_reports_are_kept_while_it_runs_and_stay_when_it_has_ended() -> None:
    version = make_version()
    camera = make_camera()
    shadow = shadow_start(by=None, camera=camera, version=version)
    store_version_message(report(camera, version, frames=10, agreement=0.5))
    store_version_message(report(camera, version, frames=20, agreement=0.75))
    shadow_stop(shadow=shadow, by=None)
    store_version_message(report(camera, version, frames=99))
    shadow.refresh_from_db()
    assert (shadow.report["frames"], shadow.report["agreement"]) == (20, 0.75)
    assert code(lambda: shadow_stop(shadow=shadow, by=None)) == "not_running"


def test_a_shadow_that_the_worker_gave_up_ends_with_its_cause() -> None:
    version = make_version()
    camera = make_camera()
    shadow = shadow_start(by=None, camera=camera, version=version)
    dropped = report(camera, version, dropped=True, cause="too_slow", detail="900 ms per frame")
    store_version_message(dropped)
    store_version_message(dropped)
    shadow.refresh_from_db()
    assert (shadow.running, shadow.cause, shadow.detail) == (False, "too_slow", "900 ms per frame")


def test_a_promoted_shadow_serves_its_camera() -> None:
    version = make_version()
    camera = make_camera()
    shadow = shadow_start(by=None, camera=camera, version=version)
    deployment = shadow_promote(shadow=shadow, by=make_user("olga", "operator"))
    camera.refresh_from_db()
    shadow.refresh_from_db()
    assert (camera.detector, deployment.state) == ("yard:1", "trial")
    assert (shadow.running, shadow.cause) == (False, "promoted")


def test_a_shadow_that_cannot_be_promoted_runs_on() -> None:
    version = make_version()
    camera = make_camera()
    shadow = shadow_start(by=None, camera=camera, version=version)
    Camera.objects.filter(pk=camera.pk).update(detector="yard:1", pinned=version)
    assert code(lambda: shadow_promote(shadow=shadow, by=None)) == "in_service"
    shadow.refresh_from_db()
    assert shadow.running


def test_deploying_a_version_ends_its_shadows_where_it_serves_now() -> None:
    version, other_version = make_version(), make_version()
    camera, other = make_camera(), make_camera()
    ended = shadow_start(by=None, camera=camera, version=version)
    stays = shadow_start(by=None, camera=other, version=other_version)
    deploy(by=None, target=GATEWAY, reference="yard:1")
    ended.refresh_from_db()
    stays.refresh_from_db()
    assert (ended.running, ended.cause, stays.running) == (False, "deployed", True)


def test_a_version_cannot_be_deleted_while_it_shadows_and_can_afterwards() -> None:
    version = make_version()
    shadow = shadow_start(by=None, camera=make_camera("Gate"), version=version)
    with pytest.raises(Conflict) as caught:
        version_delete(version=version, by=None)
    assert (caught.value.code, "Gate" in caught.value.message) == ("in_use", True)
    shadow_stop(shadow=shadow, by=None)
    version_delete(version=version, by=None)
    shadow.refresh_from_db()
    assert (shadow.version, shadow.version_name) == (None, "yard:1")
    assert code(lambda: shadow_promote(shadow=shadow, by=None)) == "detector"


# What workers say of the versions they run


def deployed(camera: Camera) -> tuple[Deployment, ModelVersion]:
    version = make_version()
    target = Target(DeploymentTarget.CAMERA, camera_id=camera.pk)
    reference = version.reference
    return deploy(by=None, target=target, reference=reference), version


def rolled_back(camera: Camera, version: ModelVersion, cause: str = "blind") -> RolledBack:
    return RolledBack(camera.pk, version.pk, 0, cause, "found nothing on 40 frames", NOON_S)


def test_what_a_worker_rolled_back_is_rolled_back_for_all_that_the_deployment_reached() -> None:
    version = make_version()
    camera, other = make_camera("Gate"), make_camera()
    deployment = deploy(by=None, target=GATEWAY, reference="yard:1")
    store_version_message(rolled_back(camera, version))
    deployment.refresh_from_db()
    assert (deployment.state, deployment.cause) == ("rolled_back", "blind")
    assert deployment.detail == "Gate: found nothing on 40 frames"
    assert deployment.ended_by is None
    entry = AuditEntry.objects.get(action="rolled_back")
    assert (entry.who, "blind" in entry.detail) == ("gateway", True)
    # The other camera's worker was about to say the same.
    store_version_message(rolled_back(other, version, "crashed"))
    deployment.refresh_from_db()
    assert deployment.cause == "blind"


def test_what_is_said_of_another_version_or_a_camera_that_is_gone_changes_nothing() -> None:
    camera = make_camera()
    first, version = deployed(camera)
    second, _version = deployed(camera)
    for message in (
        rolled_back(camera, version),
        TrialPassed(camera.pk, version.pk, NOON_S),
        RolledBack(camera.pk + 999, version.pk, 0, "blind", "", NOON_S),
        TrialPassed(camera.pk + 999, version.pk, NOON_S),
        report(camera, version, dropped=True),
    ):
        store_version_message(message)
    states = [Deployment.objects.get(pk=row.pk).state for row in (first, second)]
    assert states == ["replaced", "trial"]


def test_a_trial_that_a_worker_reports_as_passed_makes_the_deployment_active() -> None:
    camera = make_camera()
    deployment, version = deployed(camera)
    store_version_message(TrialPassed(camera.pk, version.pk, NOON_S))
    deployment.refresh_from_db()
    assert (deployment.state, deployment.passed) == ("active", [camera.pk])
    # Later it breaks all the same.
    store_version_message(rolled_back(camera, version, "crashed"))
    deployment.refresh_from_db()
    assert deployment.state == "rolled_back"


def test_a_worker_that_went_back_to_a_version_deleted_since_does_not_stop_the_writer() -> None:
    make_version()
    camera = make_camera(detector="yard:1")
    deployment, version = deployed(camera)
    Deployment.objects.update(held=None, previous=None)
    store_version_message(rolled_back(camera, version))
    deployment.refresh_from_db()
    assert deployment.state == "trial"
    assert code(lambda: roll_back(deployment=deployment, by=None)) == "previous_deleted"
