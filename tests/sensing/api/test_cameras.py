from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from sensing.ingest import ingest
from sensing.models import Camera, CameraState, Scene
from tests.sensing.rows import SCENE, make_camera, status

CAMERAS = "/api/v1/cameras/"
GATE = {"name": "Gate", "kind": "rtsp", "url": "rtsp://192.0.2.1/a"}
SECRET = "top-s3cret"


def test_an_operator_registers_reads_changes_and_deletes_a_camera(operator: APIClient) -> None:
    answer = operator.post(CAMERAS, GATE | {"analysed_fps": 5, "pictures": "none"})
    assert answer.status_code == 201, answer.json()
    camera = answer.json()
    assert (camera["name"], camera["analysed_fps"], camera["pictures"]) == ("Gate", 5, "none")
    assert camera["state"]["state"] == "connecting"
    one = f"{CAMERAS}{camera['id']}/"
    assert operator.get(one).json() == camera
    assert [entry["id"] for entry in operator.get(CAMERAS).json()] == [camera["id"]]

    changed = operator.patch(one, {"name": "Yard", "detector": "motion"}).json()
    assert (changed["name"], changed["analysed_fps"]) == ("Yard", 5)
    whole = operator.put(one, GATE | {"position": 7}).json()
    assert (whole["name"], whole["position"], whole["analysed_fps"]) == ("Gate", 7, 5)

    assert operator.delete(one).status_code == 204
    assert operator.get(one).status_code == 404


def test_attention_is_off_until_it_is_switched_on_and_stays_as_it_was(
    operator: APIClient,
) -> None:
    camera = operator.post(CAMERAS, GATE).json()
    assert camera["attention"] is False
    one = f"{CAMERAS}{camera['id']}/"
    assert operator.patch(one, {"attention": True}).json()["attention"] is True
    assert operator.put(one, GATE).json()["attention"] is True
    other = GATE | {"name": "Yard", "attention": True}
    assert operator.post(CAMERAS, other).json()["attention"] is True


def test_what_was_read_can_be_sent_back(operator: APIClient) -> None:
    camera = operator.post(CAMERAS, GATE).json()
    answer = operator.put(f"{CAMERAS}{camera['id']}/", camera)
    assert answer.status_code == 200, answer.json()


def test_credentials_go_in_and_never_come_out(operator: APIClient) -> None:
    url = f"rtsp://keeper:{SECRET}@192.0.2.1/a"
    answers = [operator.post(CAMERAS, GATE | {"url": url})]
    pk = answers[0].json()["id"]
    answers += [
        operator.get(CAMERAS),
        operator.get(f"{CAMERAS}{pk}/"),
        operator.patch(f"{CAMERAS}{pk}/", {"password": SECRET}),
        operator.get(f"{CAMERAS}{pk}/live/"),
        operator.get("/api/v1/live/"),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201)
        assert SECRET not in answer.content.decode()
        assert "keeper" not in answer.content.decode()
    assert answers[2].json()["has_credentials"] is True
    assert Camera.objects.get().password == SECRET
    operator.patch(f"{CAMERAS}{pk}/", {"clear_password": True, "username": ""})
    assert operator.get(f"{CAMERAS}{pk}/").json()["has_credentials"] is False


def test_a_camera_is_paused_and_resumed(operator: APIClient) -> None:
    camera = make_camera()
    ingest([status(camera, "live")])
    paused = operator.post(f"{CAMERAS}{camera.pk}/pause/").json()
    assert (paused["paused"], paused["state"]["state"]) == (True, "paused")
    resumed = operator.post(f"{CAMERAS}{camera.pk}/resume/").json()
    assert (resumed["paused"], resumed["state"]["state"]) == (False, "connecting")


NONSENSE: list[tuple[Any, str | None]] = [
    ([], None),
    ("camera", None),
    (None, None),
    ({}, "kind"),
    (GATE | {"name": None}, "name"),
    (GATE | {"name": ["a"]}, "name"),
    (GATE | {"name": {"a": 1}}, "name"),
    (GATE | {"name": ""}, "name"),
    (GATE | {"name": "a\x00b"}, "name"),
    (GATE | {"name": "x" * 81}, "name"),
    (GATE | {"kind": "ftp"}, "kind"),
    (GATE | {"kind": 7}, "kind"),
    (GATE | {"kind": ["rtsp"]}, "kind"),
    (GATE | {"kind": {}}, "kind"),
    (GATE | {"url": 7}, "url"),
    (GATE | {"url": "ftp://192.0.2.1/"}, "url"),
    (GATE | {"url": "rtsp://169.254.169.254/"}, "url"),
    (GATE | {"url": "rtsp://[::1"}, "url"),
    (GATE | {"url": "rtsp://192.0.2.1/" + "a" * 2000}, "url"),
    ({"name": "a", "kind": "file", "url": "/etc/passwd"}, "url"),
    ({"name": "a", "kind": "file", "url": "file:///etc/passwd"}, "url"),
    (GATE | {"password": ["a"]}, "password"),
    (GATE | {"password": "a\nb"}, "password"),
    (GATE | {"loop": "perhaps"}, "loop"),
    (GATE | {"paused": []}, "paused"),
    (GATE | {"analysed_fps": "fast"}, "analysed_fps"),
    (GATE | {"analysed_fps": "nan"}, "analysed_fps"),
    (GATE | {"analysed_fps": "inf"}, "analysed_fps"),
    (GATE | {"analysed_fps": True}, "analysed_fps"),
    (GATE | {"analysed_fps": 31}, "analysed_fps"),
    (GATE | {"analysed_fps": None}, "analysed_fps"),
    (GATE | {"pictures": "pretty"}, "pictures"),
    (GATE | {"attention": "sometimes"}, "attention"),
    (GATE | {"detector": "../../etc/passwd"}, "detector"),
    (GATE | {"detector": 1.5e300}, "detector"),
    (GATE | {"position": -1}, "position"),
    (GATE | {"position": 2**64}, "position"),
    (GATE | {"position": 1.5}, "position"),
    (GATE | {"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("body", "field"), NONSENSE)
def test_nonsense_is_refused_in_clear_words(
    operator: APIClient, body: Any, field: str | None
) -> None:
    answer = operator.post(CAMERAS, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    document = answer.json()
    assert document["code"]
    assert document["message"]
    assert document.get("field") == field
    assert not Camera.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"name=Gate", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "text/xml", 415),
    ],
)
def test_a_body_that_is_no_json_is_refused(
    operator: APIClient, body: bytes, content_type: str, code: int
) -> None:
    answer = operator.post(CAMERAS, body, content_type=content_type)
    assert answer.status_code == code
    assert answer.json()["message"]


@pytest.mark.parametrize("pk", ["0", "999999", str(2**70), "abc", "-1", "1.5", "%00"])
def test_a_camera_that_is_not_there_is_not_found(operator: APIClient, pk: str) -> None:
    for path in ("", "live/", "scene/"):
        assert operator.get(f"{CAMERAS}{pk}/{path}").status_code == 404


def test_a_scene_is_read_changed_and_sent_back(operator: APIClient) -> None:
    camera = make_camera()
    url = f"{CAMERAS}{camera.pk}/scene/"
    read = operator.get(url).json()
    assert {k: v for k, v in read.items() if k != "revision"} == {"version": 1, **SCENE}
    read["anchor"] = "bottom"
    saved = operator.put(url, read)
    assert saved.status_code == 200, saved.json()
    assert saved.json() == read | {"revision": read["revision"] + 1}
    stale = operator.put(url, read)
    assert stale.status_code == 409
    assert stale.json()["code"] == "conflict"
    without = {k: v for k, v in read.items() if k != "revision"}
    assert operator.put(url, without).status_code == 200


def test_ground_truth_files_are_scenes_with_more_keys(operator: APIClient) -> None:
    camera = make_camera()
    document = SCENE | {"events": [{"time_s": 1.0}], "video": "street.mp4"}
    del document["modules"]
    answer = operator.put(f"{CAMERAS}{camera.pk}/scene/", document)
    assert answer.status_code == 200, answer.json()
    kinds = [module["kind"] for module in answer.json()["modules"]]
    assert kinds == ["vehicle_traffic", "person_count"]


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        "scene",
        {},
        {"name": "Gate", "kind": "rtsp"},
        {"lines": {}},
        {"lines": [1]},
        {"lines": [{"name": "a", "points": [[0.5, 0.5], [0.5, 0.5]]}]},
        {"lines": [{"name": "a", "points": [[0, 0], [1, 2]]}]},
        {"lines": [{"name": "a", "points": [["x", 0], [1, 1]]}]},
        {"lines": [{"name": 1, "points": [[0, 0], [1, 1]]}]},
        {"lines": [{"id": "a b", "name": "a", "points": [[0, 0], [1, 1]]}]},
        {"lines": [SCENE["lines"][0], SCENE["lines"][0]]},
        {"zones": [{"name": "a", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]},
        {"zones": [{"name": "a", "points": [[0, 0], [1, 1]]}]},
        {"modules": [{"kind": "mind_reading"}]},
        {"modules": [{"kind": "person_count", "parameters": {"nonsense": 1}}]},
        {"modules": [{"kind": "person_count", "parameters": []}]},
        {"anchor": "left"},
        SCENE | {"revision": "1"},
        SCENE | {"revision": True},
        SCENE | {"revision": 1.5},
    ],
)
def test_a_scene_that_cannot_be_is_refused(operator: APIClient, document: Any) -> None:
    camera = make_camera()
    url = f"{CAMERAS}{camera.pk}/scene/"
    answer = operator.put(url, json.dumps(document), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert Scene.objects.get().document() == {"version": 1, **SCENE}


def test_a_request_that_lost_its_body_does_not_erase_the_scene(operator: APIClient) -> None:
    camera = make_camera()
    answer = operator.put(f"{CAMERAS}{camera.pk}/scene/")
    assert answer.status_code == 400
    assert "lines" in answer.json()["message"]
    assert Scene.objects.get().document() == {"version": 1, **SCENE}


def test_a_request_that_is_too_big_is_refused_in_words(operator: APIClient) -> None:
    answer = operator.post(
        CAMERAS, json.dumps({"name": "x" * 3_000_000}), content_type="application/json"
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_big"


@pytest.mark.parametrize(
    ("kind", "url"), [("file", "a" * 300 + ".mp4"), ("sim", "sim://[road"), ("rtsp", "rtsp://[::1")]
)
def test_an_address_that_nothing_can_read_is_refused(
    operator: APIClient, kind: str, url: str
) -> None:
    answer = operator.post(CAMERAS, {"name": "a", "kind": kind, "url": url})
    assert answer.status_code == 400
    assert answer.json()["field"] == "url"


def test_a_source_is_tested_before_it_is_registered(operator: APIClient) -> None:
    video = Path(settings.VIDEO_DIRS[0]) / "tested.avi"
    video.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for shade in range(20):
        writer.write(np.full((48, 64, 3), shade * 10, np.uint8))
    writer.release()
    try:
        found = operator.post(f"{CAMERAS}test/", {"kind": "file", "url": "tested.avi"}).json()
        assert found["ok"] is True, found
        assert (found["width"], found["height"]) == (64, 48)
        assert found["still"].startswith("data:image/jpeg;base64,/9j/")
        stored = operator.post(CAMERAS, {"name": "a", "kind": "file", "url": "tested.avi"}).json()
        assert operator.post(f"{CAMERAS}{stored['id']}/test/", {}).json()["ok"] is True
    finally:
        video.unlink()


def test_a_source_without_a_picture_is_answered_with_cause_and_advice(operator: APIClient) -> None:
    source = {"kind": "rtsp", "url": f"rtsp://keeper:{SECRET}@127.0.0.1:1/a"}
    answer = operator.post(f"{CAMERAS}test/", source)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["ok"], found["cause"]) == (False, "unreachable")
    assert found["message"]
    assert found["advice"]
    assert SECRET not in answer.content.decode()


def test_a_test_does_not_send_a_stored_password_to_another_machine(operator: APIClient) -> None:
    camera = make_camera(url="rtsp://192.0.2.1/a", username="keeper", password=SECRET)
    answer = operator.post(f"{CAMERAS}{camera.pk}/test/", {"url": "rtsp://127.0.0.1:1/a"})
    assert answer.status_code == 400
    assert answer.json()["field"] == "password"


def test_lists_take_a_fixed_number_of_queries(operator: APIClient) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(url).status_code == 200
        return len(captured)

    make_camera()
    urls = (CAMERAS, "/api/v1/live/")
    few = [queries(url) for url in urls]
    for _ in range(5):
        make_camera()
    assert [queries(url) for url in urls] == few


def test_times_of_a_state_are_in_the_time_zone_of_the_site(admin: APIClient) -> None:
    camera = make_camera()
    ingest([status(camera, last_frame_at_s=1_767_268_800.0)])
    admin.patch("/api/v1/site/", {"time_zone": "Asia/Tokyo"})
    state = admin.get(f"{CAMERAS}{camera.pk}/").json()["state"]
    assert state["last_frame_at"] == "2026-01-01T21:00:00+09:00"
    assert CameraState.objects.get().last_frame_at is not None
