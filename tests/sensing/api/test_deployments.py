from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from models_registry.models import Alias
from sensing.ingest import ingest
from sensing.ingest.deployments import store_version_message
from sensing.models import Camera, Deployment, ShadowRun
from sensing.worker.messages import RolledBack, ShadowReport, TrialPassed
from tests.registry_rows import make_version
from tests.sensing.rows import NOON_S, make_camera, status

DEPLOYMENTS = "/api/v1/deployments/"
IN_SERVICE = "/api/v1/deployments/in-service/"
SHADOWS = "/api/v1/shadows/"


def deployed(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(DEPLOYMENTS, body)
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def of_camera(client: APIClient, camera: Camera) -> dict[str, Any]:
    rows = {row["camera"]: row for row in client.get(IN_SERVICE).json()["cameras"]}
    found: dict[str, Any] = rows[camera.pk]
    return found


def test_an_operator_deploys_to_each_target_reads_it_and_rolls_it_back(
    operator: APIClient,
) -> None:
    version = make_version()
    camera = make_camera("Gate")
    for target, place in (
        ({"target": "gateway"}, "Gateway default"),
        ({"target": "module", "module": "vehicle_traffic"}, "vehicle_traffic"),
        ({"target": "camera", "camera": camera.pk}, "Gate"),
    ):
        made = deployed(operator, **target, detector="yard:1")
        assert (made["place"], made["version"], made["version_name"]) == (
            place,
            version.pk,
            "yard:1",
        )
        assert (made["created_by"], made["can_roll_back"]) == ("the-operator", True)
        one = f"{DEPLOYMENTS}{made['id']}/"
        assert operator.get(one).json() == made
        rolled = operator.post(f"{one}rollback/").json()
        assert (rolled["state"], rolled["ended_by"], rolled["message"]) == (
            "rolled_back",
            "the-operator",
            "",
        )
        assert rolled["can_roll_back"] is False
        again = operator.post(f"{one}rollback/")
        assert (again.status_code, again.json()["code"]) == (409, "not_current")


def test_an_alias_is_set_moved_and_rolled_back(operator: APIClient) -> None:
    first, second = make_version(), make_version()

    def move(version: int) -> Any:
        alias = {"version": version, "name": "production"}
        return operator.post(DEPLOYMENTS, {"target": "alias", "alias": alias})

    new = move(first.pk)
    assert (new.status_code, new.json()["alias"]) == (200, "yard@production")
    moved = move(second.pk)
    assert (moved.status_code, moved.json()["place"]) == (201, "yard@production")
    assert (moved.json()["previous_name"], moved.json()["version_name"]) == ("yard:1", "yard:2")
    assert move(second.pk).status_code == 200
    assert operator.post(f"{DEPLOYMENTS}{moved.json()['id']}/rollback/").status_code == 200
    assert Alias.objects.get().version == first


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid", "target"),
        ({"target": "planet", "detector": "motion"}, "invalid", "target"),
        ({"target": "gateway"}, "invalid", "detector"),
        ({"target": "gateway", "detector": "motion", "camera": 1}, "invalid", "camera"),
        ({"target": "gateway", "detector": "nothing:1"}, "detector", "detector"),
        ({"target": "gateway", "detector": ""}, "in_service", "detector"),
        ({"target": "gateway", "detector": ["motion"]}, "invalid", "detector"),
        ({"target": "camera", "detector": "motion"}, "invalid", "camera"),
        ({"target": "camera", "detector": "motion", "camera": 99999}, "camera", "camera"),
        ({"target": "camera", "detector": "motion", "camera": 2**70}, "invalid", "camera"),
        ({"target": "module", "detector": "motion", "module": "x"}, "module", "module"),
        ({"target": "alias", "detector": "motion"}, "invalid", "alias"),
        ({"target": "alias", "alias": {"name": "a"}}, "invalid", "alias.version"),
        ({"target": "alias", "alias": {"name": "a", "version": 99999}}, "version", "version"),
        ({"target": "gateway", "detector": "motion", "force": True}, "invalid", "force"),
    ],
)
def test_bad_input_is_refused_with_its_field(
    operator: APIClient, body: dict[str, Any], code: str, field: str
) -> None:
    answer = operator.post(DEPLOYMENTS, body)
    assert answer.status_code == 400
    found = answer.json()
    assert found["code"] == code
    assert field in (found.get("field"), *found.get("fields", {}))
    assert not Deployment.objects.exists()


def test_an_alias_takes_no_name_that_is_none(operator: APIClient) -> None:
    alias = {"name": "../x", "version": make_version().pk}
    answer = operator.post(DEPLOYMENTS, {"target": "alias", "alias": alias})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_field_within_a_field_is_named(operator: APIClient) -> None:
    body = {"target": "alias", "alias": {"name": "production", "version": 1, "number": 1}}
    refused = operator.post("/api/v1/deployments/", body, format="json")
    assert refused.status_code == 400
    assert refused.json()["fields"] == {"alias.number": ["There is no such field."]}
    assert refused.json()["field"] == "alias.number"


def test_an_empty_detector_lets_a_camera_follow_the_gateway_again(operator: APIClient) -> None:
    make_version()
    camera = make_camera()
    deployed(operator, target="camera", camera=camera.pk, detector="yard:1")
    body = {"target": "camera", "camera": camera.pk, "detector": ""}
    assert operator.post(DEPLOYMENTS, body).status_code == 204
    assert of_camera(operator, camera)["detector"] == "motion"


def test_deployments_are_listed_newest_first_paged_and_filtered(operator: APIClient) -> None:
    make_version()
    make_version()
    camera = make_camera()
    for detector in ("yard:1", "yard:2"):
        deployed(operator, target="gateway", detector=detector)
    deployed(operator, target="camera", camera=camera.pk, detector="yard:1")
    listed = operator.get(DEPLOYMENTS).json()
    assert [row["detector"] for row in listed["results"]] == ["yard:1", "yard:2", "yard:1"]
    for query, count in (
        (f"camera={camera.pk}", 1),
        ("target=gateway", 2),
        ("state=replaced", 1),
        ("camera=99999", 0),
    ):
        assert len(operator.get(f"{DEPLOYMENTS}?{query}").json()["results"]) == count, query
    first = operator.get(f"{DEPLOYMENTS}?page_size=2").json()
    assert len(first["results"]) == 2
    assert len(operator.get(first["next"]).json()["results"]) == 1
    for query in ("camera=x", "state=odd", "colour=red", "page_size=0", "cursor=x"):
        assert operator.get(f"{DEPLOYMENTS}?{query}").status_code == 400, query


def test_what_is_in_service_says_whose_choice_it_is_and_how_it_does(operator: APIClient) -> None:
    version = make_version()
    camera, own = make_camera("Gate"), make_camera("Yard", detector="motion")
    deployment = deployed(operator, target="gateway", detector="yard:1")
    figures = {"latency_p50_ms": 11.0, "latency_p95_ms": 19.5, "detections": 2.5}
    running = {"detector": "yard:1", "detector_version": version.pk, "detector_restarts": 2}
    ingest([status(camera, analysed_fps=9.5, frames_skipped=3, **figures, **running)])
    store_version_message(TrialPassed(camera.pk, version.pk, NOON_S))

    found = operator.get(IN_SERVICE).json()
    gateway, *others = found["targets"]
    assert (gateway["target"], gateway["chosen"], gateway["cameras"]) == (
        "gateway",
        "yard:1",
        [camera.pk],
    )
    assert gateway["deployment"]["id"] == deployment["id"]
    columns = ("module", "chosen", "detector", "cameras", "reach")
    assert [tuple(row[name] for name in columns) for row in others] == [
        ("vehicle_traffic", "", "yard:1", [], [camera.pk]),
        ("person_count", "", "yard:1", [], [camera.pk]),
    ]
    entry = of_camera(operator, camera)
    assert (entry["by"], entry["version_name"], entry["passed"]) == ("gateway", "yard:1", True)
    assert entry["deployment"]["state"] == "active"
    live = entry["live"]
    assert (live["latency_p50_ms"], live["latency_p95_ms"], live["analysed_fps"]) == (11, 19.5, 9.5)
    assert (live["detections_per_frame"], live["frames_skipped"]) == (2.5, 3)
    assert (live["detector_version"], live["detector_restarts"]) == (version.pk, 2)
    other = of_camera(operator, own)
    assert (other["by"], other["chosen"], other["deployment"]) == ("camera", "motion", None)


def test_what_rolled_itself_back_shows_its_cause_until_something_else_is_deployed(
    operator: APIClient,
) -> None:
    version = make_version()
    make_version()
    camera = make_camera("Gate")
    deployed(operator, target="camera", camera=camera.pk, detector="yard:1")
    store_version_message(RolledBack(camera.pk, version.pk, 0, "blind", "0 boxes", NOON_S))
    entry = of_camera(operator, camera)
    assert (entry["detector"], entry["deployment"]) == ("motion", None)
    failed = entry["rolled_back"]
    assert (failed["cause"], failed["detail"]) == ("blind", "Gate: 0 boxes")
    assert (failed["ended_by"], failed["message"]) == (
        "",
        "It found nothing where the version before found objects.",
    )
    deployed(operator, target="gateway", detector="yard:2")
    entry = of_camera(operator, camera)
    assert (entry["detector"], entry["rolled_back"]) == ("yard:2", None)


def test_aliases_are_targets_too(operator: APIClient) -> None:
    version = make_version()
    camera = make_camera()
    alias = {"version": version.pk, "name": "production"}
    operator.post(DEPLOYMENTS, {"target": "alias", "alias": alias})
    deployed(operator, target="camera", camera=camera.pk, detector="yard@production")
    last = operator.get(IN_SERVICE).json()["targets"][-1]
    assert (last["target"], last["alias"], last["cameras"]) == (
        "alias",
        "yard@production",
        [camera.pk],
    )
    assert last["version_name"] == "yard:1"


def test_the_queries_of_what_is_in_service_do_not_grow_with_the_cameras(
    operator: APIClient,
) -> None:
    version = make_version()
    make_version()
    alias = {"version": version.pk, "name": "production"}
    operator.post(DEPLOYMENTS, {"target": "alias", "alias": alias})

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert operator.get(IN_SERVICE).status_code == 200
        return len(captured)

    def grow() -> None:
        camera = make_camera()
        deployed(operator, target="camera", camera=camera.pk, detector="yard@production")
        second = {"camera": camera.pk, "version": version.pk + 1}
        assert operator.post(SHADOWS, second).status_code == 201

    grow()
    before = queries()
    for _ in range(4):
        grow()
    assert queries() == before


def test_a_shadow_is_started_reported_stopped_and_promoted(operator: APIClient) -> None:
    version = make_version()
    camera = make_camera("Gate")
    body = {"camera": camera.pk, "version": version.pk}
    made = operator.post(SHADOWS, body)
    assert made.status_code == 201
    one = f"{SHADOWS}{made.json()['id']}/"
    figures = {"frames": 120, "agreement": 0.93, "counts_active": {"gate|forward|car": 4}}
    store_version_message(ShadowReport(camera.pk, version.pk, NOON_S, NOON_S + 60, **figures))
    found = operator.get(one).json()
    assert (found["camera_name"], found["version_name"], found["running"]) == (
        "Gate",
        "yard:1",
        True,
    )
    assert (found["report"]["agreement"], found["report"]["frames"]) == (0.93, 120)
    assert of_camera(operator, camera)["shadow"] == found
    stopped = operator.post(f"{one}stop/").json()
    assert (stopped["running"], stopped["report"]["frames"]) == (False, 120)
    again = operator.post(f"{one}stop/")
    assert (again.status_code, again.json()["code"]) == (409, "not_running")
    promoted = operator.post(f"{one}promote/")
    assert (promoted.status_code, promoted.json()["detector"]) == (201, "yard:1")
    assert of_camera(operator, camera)["detector"] == "yard:1"
    refused = operator.post(f"{one}promote/")
    assert (refused.status_code, refused.json()["code"]) == (400, "in_service")


def test_shadows_are_listed_and_filtered_and_bad_input_is_refused(operator: APIClient) -> None:
    version = make_version()
    camera, other = make_camera(), make_camera()
    for where in (camera, other):
        operator.post(SHADOWS, {"camera": where.pk, "version": version.pk})
    ShadowRun.objects.filter(camera=other).update(running=False)
    assert len(operator.get(SHADOWS).json()["results"]) == 2
    (running,) = operator.get(f"{SHADOWS}?running=true").json()["results"]
    assert running["camera"] == camera.pk
    assert len(operator.get(f"{SHADOWS}?camera={other.pk}").json()["results"]) == 1
    for body, code in (
        ({"camera": 99999, "version": version.pk}, "camera"),
        ({"camera": camera.pk, "version": 99999}, "version"),
        ({"camera": camera.pk}, "invalid"),
        ({"camera": camera.pk, "version": version.pk, "beside": 1}, "invalid"),
    ):
        answer = operator.post(SHADOWS, body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_viewer_looks_and_changes_nothing(viewer: APIClient, operator: APIClient) -> None:
    version = make_version()
    camera = make_camera()
    made = deployed(operator, target="gateway", detector="yard:1")
    assert viewer.get(IN_SERVICE).status_code == 200
    assert viewer.get(f"{DEPLOYMENTS}{made['id']}/").status_code == 200
    for path, body in (
        (DEPLOYMENTS, {"target": "gateway", "detector": "motion"}),
        (f"{DEPLOYMENTS}{made['id']}/rollback/", {}),
        (SHADOWS, {"camera": camera.pk, "version": version.pk}),
    ):
        assert viewer.post(path, body).status_code == 403


def test_a_version_in_service_is_not_deleted_over_rest(
    admin: APIClient, operator: APIClient
) -> None:
    version = make_version()
    deployed(operator, target="gateway", detector="yard:1")
    answer = admin.delete(f"/api/v1/versions/{version.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
