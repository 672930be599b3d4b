from __future__ import annotations

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from aision.accounts.services import token_create
from sensing.ingest import ingest
from sensing.metrics import CountTotals
from sensing.models import Camera
from sensing.services import camera_delete
from tests.sensing.rows import NOON, crossing, facts, make_camera, make_user, status

pytestmark = pytest.mark.django_db


def scrape(client: Client) -> dict[tuple[str, ...], float]:
    """Name and label values of every sample → its value, as Prometheus' own parser reads it."""
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_read_token_scrapes_what_the_gateway_knows() -> None:
    camera = make_camera("Gate")
    ingest([status(camera, frames_read=70, frames_dropped=3, latency_p95_ms=80.0)])
    _token, secret = token_create(owner=make_user("prometheus", "viewer"), name="p")
    found = scrape(Client(headers={"Authorization": f"Bearer {secret}"}))
    who = (str(camera.pk), "Gate")
    assert found["aision_camera_state", *who, "live"] == 1
    assert found["aision_camera_state", *who, "failed"] == 0
    assert found["aision_camera_frames_read_total", *who] == 70
    assert found["aision_camera_frames_dropped_total", *who] == 3
    assert found["aision_camera_latency_seconds", *who, "0.95"] == 0.08
    assert found["aision_spool_messages", "mqtt"] == 0
    assert found["aision_jobs", "queued"] == 0
    assert ("process_resident_memory_bytes",) in found
    assert Client().get("/metrics").status_code == 401


def test_totals_grow_and_never_fall() -> None:
    gate, yard = make_camera("Gate"), make_camera("Yard")
    totals = CountTotals(NOON - 5)
    ingest([facts(gate, crossing(1), crossing(2)), facts(yard, crossing(1))])
    key = (gate.pk, "gate", "forward", "car")
    assert totals.at(NOON)[key] == 2
    ingest([facts(gate, crossing(3), sequence=1)])
    assert totals.at(NOON + 1)[key] == 3
    # What is an hour old is summed for the last time.
    assert totals.at(NOON + 90)[key] == 3
    later = (NOON + 90) * 60.0
    ingest([facts(gate, crossing(4, later), sequence=2)])
    assert totals.at(NOON + 90)[key] == 4
    assert totals.at(NOON + 400)[key] == 4
    camera_delete(camera=Camera.objects.get(pk=yard.pk), by=None)
    assert totals.at(NOON + 401)[key] == 4
