from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from models_registry.errors import Conflict, Refused
from sensing import models
from sensing.domain.scene import SceneInvalid
from sensing.ingest import ingest
from sensing.models import Camera
from sensing.planning import camera_source
from sensing.services import (
    allowed_files,
    camera_change,
    camera_delete,
    camera_pause,
    camera_register,
    camera_resume,
    camera_test,
    checked_source,
    prune,
    scene_save,
    site_change,
)
from sensing.tasks import prune_results
from sensing.worker.errors import StreamUnavailable
from tests.sensing.rows import NOON, SCENE, crossing, facts, make_camera, make_user, visit

pytestmark = pytest.mark.django_db

SECRET = "s3cret & more"


def refused(**source: Any) -> Refused:
    given = {"by": None, "name": "Gate", "kind": "rtsp", "url": "rtsp://192.0.2.1/a"} | source
    with pytest.raises(Refused) as caught:
        camera_register(**given)
    assert not Camera.objects.exists()
    return caught.value


def test_a_pasted_url_is_split_into_address_user_name_and_password() -> None:
    camera = camera_register(
        by=None,
        name="Gate",
        kind="rtsp",
        url="rtsp://keeper:s3cret%20%26%20more@192.0.2.1:554/a?b=1",
    )
    stored = Camera.objects.get(pk=camera.pk)
    assert stored.url == "rtsp://192.0.2.1:554/a?b=1"
    assert (stored.username, stored.password) == ("keeper", SECRET)


@pytest.mark.parametrize(
    "target",
    [
        "/video.cgi?user=keeper&pwd=s3cret%20%26%20more&channel=1",
        "/user=keeper&password=s3cret%20%26%20more&channel=1&stream=0.sdp?",
        "/videostream.cgi?loginuse=keeper&loginpas=s3cret%20%26%20more",
    ],
)
def test_credentials_in_the_query_are_stored_apart_and_put_back_for_the_camera(
    target: str,
) -> None:
    camera = make_camera(kind="http", url=f"http://192.0.2.1{target}")
    assert "s3cret" not in camera.url
    assert "keeper" not in camera.url
    assert (camera.username, camera.password) == ("keeper", SECRET)
    assert camera_source(camera).location == f"http://192.0.2.1{target}"
    # The address as it is shown can be saved again.
    again = camera_change(camera=camera, by=None, url=camera.url, analysed_fps=3)
    assert camera_source(again).location == f"http://192.0.2.1{target}"


def test_secrets_are_unreadable_in_the_database_the_log_and_texts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        camera = make_camera("Gate", username="keeper", password=SECRET)
        camera_change(camera=camera, by=make_user("olga", "operator"), password=SECRET + "2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT username, password FROM sensing_camera")
        username, password = cursor.fetchone()
    assert "keeper" not in username
    assert SECRET not in password
    assert SECRET not in caplog.text + repr(camera) + str(camera)


def test_a_password_whose_key_was_lost_reads_as_none_instead_of_as_gibberish() -> None:
    camera = make_camera(username="keeper", password=SECRET)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sensing_camera SET password = 'gAAAAABnot-a-token'")
    assert Camera.objects.get(pk=camera.pk).password == ""


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({"kind": "ftp"}, "kind"),
        ({"url": ""}, "url"),
        ({"url": "ftp://192.0.2.1/a"}, "url"),
        ({"url": "http://192.0.2.1/a"}, "url"),
        ({"kind": "http", "url": "file:///etc/passwd"}, "url"),
        ({"kind": "http", "url": "http://169.254.169.254/latest/meta-data"}, "url"),
        ({"kind": "http", "url": "http://metadata.google.internal/"}, "url"),
        ({"url": "rtsp://"}, "url"),
        ({"url": "rtsp://192.0.2.1:99999/"}, "url"),
        ({"url": "rtsp://[::1"}, "url"),
        ({"url": "rtsp://192.0.2.1/a\nb"}, "url"),
        ({"url": "rtsp://192.0.2.1/" + "a" * 1000}, "url"),
        ({"password": "a\x00b"}, "password"),
        ({"kind": "file", "url": "/etc/passwd"}, "url"),
        ({"kind": "file", "url": "../secrets/secret_key"}, "url"),
        ({"kind": "file", "url": "file:///etc/passwd"}, "url"),
        ({"kind": "file", "url": "nothing-here.mp4"}, "url"),
        ({"kind": "usb", "url": "/dev/sda"}, "url"),
        ({"kind": "usb", "url": "-1"}, "url"),
        ({"kind": "usb", "url": "٣"}, "url"),
        ({"kind": "sim", "url": "sim://moon"}, "url"),
        ({"kind": "sim", "url": "rtsp://192.0.2.1/a"}, "url"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"analysed_fps": 0.5}, "analysed_fps"),
        ({"analysed_fps": float("nan")}, "analysed_fps"),
        ({"pictures": "upside-down"}, "pictures"),
        ({"attention": "sometimes"}, "attention"),
        ({"detector": "../motion"}, "detector"),
        ({"position": -1}, "position"),
    ],
)
def test_a_camera_that_cannot_be_is_refused_naming_the_field(
    source: dict[str, Any], field: str
) -> None:
    error = refused(**source)
    assert error.field == field
    assert error.message


def test_two_cameras_never_have_one_name() -> None:
    make_camera("Gate")
    other = make_camera("Yard")
    with pytest.raises(Refused, match="has this name"):
        camera_register(by=None, name=" Gate ", kind="usb", url="0")
    with pytest.raises(Refused, match="has this name"):
        camera_change(camera=other, by=None, name="Gate")


def test_a_file_camera_reads_only_from_the_folders_of_videos() -> None:
    folder = Path(settings.VIDEO_DIRS[0])
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "street.mp4"
    video.write_bytes(b"video")
    try:
        assert str(video) in allowed_files()
        for url in ("street.mp4", str(video), str(folder / "x" / ".." / "street.mp4")):
            assert checked_source(kind="file", url=url).location == str(video)
    finally:
        video.unlink()


def test_a_simulated_camera_comes_with_its_scene() -> None:
    camera = camera_register(by=None, name="Road", kind="sim", url="sim://road")
    assert camera.scene.document()["lines"]
    assert camera.state.state == "connecting"


def test_cameras_stand_in_the_order_in_which_they_came() -> None:
    assert [make_camera(name).position for name in ("C", "A", "B")] == [0, 1, 2]


def test_an_empty_password_leaves_the_stored_one_and_clear_password_removes_it() -> None:
    camera = make_camera(url="rtsp://192.0.2.1/a", username="keeper", password=SECRET)
    camera = camera_change(camera=camera, by=None, name="New", password="", analysed_fps=5)
    assert (camera.password, camera.name, camera.analysed_fps) == (SECRET, "New", 5)
    camera = camera_change(camera=camera, by=None, url="rtsp://192.0.2.1/other")
    assert camera.password == SECRET
    camera = camera_change(camera=camera, by=None, clear_password=True)
    assert Camera.objects.get(pk=camera.pk).password == ""


@pytest.mark.parametrize(
    "change",
    [
        {"url": "rtsp://192.0.2.66/a"},
        {"url": "rtsp://192.0.2.1:8554/a"},
        {"kind": "http", "url": "http://192.0.2.1/a"},
    ],
)
def test_a_stored_password_is_not_sent_to_another_machine(change: dict[str, str]) -> None:
    camera = make_camera(url="rtsp://192.0.2.1/a", username="keeper", password=SECRET)
    with pytest.raises(Refused) as caught:
        camera_change(camera=camera, by=None, **change)
    assert caught.value.field == "password"
    assert camera_change(camera=camera, by=None, **change, password="new").password == "new"


def test_a_change_that_is_refused_changes_nothing() -> None:
    camera = make_camera("Gate")
    with pytest.raises(Refused):
        camera_change(camera=camera, by=None, name="Yard", analysed_fps=99)
    assert Camera.objects.get(pk=camera.pk).name == "Gate"


def test_a_paused_camera_says_so_and_connects_again_when_resumed() -> None:
    camera = make_camera()
    assert camera_pause(camera=camera, by=None).paused
    assert models.CameraState.objects.get().state == "paused"
    camera_resume(camera=camera, by=None)
    assert models.CameraState.objects.get().state == "connecting"


def test_deleting_a_camera_deletes_what_it_counted_and_nothing_else() -> None:
    camera, other = make_camera(), make_camera()
    for each in (camera, other):
        ingest([facts(each, crossing(1), visits=(visit(1),), observed_s={NOON: 1.0})])
    camera_delete(camera=camera, by=None)
    for model in (models.Crossing, models.Visit, models.CountInterval, models.ObservedMinute):
        assert [row.camera_id for row in model.objects.all()] == [other.pk]


def test_a_saved_scene_reads_back_as_it_was_and_its_revision_grows() -> None:
    camera = make_camera(scene={"lines": []})
    user = make_user("olga", "operator")
    first = camera.scene.revision
    scene = scene_save(camera=camera, by=user, document=SCENE)
    assert scene.document() == {"version": 1, **SCENE}
    assert scene.revision == first + 1
    assert scene.updated_by == user


def test_a_scene_based_on_an_older_one_is_a_conflict() -> None:
    camera = make_camera()
    revision = camera.scene.revision
    scene_save(camera=camera, by=None, document={"lines": []}, expected_revision=revision)
    with pytest.raises(Conflict):
        scene_save(camera=camera, by=None, document=SCENE, expected_revision=revision)
    assert models.Scene.objects.get().lines == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"lines": [{"name": "a", "points": [[0.5, 0.5], [0.5, 0.5]]}]},
        {"zones": [{"name": "a", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]},
        {"lines": [{"name": "a", "points": [[0, 0], [1, 1.5]]}]},
        {"modules": [{"kind": "mind_reading"}]},
        {"modules": [{"kind": "vehicle_traffic", "parameters": {"nonsense": 1}}]},
    ],
)
def test_a_scene_that_cannot_be_is_refused_and_the_old_one_stays(document: Any) -> None:
    camera = make_camera()
    with pytest.raises(SceneInvalid):
        scene_save(camera=camera, by=None, document=document)
    assert camera.scene.document() == {"version": 1, **SCENE}


def test_a_module_that_is_switched_off_keeps_its_row() -> None:
    camera = make_camera()
    scene_save(camera=camera, by=None, document=SCENE | {"modules": [{"kind": "person_count"}]})
    switched = dict(models.SensingModule.objects.values_list("kind", "enabled"))
    assert switched == {"vehicle_traffic": False, "person_count": True}


def test_pruning_keeps_what_the_site_wants_to_keep() -> None:
    camera = make_camera()
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    site_change(by=None, keep_crossings_days=10, keep_intervals_days=20)
    for number, days in enumerate((9, 11, 19, 21)):
        at_s = (now - timedelta(days=days)).timestamp()
        ingest(
            [
                facts(
                    camera,
                    crossing(number, at_s),
                    visits=(visit(number, at_s),),
                    observed_s={int(at_s // 60): 5.0},
                    sequence=number,
                )
            ]
        )
    pruned = prune(now=now)
    assert (pruned.crossings, pruned.visits, pruned.minutes) == (3, 3, 3)
    assert models.Crossing.objects.count() == models.Visit.objects.count() == 1
    assert models.CountInterval.objects.count() == models.ObservedMinute.objects.count() == 3


def test_pruning_is_a_job_and_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1, 1_000_000.0), observed_s={16_666: 1.0})])
    call_command("prune_results")
    assert "Deleted 1 crossings, 0 visits, 2 minutes" in capsys.readouterr().out
    ingest([facts(camera, crossing(2, 1_000_000.0))])
    prune_results()
    assert not models.Crossing.objects.exists()


def test_deleting_in_portions_deletes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensing.services.pruning.CHUNK", 2)
    camera = make_camera()
    ingest([facts(camera, *(crossing(i) for i in range(5)))])
    camera_delete(camera=camera, by=None)
    assert not models.Crossing.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"keep_crossings_days": 0}, "keep_crossings_days"),
        ({"name": ""}, "name"),
    ],
)
def test_a_site_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as caught:
        site_change(by=None, **change)
    assert caught.value.field == field


def test_a_source_without_picture_is_tested_with_its_cause() -> None:
    with pytest.raises(StreamUnavailable) as caught:
        camera_test(checked_source(kind="rtsp", url="rtsp://127.0.0.1:1/none"))
    assert caught.value.code == "unreachable"
