"""The registry's admin pages: uploading, deleting, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from models_registry.jobs.work import work
from models_registry.models import AuditEntry, DetectionModel, ModelVersion, Upload
from models_registry.services.catalog import alias_set
from tests.models_registry.uploading import accepted, zoo_model
from tests.sensing.rows import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


@pytest.fixture
def admin_pages(client: Client) -> Client:
    client.force_login(
        make_user("anna", "admin"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def upload(client: Client, content: bytes, name: str, **fields: str) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(
        reverse("admin:models_registry_upload_add"),
        {"file": file, "notes": "", "licence": "", "source": "", "model_name": "", **fields},
    )


def test_an_admin_uploads_a_model_on_the_admin_page(admin_pages: Client) -> None:
    answer = upload(admin_pages, zoo_model(), "gate.onnx", model_name="north", licence="MIT")
    assert answer.status_code == 302, answer.content.decode()
    work()
    version = ModelVersion.objects.get()
    assert (version.reference, version.model.licence) == ("north:1", "MIT")
    assert Upload.objects.get().created_by.get_username() == "anna"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [("gate.pt", {}, "Expected an .onnx file"), ("a.onnx", {"model_name": "motion"}, "built-in")],
)
def test_a_file_that_cannot_be_taken_is_refused_on_the_form(
    admin_pages: Client, name: str, fields: dict[str, str], words: str
) -> None:
    answer = upload(admin_pages, b"abc", name, **fields)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Upload.objects.exists()


def test_a_version_in_use_is_not_deleted_and_the_page_says_why(admin_pages: Client) -> None:
    version = accepted(zoo_model(), model_name="gate")
    alias_set(version=version, by=None, name="production")
    url = reverse("admin:models_registry_modelversion_delete", args=[version.pk])
    answer = admin_pages.post(url, {"post": "yes"}, follow=True)
    assert ModelVersion.objects.exists()
    page = answer.content.decode()
    assert "Cannot delete model version" in page
    assert "gate@production" in page.replace("<wbr>", "")


def test_notes_of_a_lineage_are_changed_and_written_down(admin_pages: Client) -> None:
    model = accepted(zoo_model(), model_name="gate").model
    url = reverse("admin:models_registry_detectionmodel_change", args=[model.pk])
    answer = admin_pages.post(url, {"notes": "North gate.", "licence": "MIT", "source": ""})
    assert answer.status_code == 302
    assert DetectionModel.objects.get().notes == "North gate."
    act = AuditEntry.objects.get(action="model_changed")
    assert (act.who, act.detail) == ("anna", "licence, notes")
