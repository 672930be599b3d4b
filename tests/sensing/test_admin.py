from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sensing import models
from sensing.ingest import ingest
from sensing.models import Camera, Scene, SensingModule, Site
from sensing.selectors import current_site
from sensing.selectors.detectors import GATEWAY
from sensing.services.deployments import deploy
from tests.registry_rows import make_version
from tests.sensing.rows import NOON, SCENE, crossing, facts, make_camera, make_user, visit

pytestmark = pytest.mark.django_db

RESULTS = ("crossing", "visit", "countinterval", "observedminute", "zoneminute")
SECRET = "top-s3cret"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("olga", "operator"))
    return client


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("anna", "admin"))
    return client


def camera_fields(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Gate",
        "kind": "rtsp",
        "url": "rtsp://192.0.2.1/a",
        "analysed_fps": "10",
        "pictures": "clear",
        "detector": "motion",
        "position": "0",
    } | changes


def text(response: Any) -> str:
    return str(response.content.decode())


def test_an_operator_registers_changes_and_deletes_a_camera(operator: Client) -> None:
    fields = camera_fields(url=f"rtsp://keeper:{SECRET}@192.0.2.1/a")
    response = operator.post(reverse("admin:sensing_camera_add"), fields)
    assert response.status_code == 302, text(response)
    camera = Camera.objects.get()
    assert (camera.url, camera.username, camera.password) == (
        "rtsp://192.0.2.1/a",
        "keeper",
        SECRET,
    )
    assert camera.scene.revision == 0

    change = reverse("admin:sensing_camera_change", args=[camera.pk])
    page = text(operator.get(change))
    assert SECRET not in page
    assert "keeper" not in page
    fields = camera_fields(name="Yard", paused="on", attention="on")
    response = operator.post(change, fields)
    assert response.status_code == 302, text(response)
    camera.refresh_from_db()
    assert (camera.name, camera.password, camera.paused) == ("Yard", SECRET, True)
    assert camera.attention is True

    delete = reverse("admin:sensing_camera_delete", args=[camera.pk])
    assert "with everything it counted" in text(operator.get(delete))
    assert operator.post(delete, {"post": "yes"}).status_code == 302
    assert not Camera.objects.exists()
    history = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert SECRET not in history


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://192.0.2.1/"},
        {"kind": "http", "url": "http://169.254.169.254/"},
        {"kind": "file", "url": "/etc/passwd"},
        {"analysed_fps": "nan"},
        {"analysed_fps": "31"},
        {"detector": "unknown"},
        {"name": "Taken"},
        {"kind": "teleport"},
    ],
)
def test_a_camera_that_cannot_be_is_refused_on_the_page(
    operator: Client, wrong: dict[str, str]
) -> None:
    make_camera("Taken")
    response = operator.post(reverse("admin:sensing_camera_add"), camera_fields(**wrong))
    assert response.status_code == 200
    assert "errorlist" in text(response)
    assert Camera.objects.count() == 1


def test_credentials_are_replaced_and_removed(operator: Client) -> None:
    camera = make_camera("Gate", url="rtsp://192.0.2.1/a", username="keeper", password=SECRET)
    change = reverse("admin:sensing_camera_change", args=[camera.pk])
    operator.post(change, camera_fields(new_password="  spaced  "))
    camera.refresh_from_db()
    assert (camera.username, camera.password) == ("keeper", "  spaced  ")
    response = operator.post(change, camera_fields(url="rtsp://192.0.2.99/a"))
    assert "type the camera" in text(response)
    operator.post(change, camera_fields(clear_credentials="on", url="rtsp://192.0.2.99/a"))
    camera.refresh_from_db()
    assert (camera.username, camera.password) == ("", "")
    assert camera.url == "rtsp://192.0.2.99/a"


def test_many_cameras_are_deleted_at_once(operator: Client) -> None:
    cameras = [make_camera(), make_camera()]
    ingest([facts(cameras[0], crossing(1))])
    data = {"action": "delete_selected", "_selected_action": [c.pk for c in cameras], "post": "yes"}
    assert operator.post(reverse("admin:sensing_camera_changelist"), data).status_code == 302
    assert not Camera.objects.exists()
    assert not models.Crossing.objects.exists()


def scene_fields(scene: Scene, **changes: Any) -> dict[str, Any]:
    return {
        "anchor": "bottom",
        "lines": json.dumps(SCENE["lines"]),
        "zones": "[]",
        "based_on": scene.revision,
    } | changes


def test_a_scene_is_changed_and_its_modules_stay(operator: Client) -> None:
    scene = make_camera().scene
    change = reverse("admin:sensing_scene_change", args=[scene.pk])
    response = operator.post(change, scene_fields(scene))
    assert response.status_code == 302, text(response)
    saved = Scene.objects.get()
    assert saved.document() == {"version": 1, **SCENE, "anchor": "bottom", "zones": []}
    assert saved.revision == scene.revision + 1
    assert saved.updated_by is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": "{"},
        {"lines": '{"a": 1}'},
        {"lines": '[{"name": "a", "points": [[0.5, 0.5], [0.5, 0.5]]}]'},
        {"zones": '[{"name": "a", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]'},
        {"zones": '[{"name": "a", "points": [[0, 0], [2, 1], [1, 0]]}]'},
        {"anchor": "left"},
        {"based_on": "0"},
        {"based_on": ""},
    ],
)
def test_a_scene_that_cannot_be_is_refused_on_the_page(
    operator: Client, wrong: dict[str, str]
) -> None:
    scene = make_camera().scene
    change = reverse("admin:sensing_scene_change", args=[scene.pk])
    response = operator.post(change, scene_fields(scene, **wrong))
    assert response.status_code == 200
    assert "errorlist" in text(response) or "errornote" in text(response)
    assert Scene.objects.get().revision == scene.revision


def test_a_module_is_switched_and_its_parameters_are_checked(operator: Client) -> None:
    camera = make_camera()
    revision = camera.scene.revision
    module = SensingModule.objects.get(kind="person_count")
    change = reverse("admin:sensing_sensingmodule_change", args=[module.pk])
    response = operator.post(change, {"parameters": '{"nonsense": 1}', "enabled": "on"})
    assert "errorlist" in text(response)
    assert operator.post(change, {"parameters": "{}"}).status_code == 302
    module.refresh_from_db()
    assert not module.enabled
    assert Scene.objects.get().revision == revision + 1
    delete = reverse("admin:sensing_sensingmodule_delete", args=[module.pk])
    assert operator.post(delete, {"post": "yes"}).status_code == 302
    assert Scene.objects.get().revision == revision + 2
    add = {"camera": camera.pk, "kind": "person_count", "parameters": "{}", "enabled": "on"}
    response = operator.post(reverse("admin:sensing_sensingmodule_add"), add)
    assert response.status_code == 302, text(response)


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_shown_but_nobody_changes_them(admin: Client, name: str) -> None:
    camera = make_camera("Gate")
    ingest([facts(camera, crossing(1), visits=(visit(1),), observed_s={NOON: 1.0})])
    page = admin.get(reverse(f"admin:sensing_{name}_changelist"))
    assert "Gate" in text(page)
    row = getattr(models, {m.__name__.lower(): m.__name__ for m in result_models()}[name])
    pk = row.objects.get().pk
    assert admin.get(reverse(f"admin:sensing_{name}_add")).status_code == 403
    assert admin.post(reverse(f"admin:sensing_{name}_change", args=[pk])).status_code == 403
    assert admin.post(reverse(f"admin:sensing_{name}_delete", args=[pk])).status_code == 403
    assert admin.get(reverse(f"admin:sensing_{name}_change", args=[pk])).status_code == 200


def result_models() -> list[Any]:
    return [
        models.Crossing,
        models.Visit,
        models.CountInterval,
        models.ObservedMinute,
        models.ZoneMinute,
    ]


@pytest.mark.parametrize("name", RESULTS)
def test_a_page_of_results_counts_no_table_and_asks_once(admin: Client, name: str) -> None:
    camera = make_camera()

    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(reverse(f"admin:sensing_{name}_changelist")).status_code == 200
        return [query["sql"] for query in captured]

    ingest([facts(camera, crossing(1), visits=(visit(1),), observed_s={NOON: 1.0})])
    few = statements()
    assert not [sql for sql in few if "COUNT(" in sql and f"sensing_{name}" in sql]
    more = [crossing(i, 1_767_268_800.0 + 60 * i) for i in range(2, 30)]
    visits = tuple(visit(i, 1_767_268_800.0 + 60 * i) for i in range(2, 30))
    ingest([facts(camera, *more, visits=visits, sequence=1, observed_s={NOON + 1: 1.0})])
    assert len(statements()) == len(few)


def test_the_list_of_cameras_takes_a_fixed_number_of_queries(admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(reverse("admin:sensing_camera_changelist")).status_code == 200
        return len(captured)

    make_camera()
    few = queries()
    for _ in range(5):
        make_camera()
    assert queries() == few


def test_a_detector_chosen_on_the_admin_page_is_deployed(operator: Client) -> None:
    make_version()
    camera = make_camera("Gate", scene={"lines": []})
    change = reverse("admin:sensing_camera_change", args=[camera.pk])
    assert "yard:1" in text(operator.get(change))
    assert operator.post(change, camera_fields(detector="yard:1")).status_code == 302
    deployment = models.Deployment.objects.get()
    assert deployment.created_by is not None
    assert (deployment.camera, deployment.created_by.get_username()) == (camera, "olga")
    assert (deployment.version_name, deployment.state) == ("yard:1", "trial")
    listed = text(operator.get(reverse("admin:sensing_deployment_changelist")))
    assert "yard:1" in listed


def test_the_sites_page_shows_its_detector_and_leaves_it_as_deployed(admin: Client) -> None:
    make_version()
    current_site()
    deploy(by=None, target=GATEWAY, reference="yard:1")
    change = reverse("admin:sensing_site_change", args=[1])
    assert "yard:1" in text(admin.get(change))
    fields = {
        "name": "Harbour",
        "time_zone": "UTC",
        "keep_crossings_days": "30",
        "keep_intervals_days": "365",
        "keep_strips_days": "7",
        "default_pictures": "clear",
        "detector": "motion",
        "speed_unit": "mph",
        "car_units": '{"car": 1.0, "truck": 2.5}',
    }
    assert admin.post(change, fields).status_code == 302
    site = Site.objects.get()
    assert (site.name, site.detector) == ("Harbour", "yard:1")


def test_the_admin_bears_the_sites_name_and_the_gateways_icon(admin: Client) -> None:
    Site.objects.update_or_create(pk=1, defaults={"name": "Harbour <gate>"})
    page = admin.get(reverse("admin:index")).content.decode()
    assert '<div id="site-name"><a href="/">Harbour &lt;gate&gt;</a></div>' in page
    assert 'rel="icon" href="/static/img/icon.svg"' in page
