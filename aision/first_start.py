"""What a first start prepares: the first admin, and cameras so that the dashboard lives at once."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from models_registry.services.builtin import builtin_install
from sensing.models import Camera, Deployment, DeploymentState
from sensing.selectors.detectors import GATEWAY
from sensing.selectors.site import current_site
from sensing.services import camera_register, scene_save
from sensing.services.calibrations import calibration_save
from sensing.services.deployments import deploy
from sensing.simulation import (
    default_scene,
    demo_urls,
    parse_simulation_url,
    simulated_calibration,
)

LINE_ACROSS = {
    "anchor": "center",
    "lines": [{"id": "line-1", "name": "Line 1", "points": [[0.02, 0.6], [0.98, 0.6]]}],
    "zones": [],
    "modules": [
        {"kind": "vehicle_traffic", "parameters": {}},
        {"kind": "person_count", "parameters": {}},
    ],
}


class FirstStartRefused(RuntimeError):
    """Something the operator gave cannot be used; the message says what was expected."""


def ensure_admin() -> tuple[str, str] | None:
    """Make the first admin. Returns (user, password) when the password was generated.

    Raises ``FirstStartRefused`` when ``AISION_ADMIN_USER`` cannot be a user's name.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    user = os.environ.get("AISION_ADMIN_USER", "admin")
    try:
        User(username=user).clean_fields(exclude={"password"})
    except ValidationError as error:
        raise FirstStartRefused(
            f"AISION_ADMIN_USER: {' '.join(error.messages)} Got {user!r}."
        ) from error
    given = os.environ.get("AISION_ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    User.objects.create_superuser(user, password=password)
    return None if given else (user, password)


def ensure_detector() -> None:
    """The shipped detector in the registry and, at the very first start, in service everywhere.

    A gateway that has counted before goes on with what it used: its operator decides.
    """
    alias = builtin_install()
    if current_site().detector or User.objects.exists() or Camera.objects.exists():
        return
    deployment = deploy(by=None, target=GATEWAY, reference=alias.reference)
    # There is nothing yet to try it on, and motion still takes its place should it break.
    Deployment.objects.filter(pk=deployment.pk).update(state=DeploymentState.ACTIVE, held=None)


def ensure_demo_cameras() -> list[Camera]:
    """Two simulated cameras, the road calibrated, at the very first start only: a deleted one does
    not come back."""
    if Camera.objects.exists() or User.objects.exists():
        return []
    cameras = []
    for name, url in zip(("Road (simulated)", "Plaza (simulated)"), demo_urls(), strict=True):
        camera = camera_register(by=None, name=name, kind="sim", url=url)
        spec = parse_simulation_url(url)
        scene_save(camera=camera, by=None, document=default_scene(spec))
        calibration = simulated_calibration(spec)
        if calibration is not None:
            calibration_save(camera=camera, by=None, document=calibration)
        cameras.append(camera)
    return cameras


def ensure_video_camera(video: Path) -> Camera:
    """Register a recording as a looping camera with one line across it. Raises when it is none."""
    video = video.expanduser().resolve()
    if not video.is_file():
        raise FirstStartRefused(f"--video: expected a video file, found none at {video}")
    linked = link_into(settings.VIDEO_DIRS[0], video)
    existing = Camera.objects.filter(kind="file", url=str(linked)).first()
    if existing:
        return existing
    camera = camera_register(
        by=None, name=free_name(video.stem), kind="file", url=str(linked), loop=True
    )
    scene_save(camera=camera, by=None, document=LINE_ACROSS)
    return camera


def link_into(folder: Path, video: Path) -> Path:
    """A link to the recording in the folder of videos, the only place that file cameras read."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / video.name
    if link.is_symlink() and link.readlink() == video:
        return link
    if link.exists() or link.is_symlink():
        link = folder / f"{video.stem}-{secrets.token_hex(3)}{video.suffix}"
    link.symlink_to(video)
    return link


def free_name(wanted: str) -> str:
    """The wanted name, or the wanted name with the first free number."""
    name, number = wanted[:60], 1
    while Camera.objects.filter(name=name).exists():
        number += 1
        name = f"{wanted[:60]} {number}"
    return name
