"""Evaluation sets: uploaded, rendered, sampled from cameras, corrected, deleted."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from models_registry.errors import Refused
from models_registry.jobs.work import work
from models_registry.models import EvaluationSet, Job, JobState, ModelVersion
from models_registry.services.evaluation_set_making import set_receive
from models_registry.set_labels import read_labels
from models_registry.storage import registry_dir, set_dir
from sensing.models import Camera
from sensing.services import camera_register
from tests.models_registry.set_making import SETS, SIM, imported, made, send, yolo_zip
from tests.models_registry.uploading import accepted, zoo_model

pytestmark = pytest.mark.django_db(transaction=True)


def simulated_camera(**fields: Any) -> Camera:
    return camera_register(by=None, name="Road", kind="sim", url=SIM, **fields)


def finder() -> ModelVersion:
    return accepted(zoo_model())


def test_a_zip_with_yolo_labels_becomes_a_set_with_its_classes_and_boxes(
    operator: APIClient, registry: Path
) -> None:
    row = imported(operator)
    assert (row["images"], row["boxes"], row["done"], row["ready"]) == (2, 3, 2, True)
    assert row["boxes_per_class"] == {"person": 1, "car": 2}
    images = operator.get(f"{SETS}{row['id']}/images/").json()
    boxes = {x["boxes"][0]["class"]: x["boxes"][0]["xyxy"] for x in images}
    assert boxes["car"] == pytest.approx([0.3, 0.25, 0.7, 0.75])
    answer = operator.get(f"{SETS}{row['id']}/images/{images[0]['key']}/picture/")
    assert answer["Content-Type"] == "image/jpeg"
    assert b"".join(answer.streaming_content)[:3] == b"\xff\xd8\xff"
    assert list((registry / "incoming").glob("*")) == []


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"no zip at all", "archive_unreadable", "expected a folder or a zip"),
        (yolo_zip(labels__a_dot_txt="1 0.5 0.5 0.4\n"), "labels_invalid", "labels/a.txt"),
        (yolo_zip(labels__a_dot_txt="7 0.5 0.5 0.4 0.5\n"), "labels_invalid", "labels/a.txt"),
        (yolo_zip(images__a_dot_jpg=b"\xff\xd8\xff broken"), "picture_unreadable", "images/a.jpg"),
        (yolo_zip(**{"..__up_dot_txt": "x"}), "archive_unsafe", "leads out"),
    ],
)
def test_a_zip_that_cannot_be_used_is_refused_with_file_and_line_and_leaves_nothing(
    operator: APIClient, registry: Path, content: bytes, code: str, words: str
) -> None:
    row = imported(operator, content)
    job = Job.objects.get()
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert words in job.message
    assert (row["ready"], row["images"]) == (False, 0)
    assert not set_dir(row["id"]).exists()
    assert [x for x in registry_dir().rglob("*") if x.is_file()] == []
    assert send(operator, row["id"], yolo_zip()).status_code == 202  # it can be filled again


def test_a_zip_that_is_cut_off_or_too_large_or_not_awaited_is_refused(
    operator: APIClient, registry: Path
) -> None:
    pk = made(operator, origin="uploaded")["id"]
    assert send(operator, pk, b"").json()["code"] == "empty"
    huge = operator.generic(
        "PUT", f"{SETS}{pk}/archive/", b"a", content_type="application/zip",
        CONTENT_LENGTH=str(5 * 1024**3),
    )  # fmt: skip
    assert huge.json()["code"] == "too_large"
    row = EvaluationSet.objects.get(pk=pk)
    with pytest.raises(Refused, match="Expected 9 bytes, got 3"):
        set_receive(evaluation_set=row, by=None, stream=io.BytesIO(b"abc"), size_bytes=9)
    with pytest.raises(Refused, match="Expected 2 bytes, got 3"):
        set_receive(evaluation_set=row, by=None, stream=io.BytesIO(b"abc"), size_bytes=2)
    assert list((registry / "incoming").glob("*")) == []
    send(operator, pk, yolo_zip())
    work()
    assert send(operator, pk, yolo_zip()).json()["code"] == "not_awaited"


def test_a_simulated_set_has_exact_boxes_and_is_the_same_each_time(
    operator: APIClient, registry: Path
) -> None:
    for name in ("one", "two"):
        made(operator, name=name, origin="simulated", url=SIM, stills=3)
    assert work() == 2
    one, two = EvaluationSet.objects.order_by("name")
    assert (one.images, one.ready, one.boxes > 3) == (3, True, True)
    assert "car" in one.classes
    assert one.details["labels_key"] == two.details["labels_key"]
    assert read_labels(set_dir(one.pk)).whole == read_labels(set_dir(two.pk)).whole


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"origin": "simulated", "url": "sim://moon", "stills": 3}, "simulation"),
        ({"origin": "simulated", "url": SIM, "stills": 501}, "stills"),
        ({"origin": "on_site", "cameras": [1], "consent": "  ", "classes": ["car"]}, "consent"),
        ({"origin": "on_site", "cameras": [99], "consent": "Site manager", "classes": ["car"]},
         "cameras"),
        ({"origin": "on_site", "cameras": [], "consent": "Site manager", "classes": ["car"]},
         "cameras"),
        ({"origin": "on_site", "cameras": [1], "consent": "a", "blur": True, "classes": ["car"]},
         "blur_blind"),
        ({"origin": "on_site", "version": 99}, "invalid"),
        ({"origin": "uploaded", "labels": {"format": "voc"}}, "invalid"),
        ({"origin": "uploaded", "labels": {"colour": "red"}}, "invalid"),
        ({"origin": "uploaded", "name": "   "}, "invalid"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_made_is_refused_before_a_job_is_made(
    operator: APIClient, registry: Path, given: dict[str, Any], code: str
) -> None:
    answer = operator.post(SETS, {"name": "Gate", **given}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert not Job.objects.exists()
    assert not EvaluationSet.objects.exists()


def test_two_sets_cannot_have_one_name(operator: APIClient, registry: Path) -> None:
    made(operator, origin="uploaded")
    answer = operator.post(SETS, {"name": " Gate  by day ", "origin": "uploaded"}, format="json")
    assert answer.json()["code"] == "taken"


def test_stills_of_a_camera_are_proposed_blurred_corrected_and_only_then_measured_on(
    operator: APIClient, registry: Path
) -> None:
    camera, version = simulated_camera(), finder()
    row = made(
        operator, origin="on_site", cameras=[camera.pk], stills=2, consent="Site manager, tests",
        blur=True, version=version.pk, classes=["person", "car"],
    )  # fmt: skip
    assert work() == 1
    job = Job.objects.get(pk=row["job"])
    assert job.state == JobState.SUCCEEDED, job.message
    row = operator.get(f"{SETS}{row['id']}/").json()
    assert (row["images"], row["done"], row["ready"], row["blurred"]) == (2, 0, False, True)
    first, second = operator.get(f"{SETS}{row['id']}/images/").json()
    assert {x["class"] for x in first["boxes"]} == {"car", "person"}  # what the zoo model sees
    where = f"{SETS}{row['id']}/images/{first['key']}/"
    boxes = [{"class": "car", "xyxy": [0.1, 0.1, 0.4, 0.5]}]
    assert operator.put(where, {"boxes": boxes, "done": True}, format="json").json()["done"]
    finished = json.loads((set_dir(row["id"]) / "annotations.json").read_text())
    assert [x["file"].split("/")[1][:64] for x in finished["images"]] == [first["key"]]
    row = operator.get(f"{SETS}{row['id']}/").json()
    assert (row["done"], row["ready"], row["boxes_per_class"]) == (1, True, {"person": 0, "car": 1})
    assert operator.delete(f"{SETS}{row['id']}/images/{second['key']}/").status_code == 204
    assert len(list((set_dir(row["id"]) / "images").iterdir())) == 1


def test_a_long_sampling_gives_its_place_to_other_jobs_and_keeps_what_it_has(
    operator: APIClient, registry: Path
) -> None:
    """A camera that cannot be reached costs its still, not the job; the next is due later."""
    camera = camera_register(by=None, name="Gate", kind="rtsp", url="rtsp://127.0.0.1:9/none")
    row = made(
        operator, origin="on_site", cameras=[camera.pk], stills=3, period_s=7200,
        consent="Site manager", classes=["car"],
    )  # fmt: skip
    assert work() == 1
    job = Job.objects.get(pk=row["job"])
    assert (job.state, job.attempts, "1 failed" in job.step) == (JobState.QUEUED, 0, True)
    assert job.not_before is not None
    assert 3500 < (job.not_before - timezone.now()).total_seconds() <= 3600
    assert work() == 0  # it rests
    row_now = EvaluationSet.objects.get()
    assert row_now.details["next"] == 1
    # Later it goes on where it was; that no still at all could be taken is said in words.
    row_now.details["begun_s"] -= 7200
    row_now.save()
    Job.objects.update(not_before=None)
    assert work() == 1
    job.refresh_from_db()
    assert (job.state, job.code) == (JobState.FAILED, "no_pictures")
    assert "Gate: " in job.message
    assert EvaluationSet.objects.get().details["next"] == 3


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"boxes": [{"class": "car", "xyxy": [0.4, 0.1, 0.1, 0.5]}], "done": True},
         "labels_invalid"),
        ({"boxes": [{"class": "zebra", "xyxy": [0.1, 0.1, 0.4, 0.5]}], "done": True},
         "class_unknown"),
        ({"boxes": [{"class": "car", "xyxy": [0.1, 0.1, "nan", 0.5]}], "done": True}, "invalid"),
        ({"boxes": [{"class": "car", "xyxy": [0.1, 0.1, 0.4]}], "done": True}, "invalid"),
        ({"boxes": "all", "done": True}, "invalid"),
        ({"boxes": []}, "invalid"),
    ],
)  # fmt: skip
def test_boxes_that_cannot_be_are_refused_and_the_old_ones_stay(
    operator: APIClient, registry: Path, document: Any, code: str
) -> None:
    row = imported(operator)
    image = operator.get(f"{SETS}{row['id']}/images/").json()[0]
    where = f"{SETS}{row['id']}/images/{image['key']}/"
    answer = operator.put(where, document, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert operator.get(where).json() == image


def test_a_camera_that_shows_no_pictures_gives_none_and_a_blurred_one_only_blurred(
    operator: APIClient, registry: Path
) -> None:
    hidden = simulated_camera(pictures="none")
    given = {"origin": "on_site", "consent": "a", "classes": ["car"]}
    answer = operator.post(SETS, {"name": "a", **given, "cameras": [hidden.pk]}, format="json")
    assert answer.json()["code"] == "private"
    Camera.objects.update(pictures="blurred")
    answer = operator.post(SETS, {"name": "a", **given, "cameras": [hidden.pk]}, format="json")
    assert answer.json()["code"] == "private"


def test_other_covered_classes_change_what_is_measured(operator: APIClient, registry: Path) -> None:
    row = imported(operator)
    before = row["details"]["labels_key"]
    answer = operator.patch(f"{SETS}{row['id']}/", {"classes": ["Car"]}, format="json")
    assert answer.json()["classes"] == ["car"]
    assert answer.json()["details"]["labels_key"] != before


def test_admins_delete_a_set_with_its_files_but_not_while_a_job_works_with_it(
    operator: APIClient, admin: APIClient, registry: Path
) -> None:
    row = imported(operator)
    assert operator.delete(f"{SETS}{row['id']}/").status_code == 403
    Job.objects.update(state=JobState.RUNNING)
    assert admin.delete(f"{SETS}{row['id']}/").json()["code"] == "in_use"
    Job.objects.update(state=JobState.SUCCEEDED)
    assert admin.delete(f"{SETS}{row['id']}/").status_code == 204
    assert not set_dir(row["id"]).exists()
    assert admin.get(f"{SETS}{row['id']}/").status_code == 404


@pytest.mark.parametrize("path", ["99/", "99/images/", "99/images/abc/", "99/images/abc/picture/"])
def test_what_is_not_there_is_not_found(viewer: APIClient, registry: Path, path: str) -> None:
    assert viewer.get(f"{SETS}{path}").status_code == 404
