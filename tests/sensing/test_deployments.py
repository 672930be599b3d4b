from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models_registry.errors import Conflict, Refused
from models_registry.models import Alias, AuditEntry, ModelVersion
from models_registry.services.catalog import version_delete
from sensing.models import Camera, Deployment, DeploymentState, DeploymentTarget
from sensing.selectors.detectors import GATEWAY, DetectorChoices, Target, camera_choices
from sensing.services import camera_change, camera_delete, camera_pause
from sensing.services.deployments import alias_deploy, deploy, detector_clear, roll_back
from sensing.services.trials import trial_passed
from tests.registry_rows import make_version
from tests.sensing.rows import SCENE, make_camera, make_user

pytestmark = pytest.mark.django_db

VEHICLES = Target(DeploymentTarget.MODULE, module_kind="vehicle_traffic")
PERSONS = Target(DeploymentTarget.MODULE, module_kind="person_count")


def of(camera: Camera) -> Target:
    return Target(DeploymentTarget.CAMERA, camera_id=camera.pk)


def scene(*kinds: str) -> dict[str, Any]:
    return SCENE | {"modules": [{"kind": kind, "parameters": {}} for kind in kinds]}


def used(camera: Camera) -> tuple[str, str, str]:
    """(name, version, whose choice)"""
    found = DetectorChoices().of(camera_choices().get(pk=camera.pk))
    return found.reference, found.version_name, found.module_kind or found.target.value


def states() -> list[str]:
    """The states of all deployments, first to last."""
    return [row.state for row in Deployment.objects.order_by("pk")]


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_a_camera_uses_its_own_choice_else_its_first_modules_else_the_gateways() -> None:
    for _ in range(4):
        make_version("yard")
    camera = make_camera()
    assert used(camera) == ("motion", "motion", "gateway")
    deploy(by=None, target=GATEWAY, reference="yard:1")
    assert used(camera) == ("yard:1", "yard:1", "gateway")
    deploy(by=None, target=PERSONS, reference="yard:2")
    assert used(camera) == ("yard:2", "yard:2", "person_count")
    deploy(by=None, target=VEHICLES, reference="yard:3")
    assert used(camera) == ("yard:3", "yard:3", "vehicle_traffic")
    deploy(by=None, target=of(camera), reference="yard:4")
    assert used(camera) == ("yard:4", "yard:4", "camera")
    detector_clear(by=None, target=of(camera))
    detector_clear(by=None, target=VEHICLES)
    assert used(camera) == ("yard:2", "yard:2", "person_count")


def test_a_deployment_keeps_what_it_replaced_and_who_did_it() -> None:
    first, second = make_version(), make_version()
    olga = make_user("olga", "operator")
    camera = make_camera("Gate", detector="yard:1")
    deployment = deploy(by=olga, target=of(camera), reference="yard:2")
    row = Deployment.objects.get(pk=deployment.pk)
    assert (row.version, row.previous, row.before, row.state) == (second, first, "yard:1", "trial")
    assert (row.created_by, row.version_name, str(row)) == (olga, "yard:2", "yard:2 → Gate")
    entry = AuditEntry.objects.get(action="deployed")
    assert (entry.who, entry.subject) == ("olga", "yard:2")


def test_the_next_deployment_to_a_target_replaces_the_one_before_and_no_other() -> None:
    make_version()
    make_version()
    camera = make_camera()
    deploy(by=None, target=GATEWAY, reference="yard:1")
    deploy(by=None, target=of(camera), reference="yard:1")
    deploy(by=None, target=of(camera), reference="yard:2")
    assert states() == ["trial", "replaced", "trial"]
    replaced = Deployment.objects.get(state="replaced")
    assert replaced.ended_at is not None


def test_what_needs_no_proof_is_active_at_once() -> None:
    version = make_version()
    camera = make_camera(detector="yard:1")
    alias_deploy(by=None, version=version, name="production")
    assert deploy(by=None, target=of(camera), reference="yard@production").state == "active"
    assert deploy(by=None, target=of(camera), reference="motion").state == "active"


@pytest.mark.parametrize(
    ("target", "reference", "expected"),
    [
        (GATEWAY, "nothing:1", "detector"),
        (GATEWAY, "yard:3", "detector"),
        (GATEWAY, "yard@production", "detector"),
        (GATEWAY, "yard:٣", "detector"),
        (GATEWAY, "yard:99999999999999999999", "detector"),
        (GATEWAY, "../../etc/passwd", "detector"),
        (GATEWAY, "", "in_service"),  # it names none already
        (GATEWAY, "yard:2", "no_contract"),
        (Target(DeploymentTarget.MODULE, module_kind="weather"), "yard:1", "module"),
        (Target(DeploymentTarget.CAMERA, camera_id=2**40), "yard:1", "camera"),
        (Target(DeploymentTarget.CAMERA), "yard:1", "camera"),
        (Target(DeploymentTarget.ALIAS, alias="yard@production"), "yard:1", "target"),
    ],
)
def test_what_cannot_be_deployed_is_refused_and_changes_nothing(
    target: Target, reference: str, expected: str
) -> None:
    make_version()
    make_version(contract=False)
    camera = make_camera()
    assert code(lambda: deploy(by=None, target=target, reference=reference)) == expected
    assert not Deployment.objects.exists()
    assert used(camera) == ("motion", "motion", "gateway")


def test_a_detector_that_is_in_service_there_is_not_deployed_twice() -> None:
    make_version()
    deploy(by=None, target=GATEWAY, reference="yard:1")
    assert code(lambda: deploy(by=None, target=GATEWAY, reference="yard:1")) == "in_service"
    assert states() == ["trial"]


def test_a_version_that_knows_none_of_a_cameras_classes_is_refused_wherever_it_would_reach_it() -> (
    None
):
    fruit = make_version("fruit", (), labels=["apple", "pear"])
    both = make_version("yard")
    camera = make_camera("Gate", scene=scene("vehicle_traffic"))
    alias_deploy(by=None, version=both, name="production")
    make_version("yard", (), labels=["apple"])
    deploy(by=None, target=GATEWAY, reference="yard@production")
    apples = ModelVersion.objects.get(model__name="yard", number=2)
    for call in (
        lambda: deploy(by=None, target=GATEWAY, reference="fruit:1"),
        lambda: deploy(by=None, target=VEHICLES, reference="fruit:1"),
        lambda: deploy(by=None, target=of(camera), reference="fruit:1"),
        lambda: alias_deploy(by=None, version=apples, name="production"),
        lambda: camera_change(camera=camera, by=None, detector="fruit:1"),
    ):
        assert code(call) == "classes"
    assert used(camera) == ("yard@production", "yard:1", "gateway")
    assert Alias.objects.get().version == both
    # Where it decides for nobody who counts something else, it may serve.
    assert deploy(by=None, target=PERSONS, reference="fruit:1").version == fruit


def test_clearing_a_choice_is_refused_when_the_next_one_does_not_fit() -> None:
    make_version("fruit", (), labels=["apple"])
    make_version("yard")
    camera = make_camera(detector="yard:1")
    deploy(by=None, target=GATEWAY, reference="fruit:1")
    assert code(lambda: detector_clear(by=None, target=of(camera))) == "classes"
    assert used(camera) == ("yard:1", "yard:1", "camera")


def test_rolling_back_brings_the_version_before_and_says_who_did_it() -> None:
    make_version()
    make_version()
    olga = make_user("olga", "operator")
    camera = make_camera(detector="yard:1")
    deployment = deploy(by=None, target=of(camera), reference="yard:2")
    rolled = roll_back(deployment=deployment, by=olga)
    assert used(camera) == ("yard:1", "yard:1", "camera")
    assert (rolled.state, rolled.ended_by, rolled.cause) == ("rolled_back", olga, "")
    assert rolled.ended_at is not None
    assert AuditEntry.objects.get(action="rolled_back").who == "olga"
    with pytest.raises(Conflict) as caught:
        roll_back(deployment=deployment, by=olga)
    assert caught.value.code == "not_current"


def test_a_target_without_a_choice_before_has_none_after_it_is_rolled_back() -> None:
    make_version()
    make_version()
    camera = make_camera()
    on_gateway = deploy(by=None, target=GATEWAY, reference="yard:1")
    on_camera = deploy(by=None, target=of(camera), reference="yard:2")
    roll_back(deployment=on_camera, by=None)
    assert used(camera) == ("yard:1", "yard:1", "gateway")
    roll_back(deployment=on_gateway, by=None)
    assert used(camera) == ("motion", "motion", "gateway")


def test_an_alias_that_was_moved_meanwhile_is_not_what_comes_back() -> None:
    first, second, _third = (make_version() for _ in range(3))
    camera = make_camera()
    alias_deploy(by=None, version=first, name="production")
    deploy(by=None, target=of(camera), reference="yard@production")
    deployment = deploy(by=None, target=of(camera), reference="yard:3")
    alias_deploy(by=None, version=second, name="production")
    roll_back(deployment=deployment, by=None)
    assert used(camera) == ("yard:1", "yard:1", "camera")


def test_moving_an_alias_moves_all_that_follow_it_and_rolling_back_moves_them_again() -> None:
    first, second = make_version(), make_version()
    followers = [make_camera(), make_camera()]
    pinned = make_camera(detector="yard:1")
    assert isinstance(alias_deploy(by=None, version=first, name="production"), Alias)
    assert isinstance(alias_deploy(by=None, version=first, name="production"), Alias)
    for camera in followers:
        deploy(by=None, target=of(camera), reference="yard@production")
    moved = alias_deploy(by=None, version=second, name="production")
    assert isinstance(moved, Deployment)
    assert (moved.previous, moved.version, moved.state) == (first, second, "trial")
    assert [used(camera)[1] for camera in (*followers, pinned)] == ["yard:2", "yard:2", "yard:1"]
    roll_back(deployment=moved, by=None, cause="blind", detail="no boxes")
    assert [used(camera)[1] for camera in followers] == ["yard:1", "yard:1"]
    assert Alias.objects.get().version == first
    # What the alias had been deployed by is current again.
    assert states() == ["trial", "trial", "rolled_back"]


def test_a_trial_ends_when_all_its_cameras_have_passed() -> None:
    make_version()
    first, second = make_camera(), make_camera()
    deployment = deploy(by=None, target=GATEWAY, reference="yard:1")
    trial_passed(deployment=deployment, camera_id=first.pk)
    assert states() == ["trial"]
    trial_passed(deployment=deployment, camera_id=first.pk)
    trial_passed(deployment=deployment, camera_id=second.pk)
    assert states() == ["active"]


@pytest.mark.parametrize(
    "leave", [lambda c: camera_pause(camera=c, by=None), lambda c: camera_delete(camera=c, by=None)]
)
def test_a_trial_does_not_wait_for_a_camera_that_is_gone(leave: Callable[[Camera], Any]) -> None:
    make_version()
    first, second = make_camera(), make_camera()
    deployment = deploy(by=None, target=GATEWAY, reference="yard:1")
    trial_passed(deployment=deployment, camera_id=first.pk)
    leave(second)
    assert states() == ["active"]


def test_a_trial_without_a_single_camera_goes_on() -> None:
    make_version()
    camera = make_camera()
    deploy(by=None, target=GATEWAY, reference="yard:1")
    camera_pause(camera=camera, by=None)
    assert states() == ["trial"]


def in_use(version: ModelVersion) -> bool:
    try:
        version_delete(version=ModelVersion.objects.get(pk=version.pk), by=None)
    except Conflict as conflict:
        return conflict.code == "in_use"
    return False


@pytest.mark.parametrize("target", [GATEWAY, VEHICLES, "camera", "alias"])
def test_a_deployed_version_cannot_be_deleted_nor_the_one_behind_a_trial(target: Any) -> None:
    first, second, third = (make_version() for _ in range(3))
    camera = make_camera()
    if target == "alias":
        alias_deploy(by=None, version=first, name="production")
        deployment = alias_deploy(by=None, version=second, name="production")
        assert isinstance(deployment, Deployment)
    else:
        where = of(camera) if target == "camera" else target
        deploy(by=None, target=where, reference="yard:1")
        deployment = deploy(by=None, target=where, reference="yard:2")
    assert (in_use(first), in_use(second)) == (True, True)
    trial_passed(deployment=deployment, camera_id=camera.pk)
    Deployment.objects.filter(pk=deployment.pk).update(state=DeploymentState.ACTIVE, held=None)
    assert (in_use(second), in_use(third)) == (True, False)
    assert in_use(first) is False
    assert code(lambda: roll_back(deployment=deployment, by=None)) == "previous_deleted"
    row = Deployment.objects.get(pk=deployment.pk)
    assert (row.previous, row.previous_name) == (None, "yard:1")


def test_a_camera_form_that_names_another_detector_deploys_it() -> None:
    make_version()
    camera = make_camera()
    camera_change(camera=camera, by=None, detector="yard:1", name="Yard")
    camera_change(camera=camera, by=None, detector="yard:1", name="Yard 2")
    assert states() == ["trial"]
    camera_change(camera=camera, by=None, detector="")
    assert states() == ["replaced"]
    assert used(camera) == ("motion", "motion", "gateway")
