"""Rows and messages that tests of the Django side start from."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import User

from aision.accounts.roles import Role, user_set_role
from sensing.domain.results import Crossing, Visit
from sensing.models import Camera
from sensing.services import camera_register, scene_save
from sensing.worker.messages import Facts, Status, ZoneMinute

NOON_S = 1_767_268_800.0  # 2026-01-01 12:00:00 UTC
NOON = int(NOON_S // 60)

SCENE: dict[str, Any] = {
    "anchor": "center",
    "lines": [{"id": "gate", "name": "Gate", "points": [[0.1, 0.5], [0.9, 0.5]]}],
    "zones": [{"id": "yard", "name": "Yard", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
    "modules": [
        {"kind": "vehicle_traffic", "parameters": {}},
        {"kind": "person_count", "parameters": {}},
    ],
}

_numbers = itertools.count(1)


def make_camera(name: str = "", *, scene: dict[str, Any] | None = None, **fields: Any) -> Camera:
    """A camera in the network of documentation, with a line ``gate`` and a zone ``yard``."""
    number = next(_numbers)
    given = {"kind": "rtsp", "url": f"rtsp://192.0.2.{number % 200 + 1}/stream"} | fields
    camera = camera_register(by=None, name=name or f"Camera {number}", **given)
    scene_save(camera=camera, by=None, document=SCENE if scene is None else scene)
    return Camera.objects.get(pk=camera.pk)


def make_user(name: str, role: Role | None) -> User:
    user = User.objects.create_user(name)  # without a password: hashing one takes half a second
    if role:
        user_set_role(user, role)
    return User.objects.get(pk=user.pk)


def crossing(
    track: int = 1,
    at_s: float = NOON_S,
    *,
    line: str = "gate",
    nth: int = 0,
    direction: str = "forward",
    object_class: str = "car",
    size: str = "small",
) -> Crossing:
    return Crossing(line, track, nth, direction, object_class, size, 0.9, at_s, 100)  # type: ignore[arg-type]


def visit(track: int = 1, enter_s: float = NOON_S, stay_s: float = 30.0, nth: int = 0) -> Visit:
    return Visit("yard", track, nth, "person", enter_s, enter_s + stay_s)


def facts(
    camera: Camera,
    *crossings: Crossing,
    sequence: int = 0,
    run: str = "run-1",
    visits: tuple[Visit, ...] = (),
    observed_s: dict[int, float] | None = None,
    zone_minutes: tuple[ZoneMinute, ...] = (),
) -> Facts:
    return Facts(camera.pk, run, sequence, crossings, visits, observed_s or {}, zone_minutes)


def status(camera: Camera, state: str = "live", at_s: float = NOON_S, **more: Any) -> Status:
    return Status(camera.pk, "run-1", state, at_s=at_s, **more)  # type: ignore[arg-type]
