"""Uploading over REST: in one go, in parts, and everything that may go wrong on the way."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from models_registry.jobs.work import work
from models_registry.models import Job, Upload
from tests.models_registry.uploading import UPLOADS, begin, send, zoo_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


def at_once(client: APIClient, content: bytes, name: str, **more: str) -> dict[str, object]:
    file = SimpleUploadedFile(name, content)
    answer = client.post(UPLOADS, {"file": file, **more}, format="multipart")
    return answer.json() | {"status": answer.status_code}


def test_a_program_uploads_in_one_go_and_reads_the_verdict(admin: APIClient) -> None:
    upload = at_once(admin, zoo_model(), "gate.onnx", model="gate", licence="MIT")
    assert (upload["status"], upload["state"]) == (201, "inspecting")
    assert work() == 1
    verdict = admin.get(f"{UPLOADS}{upload['id']}/").json()
    assert (verdict["state"], verdict["version_name"]) == ("accepted", "gate:1")
    version = admin.get(f"/api/v1/versions/{verdict['version']}/").json()
    assert version["layout"] == "yolox"
    assert version["contract"]["input_width"] == 224
    assert version["inspection"]["opset"] == 13
    file = admin.get(f"/api/v1/versions/{verdict['version']}/file/")
    assert b"".join(file.streaming_content) == zoo_model()  # type: ignore[attr-defined]


def test_a_file_comes_in_parts_and_goes_on_where_it_broke_off(admin: APIClient) -> None:
    content = zoo_model()
    upload = begin(admin, "gate.onnx", len(content)).json()
    assert upload["received_bytes"] == 0
    half = len(content) // 2
    assert send(admin, upload["id"], 0, content[:half]).json()["received_bytes"] == half
    again = send(admin, upload["id"], 0, content[:half])
    assert (again.status_code, again.json()["code"]) == (409, "offset")
    assert admin.get(f"{UPLOADS}{upload['id']}/").json()["received_bytes"] == half
    assert send(admin, upload["id"], half, content[half:]).status_code == 200
    finished = admin.post(f"{UPLOADS}{upload['id']}/finish/")
    assert (finished.status_code, finished.json()["state"]) == (200, "inspecting")
    assert Job.objects.get().kind == "inspect"


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "first", "٣", "9" * 30])
def test_an_offset_that_is_no_number_is_refused(admin: APIClient, offset: str) -> None:
    upload = begin(admin, "gate.onnx", 10).json()
    answer = send(admin, upload["id"], offset, b"12345")
    assert answer.status_code == 400
    assert "Upload-Offset" in answer.json()["message"]


def test_an_empty_and_a_huge_part_are_refused(admin: APIClient) -> None:
    upload = begin(admin, "gate.onnx", 100_000_000).json()
    assert send(admin, upload["id"], 0, b"").status_code == 400
    huge = send(admin, upload["id"], 0, bytes(9 * 1024 * 1024))
    assert huge.status_code == 400
    assert "at most 8388608 bytes" in huge.json()["message"]
    assert Upload.objects.get().received_bytes == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "file_name"),
        ({"file_name": "a.onnx"}, "size_bytes"),
        ({"file_name": "a.onnx", "size_bytes": "many"}, "size_bytes"),
        ({"file_name": "a.onnx", "size_bytes": 10**30}, "size_bytes"),
        ({"file_name": "a.pt", "size_bytes": 10}, "file_name"),
        ({"file_name": "a.onnx", "size_bytes": 10, "colour": "red"}, "colour"),
        ({"file_name": "a.onnx", "size_bytes": 10, "model": "No!"}, "model"),
        ({"file_name": "a.onnx", "size_bytes": 10, "contract": 5}, "contract"),
    ],
)
def test_nonsense_is_refused_with_the_field_it_is_about(
    admin: APIClient, given: dict[str, object], field: str
) -> None:
    answer = admin.post(UPLOADS, given)
    assert answer.status_code == 400
    assert answer.json()["field"] == field


def test_a_multipart_request_without_a_file_is_refused(admin: APIClient) -> None:
    answer = admin.post(UPLOADS, {"model": "gate"}, format="multipart")
    assert answer.status_code == 400
    assert answer.json()["field"] == "file"


def test_a_rejected_file_says_why_and_what_to_do(admin: APIClient) -> None:
    upload = at_once(admin, b"shopping list", "list.onnx")
    work()
    verdict = admin.get(f"{UPLOADS}{upload['id']}/").json()
    assert (verdict["state"], verdict["code"]) == ("rejected", "not_onnx")
    assert verdict["title"] == "This is no ONNX model."
    assert "ONNX format" in verdict["advice"]


def test_an_unfinished_upload_is_forgotten_on_demand(admin: APIClient) -> None:
    upload = begin(admin, "gate.onnx", 10).json()
    assert admin.delete(f"{UPLOADS}{upload['id']}/").status_code == 204
    assert admin.get(f"{UPLOADS}{upload['id']}/").status_code == 404
