from __future__ import annotations

import pytest
from django.db import connection

from sensing.models import Crossing as CrossingRow
from sensing.models import Deployment, DeploymentTarget
from sensing.selectors.detectors import Target
from sensing.services.deployments import deploy
from sensing.uplink import Uplink
from sensing.worker.messages import Facts, RolledBack, Status, TrialPassed
from sensing.writer import Writer, latest_statuses
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
        assert not subject._store_of_versions()
        subject.put(RolledBack(camera.pk, version.pk, 0, "crashed", "3 times", NOON_S))
        assert not subject._store_of_versions()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sensing_deployment_away RENAME TO sensing_deployment")
    assert subject._store_of_versions()
    row = Deployment.objects.get(pk=deployment.pk)
    assert (row.passed, row.state, row.cause) == ([camera.pk], "rolled_back", "crashed")
