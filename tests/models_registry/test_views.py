"""Pages of the registry, as they are sent."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from models_registry.models import JobKind
from models_registry.services.audit import record
from models_registry.services.catalog import alias_set
from models_registry.services.jobs import job_create
from models_registry.templatetags.registry import bytes_words, count_words
from tests.models_registry.uploading import accepted, uploaded, zoo_model
from tests.sensing.rows import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


def page(client: Client, role: str, url: str) -> str:
    client.force_login(make_user(f"the-{role}", role))  # type: ignore[arg-type]
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_an_empty_registry_says_what_counts_now_and_what_to_do(client: Client) -> None:
    shown = page(client, "admin", reverse("model_list"))
    assert "No models yet" in shown
    assert "Drop an ONNX file here" in shown


def test_a_viewer_sees_models_and_no_way_to_upload(client: Client) -> None:
    version = accepted(zoo_model(), model_name="gate", licence="MIT")
    alias_set(version=version, by=None, name="production")
    shown = page(client, "viewer", reverse("model_list"))
    assert "gate:1" in shown
    assert "@production" in shown
    assert "MIT" in shown
    assert "data-upload" not in shown


def test_a_rejected_upload_stays_on_the_page_with_its_reason(client: Client) -> None:
    uploaded(b"shopping list", "list.onnx")
    shown = page(client, "admin", reverse("model_list"))
    assert "list.onnx" in shown
    assert "This is no ONNX model." in shown


def test_a_version_shows_file_contract_and_family(client: Client) -> None:
    version = accepted(zoo_model(), model_name="gate")
    shown = page(client, "viewer", reverse("model_version", args=[version.pk]))
    for words in ("224 × 224 px", "80 classes", "Conv", version.sha256[:12], "yolox"):
        assert words in shown
    assert "Delete version" in shown  # the dialog, which has no button for a viewer
    assert "data-delete data-name" not in shown


def test_jobs_and_acts_are_listed(client: Client) -> None:
    job_create(by=None, kind=JobKind.BENCHMARK, title="Measure gate:1", parameters={})
    record(by=None, action="deployed", subject="gate:1", detail="Gateway default")
    assert "Measure gate:1" in page(client, "viewer", reverse("job_list"))
    client.logout()
    shown = page(client, "operator", reverse("audit"))
    assert "deployed" in shown
    assert "Gateway default" in shown


def test_a_name_with_markup_does_no_harm(client: Client) -> None:
    uploaded(b"shopping list", "<script>alert(1)</script>.onnx")
    shown = page(client, "admin", reverse("model_list"))
    assert "<script>alert(1)" not in shown


@pytest.mark.parametrize(
    ("value", "words"),
    [(457_940, "458\u00a0kB"), (3_659_999, "3.66\u00a0MB"), (12, "12\u00a0B"), (None, "–")],
)
def test_sizes_are_rounded_not_cut_off(value: int | None, words: str) -> None:
    assert bytes_words(value) == words
    assert count_words(6_966_000) == "6.97\u00a0M"
