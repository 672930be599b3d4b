from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from sensing.models import Recount
from sensing.recount.making import MAX_ATTEMPTS, make_waiting
from sensing.recount.storage import CLIP_NAME, recount_dir, tile_path
from sensing.recount.thumbnail import strip_thumbnail
from sensing.services.recounts import recount_of_clip
from tests.cameras import write_clip
from tests.sensing.recount.rows import allow_strips, ready_recount
from tests.sensing.rows import make_camera

pytestmark = pytest.mark.django_db

SCENE: dict[str, Any] = {
    "lines": [{"id": "road", "name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}],
    "modules": [{"kind": "vehicle_traffic", "parameters": {}}],
}


@pytest.fixture
def videos() -> Iterator[Path]:
    folder = Path(settings.VIDEO_DIRS[0])
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for file in folder.glob("recount-*"):
        file.unlink()


def waiting(clip: Any) -> Recount:
    allow_strips()
    camera = make_camera(scene=SCENE)
    return recount_of_clip(
        by=None, camera=camera, line_ids=["road"], clip=clip, request_key=uuid.uuid4()
    )


def test_a_clip_becomes_a_strip_with_the_systems_crossings_on_it(videos: Path) -> None:
    # Long enough for motion detection to learn the street; then a box passes every three seconds.
    write_clip(videos / "recount-street.mp4", frames=225)
    recount = waiting("recount-street.mp4")
    assert make_waiting() == 1
    recount.refresh_from_db()
    assert (recount.state, recount.cause, recount.detail) == ("ready", "", "")
    assert recount.duration_s == pytest.approx(15.0, abs=0.1)
    assert recount.detectors == ["motion"]
    times = [mark["time_s"] for mark in recount.system_marks]
    assert len(times) >= 3
    # The box's middle is on the line when its left edge is at 125 of 400 px of travel − 80.
    assert all(min(abs(t % 3.0 - 1.54), 3.0) < 0.5 for t in times), times
    assert {mark["direction"] for mark in recount.system_marks} <= {"forward", "backward"}
    rows = sum(len(tile["dt"]) + 1 for tile in recount.tiles)
    assert rows == pytest.approx(15.0 * 12.5, rel=0.25)
    # The box is light: where it stands at a crossing, the strip is light, and dark before.
    path = tile_path(recount.pk, recount.tiles[0]["files"]["road"])
    assert path is not None
    image = cv2.imread(str(path))
    light = image[:, image.shape[1] // 3 : image.shape[1] // 3 + 5].mean(axis=(1, 2))
    assert light.max() > 180
    assert light.min() < 110


def test_an_uploaded_clip_that_is_none_fails_in_words_and_is_deleted() -> None:
    recount = waiting(SimpleUploadedFile("street.mp4", b"no video at all" * 50))
    assert (recount_dir(recount.pk) / CLIP_NAME).is_file()
    assert make_waiting() == 1
    recount.refresh_from_db()
    assert (recount.state, recount.cause) == ("failed", "clip_unusable")
    assert recount.detail
    assert not (recount_dir(recount.pk) / CLIP_NAME).exists()


def test_a_recount_whose_process_is_lost_again_and_again_is_given_up() -> None:
    recount = waiting(SimpleUploadedFile("street.mp4", b"x"))
    Recount.objects.update(
        state="making",
        attempts=MAX_ATTEMPTS,
        lease_until=timezone.now() - timedelta(minutes=5),
    )
    assert make_waiting() == 0
    recount.refresh_from_db()
    assert (recount.state, recount.cause) == ("failed", "process_lost")


def test_the_small_picture_shows_time_to_the_right() -> None:
    jpeg = strip_thumbnail(ready_recount(make_camera()))
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8\xff")
