from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from sensing.ingest import ingest
from sensing.models import Site
from sensing.modules import MODULE_KINDS
from tests.sensing.rows import crossing, facts, make_camera, status


def test_the_openapi_document_is_valid_and_made_without_a_warning(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "schema.yml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(target))
    text = target.read_text()
    for path in ("cameras/{id}/scene/", "cameras/test/", "crossings/", "counts/", "live/"):
        assert f"/api/v1/{path}:" in text
    assert "bearer" in text
    assert "Warning" not in capsys.readouterr().err


def test_the_document_and_its_page_are_served_without_foreign_hosts(viewer: APIClient) -> None:
    assert viewer.get("/api/v1/schema/").status_code == 200
    page = viewer.get("/api/v1/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "drf_spectacular_sidecar" in text
    assert "https://" not in text
    # The page's policy runs no script that stands in the page itself.
    assert "<script>" not in text
    script = viewer.get("/api/v1/docs/?script=")
    assert "SwaggerUIBundle" in script.content.decode()


def test_live_has_state_scene_and_counts_of_every_camera(viewer: APIClient) -> None:
    camera = make_camera("Gate")
    ingest([status(camera, at_s=1_767_268_800.0), facts(camera, crossing(1))])
    (entry,) = viewer.get("/api/v1/live/").json()
    assert (entry["id"], entry["name"]) == (camera.pk, "Gate")
    assert entry["state"]["since"] == "2026-01-01T12:00:00+00:00"
    assert set(entry["counts"]) == {"today", "hour", "minutes", "occupancy", "visits_today"}
    assert len(entry["counts"]["minutes"]) == 60
    assert viewer.get(f"/api/v1/cameras/{camera.pk}/live/").json()["scene"] == entry["scene"]


def test_module_kinds_come_with_their_parameters(viewer: APIClient) -> None:
    kinds = viewer.get("/api/v1/modules/").json()
    assert {kind["kind"] for kind in kinds} == MODULE_KINDS
    for kind in kinds:
        assert kind["title"]
        for parameter in kind["parameters"]:
            assert {"name", "type", "default", "help"} <= set(parameter)


def test_the_built_in_detector_is_always_there(viewer: APIClient) -> None:
    assert viewer.get("/api/v1/detectors/").json()[0] == {"name": "motion", "built_in": True}


def test_an_admin_changes_the_site(admin: APIClient) -> None:
    changed = admin.patch("/api/v1/site/", {"name": "Bridge", "time_zone": "Asia/Tokyo"})
    assert changed.status_code == 200
    assert changed.json()["keep_crossings_days"] == 400
    assert admin.get("/api/v1/site/").json() == changed.json()
    assert Site.objects.get().name == "Bridge"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars"}, "time_zone"),
        ({"time_zone": "../etc"}, "time_zone"),
        ({"time_zone": "localtime"}, "time_zone"),
        ({"timezone": "Asia/Tokyo"}, "timezone"),
        ({"keep_crossings_days": 0}, "keep_crossings_days"),
        ({"keep_crossings_days": "long"}, "keep_crossings_days"),
        ({"keep_intervals_days": 10**12}, "keep_intervals_days"),
        ({"name": None}, "name"),
        ({"default_pictures": "pretty"}, "default_pictures"),
    ],
)
def test_a_site_that_cannot_be_is_refused(
    admin: APIClient, change: dict[str, Any], field: str
) -> None:
    answer = admin.patch("/api/v1/site/", change)
    assert answer.status_code == 400
    assert answer.json()["field"] == field


def test_a_method_that_an_endpoint_lacks_is_named_so(admin: APIClient) -> None:
    assert admin.delete("/api/v1/site/").status_code == 405
    assert admin.post("/api/v1/crossings/", {}).status_code == 405
