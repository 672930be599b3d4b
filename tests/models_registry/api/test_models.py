"""Lineages, versions, contracts and jobs over REST."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rest_framework.test import APIClient

from models_registry.api.preview import variations
from models_registry.models import JobKind, ModelVersion
from models_registry.services.catalog import alias_set, contract_choose
from models_registry.services.jobs import job_claim, job_create, job_progress
from tests.models_registry.uploading import accepted, zoo_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


@pytest.fixture
def version() -> ModelVersion:
    return accepted(zoo_model(), model_name="gate")


def jpeg() -> bytes:
    _done, content = cv2.imencode(".jpg", np.full((224, 224, 3), 90, np.uint8))
    return content.tobytes()


def test_a_lineage_shows_its_versions_and_aliases(viewer: APIClient, version: ModelVersion) -> None:
    alias_set(version=version, by=None, name="production")
    (model,) = viewer.get("/api/v1/models/").json()
    assert model["name"] == "gate"
    assert [v["reference"] for v in model["versions"]] == ["gate:1"]
    assert model["versions"][0]["labels"][:3] == ["person", "bicycle", "car"]
    assert [(a["reference"], a["version_name"]) for a in model["aliases"]] == [
        ("gate@production", "gate:1")
    ]
    assert viewer.get("/api/v1/models/gate/").json() == model


def test_versions_are_listed_by_lineage(viewer: APIClient, version: ModelVersion) -> None:
    accepted(zoo_model(160), model_name="yard")
    listed = viewer.get("/api/v1/versions/", {"model": "gate"}).json()
    assert [v["reference"] for v in listed] == ["gate:1"]
    assert len(viewer.get("/api/v1/versions/").json()) == 2
    assert viewer.get("/api/v1/versions/", {"model": "none"}).status_code == 404


def test_notes_of_a_lineage_change_and_nothing_else(
    admin: APIClient, version: ModelVersion
) -> None:
    answer = admin.patch("/api/v1/models/gate/", {"notes": "For the north gate."})
    assert (answer.status_code, answer.json()["notes"]) == (200, "For the north gate.")
    assert admin.patch("/api/v1/models/gate/", {"name": "other"}).status_code == 400


def test_a_version_in_use_stays_and_says_by_whom(admin: APIClient, version: ModelVersion) -> None:
    alias_set(version=version, by=None, name="production")
    answer = admin.delete(f"/api/v1/versions/{version.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert "gate@production" in answer.json()["message"]


def test_an_unused_version_goes(admin: APIClient, version: ModelVersion) -> None:
    assert admin.delete(f"/api/v1/versions/{version.pk}/").status_code == 204
    assert not ModelVersion.objects.exists()


def test_another_contract_answers_the_next_version(admin: APIClient, version: ModelVersion) -> None:
    assert version.contract is not None
    url = f"/api/v1/versions/{version.pk}/contract/"
    answer = admin.put(url, {**version.contract, "score_threshold": 0.4})
    assert (answer.status_code, answer.json()["reference"]) == (200, "gate:2")
    wrong = admin.put(url, {"layout": "sorcery"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "contract_invalid")


def test_a_picture_shows_what_each_plausible_contract_finds(
    viewer: APIClient, version: ModelVersion
) -> None:
    assert version.contract is not None
    contract_choose(version=version, by=None, document={**version.contract, "score_threshold": 0.4})
    answer = viewer.post(
        f"/api/v1/versions/{version.pk}/preview/", jpeg(), content_type="image/jpeg"
    )
    assert answer.status_code == 200
    (best, *_) = answer.json()["results"]
    assert best["error"] is None
    assert [box["class"] for box in best["boxes"]] == ["car", "person"]


@pytest.mark.parametrize("body", [b"", b"not a picture", jpeg()[:100]])
def test_what_is_no_picture_is_refused(
    viewer: APIClient, version: ModelVersion, body: bytes
) -> None:
    url = f"/api/v1/versions/{version.pk}/preview/"
    answer = viewer.post(url, body, content_type="image/jpeg")
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_running_job_shows_how_far_it_is_and_is_cancelled(operator: APIClient) -> None:
    job_create(by=None, kind=JobKind.BENCHMARK, title="Measure gate:1", parameters={})
    job = job_claim()
    assert job is not None
    job_progress(job, 0.4, "40 of 100 frames")
    (shown,) = operator.get("/api/v1/jobs/", {"open": "1"}).json()
    assert (shown["state"], shown["progress"], shown["step"]) == (
        "running",
        0.4,
        "40 of 100 frames",
    )
    assert operator.post(f"/api/v1/jobs/{job.pk}/cancel/").json()["cancel_requested"]


def test_jobs_are_listed_by_kind(viewer: APIClient) -> None:
    job_create(by=None, kind=JobKind.COMPRESS, title="Compress", parameters={})
    assert len(viewer.get("/api/v1/jobs/", {"kind": "compress"}).json()) == 1
    assert viewer.get("/api/v1/jobs/", {"kind": "inspect"}).json() == []
    assert viewer.get("/api/v1/jobs/", {"kind": "magic"}).status_code == 400


def test_the_audit_trail_is_for_operators(
    operator: APIClient, viewer: APIClient, version: ModelVersion
) -> None:
    acts = operator.get("/api/v1/audit/").json()
    assert [act["action"] for act in acts] == ["version_added", "uploaded"]
    assert viewer.get("/api/v1/audit/").status_code == 403


def test_what_the_graph_leaves_open_is_varied_in_the_picker() -> None:
    contract = {"class_offset": 0, "fit": "centre", "layout": "ssd"}
    assert variations(contract, ["labels", "class_offset"]) == [{}, {"class_offset": 1}]
    assert variations(contract, ["fit"]) == [{}, {"fit": "top_left"}, {"fit": "stretch"}]
    assert len(variations(contract, ["fit", "class_offset"])) == 6
    assert variations(contract, []) == [{}]
