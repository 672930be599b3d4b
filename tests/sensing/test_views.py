from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from aision.accounts.roles import ROLES, user_set_role
from sensing import services
from sensing.models import Camera, Crossing
from sensing.selectors import current_site
from tests.registry_rows import make_version

pytestmark = pytest.mark.django_db
SCENE = {
    "lines": [{"id": "gate", "name": "Gate", "points": [[0.1, 0.5], [0.9, 0.5]]}],
    "zones": [{"id": "hall", "name": "Hall", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
}


@pytest.fixture
def camera() -> Camera:
    camera = services.camera_register(
        by=None,
        name="North gate",
        kind="rtsp",
        url="rtsp://192.0.2.7/stream1",
        username="watcher",
        password="a-secret-of-the-camera",
    )
    services.scene_save(camera=camera, by=None, document=SCENE)
    return camera


def client_of(role: str) -> Client:
    user = User.objects.create_user(role)
    user_set_role(user, role)  # type: ignore[arg-type]
    client = Client()
    client.force_login(user)
    return client


# path, and the weakest role that may see it
PAGES = [
    ("/", "viewer"),
    ("/cameras/", "viewer"),
    ("/cameras/{pk}/", "viewer"),
    ("/cameras/{pk}/scene/export/", "viewer"),
    ("/traffic/", "viewer"),
    ("/traffic/speeds/", "viewer"),
    ("/traffic/flow/", "viewer"),
    ("/settings/", "viewer"),
    ("/cameras/new/", "operator"),
    ("/cameras/{pk}/edit/", "operator"),
    ("/cameras/{pk}/scene/", "operator"),
    ("/cameras/{pk}/delete/", "operator"),
    ("/settings/tokens/", "admin"),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("path", "weakest"), PAGES)
def test_each_page_opens_for_its_roles_only(
    camera: Camera, role: str, path: str, weakest: str
) -> None:
    allowed = ROLES.index(role) >= ROLES.index(weakest)  # type: ignore[arg-type]
    answer = client_of(role).get(path.format(pk=camera.pk))
    assert answer.status_code == (200 if allowed else 403)


@pytest.mark.parametrize(("path", "_weakest"), PAGES)
def test_a_stranger_is_sent_to_the_log_in(camera: Camera, path: str, _weakest: str) -> None:
    answer = Client().get(path.format(pk=camera.pk))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")


def test_stored_credentials_are_in_no_page(camera: Camera) -> None:
    client = client_of("admin")
    for path, _weakest in PAGES:
        page = client.get(path.format(pk=camera.pk)).content.decode()
        assert "a-secret-of-the-camera" not in page
        assert "watcher" not in page


def test_a_viewer_changes_nothing(camera: Camera) -> None:
    client = client_of("viewer")
    for action in ("pause", "resume", "delete", "edit", "scene/import"):
        assert client.post(f"/cameras/{camera.pk}/{action}/").status_code == 403
    assert client.post("/settings/", {"name": "Mine"}).status_code == 403
    assert not Camera.objects.get().paused


def test_a_camera_is_registered_and_its_lines_are_drawn_next() -> None:
    answer = client_of("operator").post(
        "/cameras/new/",
        {
            "name": "South gate",
            "kind": "http",
            "url": "http://someone:hidden@192.0.2.8/video.mjpg",
            "pictures": "blurred",
            "detector": "motion",
            "analysed_fps": "5",
            "attention": "on",
            "module_person_count": "on",
            "module_person_count__minimum_stay_s": "4",
        },
    )
    camera = Camera.objects.get()
    assert answer.headers["Location"] == f"/cameras/{camera.pk}/scene/"
    assert (camera.url, camera.pictures) == ("http://192.0.2.8/video.mjpg", "blurred")
    assert camera.attention is True
    assert (camera.analysed_fps, camera.username, camera.password) == (5.0, "someone", "hidden")
    assert camera.scene.document()["modules"] == [
        {"kind": "person_count", "parameters": {"minimum_stay_s": 4.0}}
    ]


def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(camera: Camera) -> None:
    form = {"kind": "rtsp", "pictures": "clear", "detector": "motion", "analysed_fps": "10"}
    answer = client_of("operator").post(
        "/cameras/new/", {**form, "name": "Files", "url": "ftp://192.0.2.9/a"}
    )
    assert answer.status_code == 422
    assert answer.context["form"].errors["url"]
    assert 'value="ftp://192.0.2.9/a"' in answer.content.decode()
    assert 'value="10"' in answer.content.decode()
    assert Camera.objects.count() == 1


def test_an_address_that_is_no_url_is_refused_at_its_field(camera: Camera) -> None:
    form = {"kind": "sim", "pictures": "clear", "detector": "motion", "analysed_fps": "10"}
    answer = client_of("operator").post(
        "/cameras/new/", {**form, "name": "Broken", "url": "sim://[road"}
    )
    assert answer.status_code == 422
    assert answer.context["form"].errors["url"]


def test_saving_a_camera_without_typing_keeps_its_credentials(camera: Camera) -> None:
    form = {"kind": "rtsp", "url": camera.url, "pictures": "none", "detector": "motion"}
    client = client_of("operator")
    path = f"/cameras/{camera.pk}/edit/"
    sent = {
        **form,
        "name": "North",
        "analysed_fps": "10",
        "module_vehicle_traffic": "on",
        "module_vehicle_traffic__classes": ["car", "bus"],
    }
    assert client.post(path, sent).status_code == 302
    saved = Camera.objects.get()
    assert (saved.name, saved.pictures) == ("North", "none")
    assert (saved.username, saved.password) == ("watcher", "a-secret-of-the-camera")
    assert client.post(path, {**sent, "clear_password": "on"}).status_code == 302
    saved = Camera.objects.get()
    assert (saved.username, saved.password) == ("", "")


def test_attention_is_chosen_beside_the_detector(camera: Camera) -> None:
    form = {"kind": "rtsp", "url": camera.url, "pictures": "none", "detector": "motion"}
    sent = {**form, "name": "North", "analysed_fps": "10"}
    client = client_of("operator")
    path = f"/cameras/{camera.pk}/edit/"
    assert 'name="attention">' in client.get(path).content.decode()
    assert client.post(path, {**sent, "attention": "on"}).status_code == 302
    assert Camera.objects.get().attention is True
    page = client.get(path).content.decode()
    assert 'name="attention" checked>' in page
    assert "Look only where something changes" in page
    assert client.post(path, sent).status_code == 302
    assert Camera.objects.get().attention is False


def test_a_camera_is_saved_whole_or_not_at_all(camera: Camera) -> None:
    form = {"kind": "rtsp", "url": camera.url, "pictures": "none", "detector": "motion"}
    sent = {**form, "name": "North", "analysed_fps": "10", "module_vehicle_traffic": "on"}
    answer = client_of("operator").post(f"/cameras/{camera.pk}/edit/", sent)
    assert answer.status_code == 422
    assert "at least one" in str(answer.context["form"].errors["module_vehicle_traffic__classes"])
    assert Camera.objects.get().name == "North gate"


def test_deleting_a_camera_that_holds_data_asks_for_its_name(camera: Camera) -> None:
    now = timezone.now()
    Crossing.objects.create(
        camera=camera, run_id="r", line_id="gate", track_id=1, nth=0, direction="forward",
        object_class="car", confidence=0.9, at=now, frame_index=1,
    )  # fmt: skip
    client = client_of("operator")
    path = f"/cameras/{camera.pk}/delete/"
    assert client.post(path, {"typed_name": "South gate"}).status_code == 200
    assert Camera.objects.count() == 1
    assert client.post(path, {"typed_name": "North gate"}).status_code == 302
    assert Camera.objects.count() == 0


def test_a_scene_goes_out_and_comes_back_as_a_file(camera: Camera) -> None:
    client = client_of("operator")
    exported = client.get(f"/cameras/{camera.pk}/scene/export/")
    assert 'filename="North-gate-scene.json"' in exported.headers["Content-Disposition"]
    document = json.loads(exported.content)
    assert [line["name"] for line in document["lines"]] == ["Gate"]
    document["lines"][0]["name"] = "Barrier"
    file = SimpleUploadedFile("scene.json", json.dumps(document).encode())
    answer = client.post(f"/cameras/{camera.pk}/scene/import/", {"scene": file})
    assert answer.status_code == 302
    assert Camera.objects.get().scene.lines[0]["name"] == "Barrier"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "This is not a JSON file"),
        (b"\xff\xfe\x00", "This is not a JSON file"),
        (b'{"lines": [{"name": "A", "points": [[0, 0], [0, 0]]}]}', "lines[0].points"),
        (b'{"modules": [{"kind": "telepathy"}]}', "telepathy"),
        (b"[" * 200_000, "This is not a JSON file"),
        (b"9" * 5000, "This is not a JSON file"),
        (b'{"name": "of something else"}', "expected at least one of lines"),
    ],
)
def test_a_bad_scene_file_is_refused_in_words_and_changes_nothing(
    camera: Camera, content: bytes, words: str
) -> None:
    file = SimpleUploadedFile("scene.json", content)
    answer = client_of("operator").post(f"/cameras/{camera.pk}/scene/import/", {"scene": file})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Camera.objects.get().scene.lines[0]["name"] == "Gate"


def test_settings_are_saved_by_an_admin(camera: Camera) -> None:
    sent = {
        "name": "Harbour",
        "time_zone": "Asia/Tokyo",
        "default_pictures": "blurred",
        "speed_unit": "mph",
        "car_units__bus": "2.5",
        "keep_crossings_days": "30",
        "keep_intervals_days": "365",
    }
    client = client_of("admin")
    assert client.post("/settings/", sent).status_code == 302
    site = current_site()
    assert (site.name, site.time_zone, site.keep_crossings_days) == ("Harbour", "Asia/Tokyo", 30)
    assert (site.speed_unit, site.car_units) == ("mph", {"bus": 2.5})
    answer = client.post("/settings/", sent | {"car_units__bus": "-1"})
    assert answer.status_code == 422
    assert current_site().car_units == {"bus": 2.5}


def test_a_token_is_shown_once(camera: Camera) -> None:
    client = client_of("admin")
    made = client.post("/settings/tokens/", {"name": "Wall", "scope": "read", "days": "30"})
    secret = made.context["secret"]
    assert secret in made.content.decode()
    again = client.get("/settings/tokens/").content.decode()
    assert secret not in again
    assert "Wall" in again


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/history/", "/traffic/"),
        ("/history/?camera=3&bin=60", "/traffic/?camera=3&bin=60"),
        ("/history/?tab=people", "/people/?tab=people"),
    ],
)
def test_bookmarks_of_the_history_page_lead_on(db: None, old: str, new: str) -> None:
    assert client_of("viewer").get(old).headers["Location"] == new


def test_the_page_deployments_offers_what_a_role_may_do(camera: Camera) -> None:
    make_version("yard")
    make_version("yard", contract=False)
    for role, may in (("viewer", False), ("operator", True)):
        answer = client_of(role).get("/models/deployments/")
        assert answer.status_code == 200
        assert set(answer.context["may"].values()) == {may}
        (entry,) = answer.context["in_service"]["cameras"]
        assert (entry["name"], entry["detector"], entry["by"]) == (camera.name, "motion", "gateway")
        # What nobody has said how to read cannot be deployed.
        assert [version["reference"] for version in answer.context["versions"]] == ["yard:1"]


def test_the_page_deployments_without_cameras_names_the_first_step(db: None) -> None:
    page = client_of("operator").get("/models/deployments/").content.decode()
    assert "Register your first camera" in page
