from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from models_registry.errors import Conflict, Refused
from sensing.domain.strip import StripMark
from sensing.models import AccuracyCertificate, Camera, Recount
from sensing.planning import plan_fingerprint, worker_plan
from sensing.recount.arriving import GRACE, recounts_close_due, store_strip_block
from sensing.recount.storage import recount_dir, tile_path
from sensing.services import scene_save, site_change
from sensing.services.certificates import certificate_issue
from sensing.services.recounts import (
    recount_of_clip,
    recount_record,
    recount_review,
    recount_stop,
    recount_strip_delete,
    strips_prune,
)
from sensing.worker.messages import StripBlock
from tests.sensing.recount.rows import allow_strips, certified, judged, ready_recount
from tests.sensing.rows import SCENE, make_camera

pytestmark = pytest.mark.django_db


def asked(camera: Camera, minutes: int = 2, **more: Any) -> Recount:
    given: dict[str, Any] = {"line_ids": ["gate"], "request_key": uuid.uuid4()} | more
    return recount_record(by=None, camera=camera, minutes=minutes, **given)


def block(recount: Recount, first_s: float, count: int = 20, **more: Any) -> StripBlock:
    assert recount.starts_at is not None
    start_s = recount.starts_at.timestamp()
    times = tuple(start_s + first_s + n / 10 for n in range(count))
    given: dict[str, Any] = {"marks": (), "last": False} | more
    return StripBlock(
        recount.camera_id, recount.pk, times, (("gate", b"\xff\xd8\xff tile"),), **given
    )


def told(recount: Recount, at_s: float) -> StripMark:
    assert recount.starts_at is not None
    at = recount.starts_at.timestamp() + at_s
    return StripMark("gate", "run", 1, 0, "forward", "car", 0.9, at, 0.25)


def test_a_worker_is_told_without_a_restart_what_to_record() -> None:
    allow_strips()
    camera = make_camera()
    before, print_before = worker_plan().cameras[0], plan_fingerprint()
    recount = asked(camera)
    (after,) = worker_plan().cameras
    assert plan_fingerprint() != print_before
    assert before.strip is None
    assert after.strip is not None
    assert after.strip.recount_id == recount.pk
    assert after.strip.lines == (("gate", (0.1, 0.5), (0.9, 0.5)),)
    assert after.strip.until_s - after.strip.since_s == 120.0
    assert before.only_detectors_differ(after)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 31}, "minutes"),
        ({"line_ids": ["gone"]}, "line"),
        ({"line_ids": []}, "line"),
    ],
)
def test_nonsense_is_refused_with_its_reason(change: dict[str, Any], code: str) -> None:
    allow_strips()
    with pytest.raises(Refused) as refused:
        asked(make_camera(), **change)
    assert refused.value.code == code
    assert not Recount.objects.exists()


def test_no_strip_is_recorded_where_strips_or_pictures_are_switched_off() -> None:
    with pytest.raises(Refused) as off:
        asked(make_camera())
    allow_strips()
    with pytest.raises(Refused) as private:
        asked(make_camera(pictures="none"))
    assert (off.value.code, private.value.code) == ("strips_off", "private")


def test_a_form_that_is_sent_twice_makes_one_recount_and_a_second_recording_is_refused() -> None:
    allow_strips()
    camera, key = make_camera(), uuid.uuid4()
    assert asked(camera, request_key=key) == asked(camera, request_key=key)
    with pytest.raises(Refused) as refused:
        asked(camera)
    assert refused.value.code == "recording"


def test_blocks_become_pieces_and_marks_and_one_that_comes_twice_changes_nothing() -> None:
    allow_strips()
    recount = asked(make_camera())
    for _ in range(2):
        store_strip_block(block(recount, 0.0, marks=(told(recount, 1.5),)))
    # The camera died for a while.
    store_strip_block(block(recount, 10.0, last=True))
    recount.refresh_from_db()
    assert recount.state == "ready"
    assert [mark["time_s"] for mark in recount.system_marks] == [1.5]
    assert [mark["along"] for mark in recount.system_marks] == [0.25]
    assert recount.spans == [[0.0, 2.0], [10.0, 12.0]]
    assert len(recount.tiles) == 2
    path = tile_path(recount.pk, recount.tiles[0]["files"]["gate"])
    assert path is not None
    assert path.read_bytes() == b"\xff\xd8\xff tile"
    assert tile_path(recount.pk, "../../secret") is None


def test_a_worker_that_dies_leaves_what_it_had_handed_over() -> None:
    allow_strips()
    recount, empty = asked(make_camera()), asked(make_camera())
    store_strip_block(block(recount, 0.0))
    assert recounts_close_due(timezone.now()) == 0
    assert recounts_close_due(timezone.now() + timedelta(seconds=125) + GRACE) == 2
    recount.refresh_from_db()
    empty.refresh_from_db()
    assert (recount.state, recount.spans) == ("ready", [[0.0, 2.0]])
    assert (empty.state, empty.cause) == ("failed", "no_frames")


def test_a_scene_that_is_changed_meanwhile_ends_the_strip_with_the_lines_as_they_were() -> None:
    allow_strips()
    camera = make_camera()
    recount = asked(camera)
    Recount.objects.update(starts_at=timezone.now() - timedelta(seconds=20))
    recount.refresh_from_db()
    store_strip_block(block(recount, 0.0))
    scene_save(camera=camera, by=None, document=SCENE | {"lines": []})
    assert worker_plan().cameras[0].strip is None
    assert recounts_close_due() == 1
    recount.refresh_from_db()
    assert (recount.state, recount.detail) == ("ready", "scene_changed")
    assert recount.lines[0]["name"] == "Gate"
    store_strip_block(block(recount, 50.0))  # too late: it is over
    assert len(Recount.objects.get().tiles) == 1


def test_judgements_are_kept_and_only_the_newest_revision_is_changed() -> None:
    recount = ready_recount(make_camera())
    added = {"line": "gate", "direction": "backward", "class": "bus", "time_s": 30, "along": 0.2}
    changes = {"m1": {"verdict": "wrong"}, "aa1b2c3": added}
    row = recount_review(recount=recount, by=None, revision=0, changes=changes)
    assert (row.revision, set(row.review)) == (1, {"m1", "aa1b2c3"})
    # The same once more, as after an answer that was lost, is no conflict; another change is.
    assert recount_review(recount=recount, by=None, revision=0, changes=changes).revision == 1
    with pytest.raises(Conflict):
        recount_review(recount=recount, by=None, revision=0, changes={"m2": {"verdict": "wrong"}})
    row = recount_review(recount=recount, by=None, revision=1, changes={"m1": None})
    assert set(row.review) == {"aa1b2c3"}


@pytest.mark.parametrize(
    "change",
    [
        {"m99": {"verdict": "right"}},
        {"m1": {"verdict": "maybe"}},
        {"m1": {"verdict": "right", "class": "<b>"}},
        {"m1": 3},
        {"aa1b2c3": {"time_s": 61}},
        {"aa1b2c3": {"time_s": -1}},
        {"aa1b2c3": {"time_s": float("nan")}},
        {"aa1b2c3": {"time_s": 25}},
        {"aa1b2c3": {"along": 1.5}},
        {"aa1b2c3": {"line": "gone"}},
        {"aa1b2c3": {"direction": "up"}},
    ],
)
def test_a_mark_outside_the_strip_or_without_sense_is_refused(change: dict[str, Any]) -> None:
    recount = ready_recount(make_camera())
    recount.spans = [[0.0, 20.0], [28.0, 60.0]]
    recount.save()
    right = {"line": "gate", "direction": "forward", "class": "car", "time_s": 30, "along": 0.5}
    (name, given), = change.items()  # fmt: skip
    whole = right | given if name.startswith("a") else given
    with pytest.raises(Refused) as refused:
        recount_review(recount=recount, by=None, revision=0, changes={name: whole})
    assert refused.value.code == "mark"
    assert Recount.objects.get().review == {}


def test_a_certificate_needs_every_mark_checked_and_is_issued_once() -> None:
    recount = ready_recount(make_camera())
    with pytest.raises(Refused) as unchecked:
        certificate_issue(recount=recount, by=None, revision=0, looked_through=True)
    row = judged(recount, m2={"verdict": "wrong"}, m3={"verdict": "right", "class": "truck"})
    with pytest.raises(Refused) as unseen:
        certificate_issue(recount=row, by=None, revision=1, looked_through=False)
    with pytest.raises(Conflict):
        certificate_issue(recount=row, by=None, revision=0, looked_through=True)
    one, two = (
        certificate_issue(recount=row, by=None, revision=1, looked_through=True) for _ in range(2)
    )
    assert (unchecked.value.code, unseen.value.code) == ("unchecked", "looked_through")
    assert one == two
    total = one.document["total"]
    assert (total["automatic"], total["manual"], total["matched"]) == (4, 3, 3)
    assert one.document["classes"]["rows"] == [[2, 0], [1, 0]]
    assert one.document["classes"]["names"] == ["car", "truck"]
    assert one.document["in_service"]["models"] == ["motion"]
    assert one.thumbnail is None


def test_a_certificate_is_never_changed_and_outlives_its_camera() -> None:
    camera = make_camera("North gate")
    certificate = certified(ready_recount(camera))
    certificate.f1 = 1.0
    with pytest.raises(TypeError, match="never changed"):
        certificate.save()
    camera.delete()
    left = AccuracyCertificate.objects.get()
    assert (left.camera, left.recount, left.camera_name) == (None, None, "North gate")
    assert left.document["camera"]["name"] == "North gate"


def test_strips_are_deleted_in_time_and_at_once_but_their_marks_stay() -> None:
    strips_prune(now=timezone.now())  # of recounts that other tests rolled back
    camera = make_camera()
    old, young, other = (ready_recount(camera) for _ in range(3))
    Recount.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert strips_prune(now=timezone.now()) == 1
    recount_strip_delete(recount=other, by=None)
    assert [recount_dir(row.pk).exists() for row in (old, young, other)] == [False, True, False]
    old.refresh_from_db()
    assert old.strip_deleted_at is not None
    assert len(old.system_marks) == 4
    pk = young.pk
    camera.delete()
    assert strips_prune(now=timezone.now()) == 1
    assert not recount_dir(pk).exists(), "the folder of a deleted camera's recount"


def test_a_recording_can_be_ended_early_and_only_once() -> None:
    allow_strips()
    recount = asked(make_camera())
    Recount.objects.update(starts_at=timezone.now() - timedelta(seconds=20))
    recount.refresh_from_db()
    store_strip_block(block(recount, 0.0))
    ended = recount_stop(recount=recount, by=None)
    assert ended.state == "ready"
    assert 20.0 <= ended.duration_s < 110.0
    with pytest.raises(Refused):
        recount_stop(recount=recount, by=None)


def test_a_clip_that_cameras_may_not_read_is_refused() -> None:
    allow_strips()
    site_change(by=None, audit_strips=True)
    for clip in ("nothing.mp4", "../../../etc/passwd", ""):
        with pytest.raises(Refused) as refused:
            recount_of_clip(
                by=None,
                camera=make_camera(),
                line_ids=["gate"],
                clip=clip,
                request_key=uuid.uuid4(),
            )
        assert refused.value.code == "clip"
