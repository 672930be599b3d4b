from __future__ import annotations

import dataclasses
import json

import pytest
from django.db import connection

from sensing.domain.results import SpeedReading
from sensing.live import LiveItem
from sensing.models import Crossing as CrossingRow
from sensing.models import Deployment, DeploymentTarget
from sensing.selectors.detectors import Target
from sensing.services.deployments import deploy
from sensing.uplink import Uplink
from sensing.worker.messages import Facts, RolledBack, Status, TrialPassed
from sensing.writer import HOMELESS_TRIES, Writer, latest_statuses
from tests.registry_rows import make_version
from tests.sensing.rows import NOON_S, crossing, facts, make_camera

pytestmark = pytest.mark.django_db(transaction=True)


def writer() -> Writer:
    """A writer whose web process is away: facts are stored all the same."""
    return Writer(Uplink("ws://127.0.0.1:1/ws/sensing/", "no web process"))


def test_what_waits_is_stored_before_the_writer_ends() -> None:
    camera = make_camera()
    subject = writer()
    subject.start()
    for sequence in range(20):
        subject.put(facts(camera, crossing(sequence), sequence=sequence))
    assert subject.finish(20) == 0
    assert CrossingRow.objects.filter(camera=camera).count() == 20


def test_facts_wait_while_the_database_is_away_and_are_stored_when_it_is_back() -> None:
    camera = make_camera()
    subject = writer()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sensing_crossing RENAME TO sensing_crossing_away")
    try:
        subject.put(facts(camera, crossing(1)))
        assert not subject._store()
        assert not subject._store()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sensing_crossing_away RENAME TO sensing_crossing")
    assert subject._store()
    assert CrossingRow.objects.filter(camera=camera).count() == 1


def test_of_statuses_only_the_last_of_each_camera_is_kept() -> None:
    batch: list[Facts | Status] = [
        Status(1, "run", "connecting"),
        Facts(1, "run", 0),
        Status(2, "run", "live"),
        Status(1, "run", "live"),
    ]
    assert latest_statuses(batch) == [batch[1], batch[2], batch[3]]


def test_what_workers_say_of_versions_waits_for_the_database_and_keeps_its_order() -> None:
    camera, version = make_camera(), make_version()
    target = Target(DeploymentTarget.CAMERA, camera_id=camera.pk)
    deployment = deploy(by=None, target=target, reference=version.reference)
    subject = writer()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sensing_deployment RENAME TO sensing_deployment_away")
    try:
        subject.put(TrialPassed(camera.pk, version.pk, NOON_S))
        assert not subject._store_reports()
        subject.put(RolledBack(camera.pk, version.pk, 0, "crashed", "3 times", NOON_S))
        assert not subject._store_reports()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sensing_deployment_away RENAME TO sensing_deployment")
    assert subject._store_reports()
    row = Deployment.objects.get(pk=deployment.pk)
    assert (row.passed, row.state, row.cause) == ([camera.pk], "rolled_back", "crashed")


def test_a_speed_waits_for_its_crossing_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, subject = make_camera(), writer()
    sent: list[LiveItem] = []
    monkeypatch.setattr(subject._uplink, "send", sent.append)
    reading = SpeedReading("gate", 7, 0, 12.5, 0.4, length_m=4.4)
    early = dataclasses.replace(facts(camera, sequence=1), speeds=(reading,))
    subject.put(early)
    assert subject._store()
    assert len(subject._homeless) == 1
    subject.put(facts(camera, dataclasses.replace(crossing(7), wrong_way=True), sequence=0))
    assert subject._store()
    assert subject._store()
    assert subject._homeless == []
    assert CrossingRow.objects.get().speed_mps == 12.5
    subject.put(early)  # once more
    assert subject._store()
    told = [json.loads(item["data"]) for item in sent if item["kind"] == "speed"]
    (document,) = told
    assert document.pop("crossing") == CrossingRow.objects.get().pk
    assert document == {
        "type": "speed",
        "camera": camera.pk,
        "line": "gate",
        "direction": "forward",
        "class": "car",
        "t": NOON_S,
        "speed_mps": 12.5,
        "error_mps": 0.4,
        "doubtful": False,
        "wrong_way": True,
        "length_m": 4.4,
    }
    (told_crossing,) = [json.loads(item["data"]) for item in sent if item["kind"] == "crossing"]
    assert told_crossing["wrong_way"] is True


def test_a_speed_whose_crossing_never_comes_is_given_up() -> None:
    camera, subject = make_camera(), writer()
    reading = SpeedReading("gate", 7, 0, 12.5, 0.4)
    subject.put(dataclasses.replace(facts(camera), speeds=(reading,)))
    for _ in range(HOMELESS_TRIES - 1):
        assert subject._store()
    assert len(subject._homeless) == 1
    assert subject._store()
    assert subject._homeless == []
