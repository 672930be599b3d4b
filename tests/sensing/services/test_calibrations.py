from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from aision.accounts.roles import Role
from models_registry.errors import Conflict, Refused
from sensing.directories import video_dirs
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.models import Calibration, Camera, DriftChoice
from sensing.selectors.calibrations import active_calibration, calibration_answer, calibrations
from sensing.services.calibrations import (
    calibration_remove,
    calibration_save,
    confirm_drift,
)
from sensing.worker.grey_still import StillUnreadable, grey_still
from tests.cameras import jpeg, write_clip
from tests.sensing.calibrating import LOW_CAMERA, direction_marks, point_marks
from tests.sensing.rows import make_camera, make_user

pytestmark = pytest.mark.django_db

GATE = {"id": "gate", "name": "Gate", "points": [[0.2, 0.6], [0.8, 0.6]]}
ROLES: tuple[tuple[Role, bool], ...] = (("operator", True), ("viewer", False))
SKY = {"id": "sky", "name": "Sky", "points": [[0.1, 0.02], [0.9, 0.02]]}


@pytest.fixture
def clip() -> Iterator[Path]:
    """A recording that a file camera may read."""
    folder = video_dirs()[0]
    folder.mkdir(parents=True, exist_ok=True)
    path = write_clip(folder / "calibrated-street.mp4", frames=3, width=640, height=480)
    yield path
    path.unlink(missing_ok=True)


def clip_camera(clip: Path) -> Camera:
    return make_camera(kind="file", url=clip.name)


def decoded(png: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def moved(calibration: Calibration) -> Calibration:
    """As the drift check would have written it down."""
    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    Calibration.objects.filter(pk=calibration.pk).update(
        drift=DriftChoice.MOVED, drift_px=7.0, moved_at=since, drift_checked_at=since
    )
    return Calibration.objects.get(pk=calibration.pk)


def test_a_new_calibration_retires_the_one_before_and_keeps_it_in_the_history() -> None:
    camera, olga = make_camera(), make_user("olga", "operator")
    first = calibration_save(camera=camera, by=olga, document=point_marks())
    second = calibration_save(camera=camera, by=None, document=direction_marks())
    assert active_calibration(camera) == second
    first.refresh_from_db()
    assert first.retired_at is not None
    assert first.created_by == olga
    assert list(calibrations().filter(camera=camera)) == [second, first]
    assert (second.drift, second.reference) == (DriftChoice.UNWATCHED, None)


def test_a_removed_calibration_is_only_history() -> None:
    camera = make_camera()
    calibration_save(camera=camera, by=None, document=point_marks())
    calibration_remove(camera=camera, by=None)
    assert active_calibration(camera) is None
    assert calibrations().filter(camera=camera).count() == 1


def test_marks_that_cannot_be_leave_the_one_in_use() -> None:
    camera = make_camera()
    kept = calibration_save(camera=camera, by=None, document=point_marks())
    with pytest.raises(CalibrationInvalid):
        calibration_save(camera=camera, by=None, document=point_marks((0, 18), (0, 25), (0, 45)))
    assert active_calibration(camera) == kept


def test_each_counting_line_has_the_error_to_expect_there() -> None:
    camera = make_camera(scene={"lines": [GATE, SKY]})
    document = point_marks((-3, 15), (3, 15), (3, 40), (-3, 40), (0, 25), camera=LOW_CAMERA)
    figures = calibration_answer(calibration_save(camera=camera, by=None, document=document))[
        "figures"
    ]
    gate, sky = figures["lines"]
    assert 0.1 < gate["speed_error_percent"] < 5.0
    assert sky == {"line": "sky", "name": "Sky", "speed_error_percent": None}
    assert figures["camera_height_m"] == pytest.approx(6.0, abs=0.01)
    assert figures["residual_px"] == pytest.approx(0.0, abs=0.01)
    assert len(figures["residuals_px"]) == 5
    horizon = LOW_CAMERA.horizon_y / LOW_CAMERA.height
    assert [y for _, y in figures["horizon"]] == pytest.approx([horizon, horizon], abs=1e-6)


def test_a_still_is_kept_only_when_asked_for_small_and_grey(clip: Path) -> None:
    camera = clip_camera(clip)
    calibration = calibration_save(camera=camera, by=None, document=point_marks(), keep_still=True)
    assert calibration.drift == DriftChoice.STEADY
    assert calibration.reference is not None
    assert decoded(calibration.reference).shape == (240, 320)
    assert calibration_answer(calibration)["still_kept"]
    calibration_remove(camera=camera, by=None)
    calibration.refresh_from_db()
    assert calibration.reference is None


def test_a_blurred_still_lacks_detail_and_a_broken_picture_is_refused() -> None:
    street = jpeg(1, 640, 480)
    sharp, soft = (
        decoded(grey_still({"jpeg": street, "blur": blur}, lambda *_: None)["png"]).astype(float)
        for blur in (False, True)
    )
    assert np.abs(np.diff(soft)).mean() < 0.6 * np.abs(np.diff(sharp)).mean()
    with pytest.raises(StillUnreadable):
        grey_still({"jpeg": street[:40], "blur": False}, lambda *_: None)


def test_a_camera_without_pictures_keeps_none() -> None:
    camera = make_camera(pictures="none")
    with pytest.raises(Refused) as refusal:
        calibration_save(camera=camera, by=None, document=point_marks(), keep_still=True)
    assert (refusal.value.code, refusal.value.field) == ("private", "keep_still")
    assert active_calibration(camera) is None


def test_a_camera_that_gives_no_picture_says_why_and_nothing_is_changed(clip: Path) -> None:
    camera = clip_camera(clip)
    clip.unlink()
    kept = calibration_save(camera=camera, by=None, document=point_marks())
    with pytest.raises(Refused) as refusal:
        calibration_save(camera=camera, by=None, document=direction_marks(), keep_still=True)
    assert refusal.value.code == "no_still"
    assert active_calibration(camera) == kept


def test_a_confirmed_camera_is_steady_and_compared_with_what_it_shows_now(clip: Path) -> None:
    camera = clip_camera(clip)
    calibration = calibration_save(camera=camera, by=None, document=point_marks())
    Calibration.objects.filter(pk=calibration.pk).update(reference=b"an old one")
    confirmed = confirm_drift(moved(calibration), None)
    assert (confirmed.drift, confirmed.drift_px, confirmed.moved_at) == ("steady", None, None)
    assert confirmed.confirmed_at is not None
    assert confirmed.reference is not None
    assert decoded(confirmed.reference).shape == (240, 320)


def test_a_camera_that_nobody_watches_stays_unwatched_when_confirmed() -> None:
    camera = make_camera()
    calibration = calibration_save(camera=camera, by=None, document=point_marks())
    confirmed = confirm_drift(moved(calibration), None)
    assert (confirmed.drift, confirmed.reference) == (DriftChoice.UNWATCHED, None)
    calibration_remove(camera=camera, by=None)
    with pytest.raises(Conflict):
        confirm_drift(confirmed, None)


def test_the_history_is_read_without_its_stills() -> None:
    camera: Camera = make_camera()
    calibration_save(camera=camera, by=None, document=point_marks())
    assert "reference" in calibrations().get(camera=camera).get_deferred_fields()


def page(client: Client, role: Role, address: str) -> str:
    user = User.objects.filter(username=f"a-{role}").first() or make_user(f"a-{role}", role)
    client.force_login(user)
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_pages_show_the_state_and_offer_changes_to_those_who_may(client: Client) -> None:
    camera = make_camera()
    address = f"/cameras/{camera.pk}/calibration/"
    assert "no speeds are measured" in page(client, "viewer", address)
    moved(calibration_save(camera=camera, by=make_user("olga", "operator"), document=point_marks()))
    for shown in (address, f"/cameras/{camera.pk}/"):
        for role, may in ROLES:
            text = page(client, role, shown)
            assert "The camera seems to have moved by 7 px since 1 Jan, 12:00." in text
            assert ("data-drift-confirm" in text) == may
            assert ('data-act="save"' in text) == (may and shown == address)


def test_the_admin_pages_list_calibrations_and_lead_to_their_page(client: Client) -> None:
    camera = make_camera()
    calibration = calibration_save(camera=camera, by=None, document=point_marks())
    Calibration.objects.update(reference=b"some bytes")
    text = page(client, "operator", "/admin/sensing/calibration/")
    assert f"/cameras/{camera.pk}/calibration/" in text
    assert "add/" not in text.split('id="content"')[1]
    one = page(client, "operator", f"/admin/sensing/calibration/{calibration.pk}/change/")
    assert "some bytes" not in one
