"""Registering, changing and deleting cameras."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.selectors.references import resolve
from models_registry.services.actor import Actor
from sensing.directories import clips_dir
from sensing.models import (
    Camera,
    CameraState,
    CameraStateChoice,
    DeploymentTarget,
    Scene,
)
from sensing.selectors import current_site
from sensing.selectors.detectors import Target
from sensing.services.deployments import deploy, detector_clear
from sensing.services.detectors import lock_choices, set_detector
from sensing.services.pruning import RESULTS, delete_in_chunks
from sensing.services.scenes import scene_save
from sensing.services.trials import trials_settle
from sensing.simulation import default_scene, parse_simulation_url
from sensing.sources import checked_source, filled
from sensing.worker.plan import SourceSpec
from sensing.worker.snapshot import ProbeResult, probe

logger = logging.getLogger(__name__)

SOURCE_FIELDS = frozenset({"kind", "url", "username", "password", "loop"})
OTHER_FIELDS = frozenset({"name", "paused", "analysed_fps", "pictures", "attention", "position"})
TEST_TIMEOUT_S = 12.0


def camera_register(
    *,
    by: Actor,
    name: str,
    kind: str,
    url: str,
    username: str = "",
    password: str = "",
    loop: bool = True,
    paused: bool = False,
    analysed_fps: float = 10.0,
    pictures: str | None = None,
    detector: str = "",
    attention: bool = False,
    position: int | None = None,
) -> Camera:
    """A new camera with a scene: empty, or the one that comes with a simulation.

    Credentials inside the URL become the user name and the password. Raises ``Refused``.
    """
    source = checked_source(kind=kind, url=url, username=username, password=password, loop=loop)
    camera = Camera(
        name=name,
        paused=paused,
        analysed_fps=analysed_fps,
        pictures=current_site().default_pictures if pictures is None else pictures,
        attention=attention,
        position=_next_position() if position is None else position,
    )
    _set_source(camera, source)
    set_detector(camera, resolve(detector) if detector else None)
    with transaction.atomic():
        _save_checked(camera)
        CameraState.objects.create(camera=camera, state=_first_state(camera), since=timezone.now())
        Scene.objects.create(camera=camera)
        if source.kind == "sim":
            document = default_scene(parse_simulation_url(source.location))
            scene_save(camera=camera, by=by, document=document)
    logger.info("camera %d registered by %s", camera.pk, by or "the gateway")
    return Camera.objects.get(pk=camera.pk)


def camera_change(
    *, camera: Camera, by: Actor, clear_password: bool = False, **changes: Any
) -> Camera:
    """Change the fields given. A password of '' leaves the stored one, which
    ``clear_password`` removes.

    Raises ``Refused``, also when a stored password would be sent to another machine than before:
    whoever may edit a camera's address must not be able to read its password that way.
    """
    unknown = changes.keys() - SOURCE_FIELDS - OTHER_FIELDS - {"detector"}
    if unknown:
        raise TypeError(f"a camera has no {', '.join(sorted(unknown))}")
    with transaction.atomic():
        if "detector" in changes:
            lock_choices()  # before the camera's row, as every deployment does
        camera = Camera.objects.select_for_update().get(pk=camera.pk)
        if clear_password:
            camera.password = ""
        source = changed_source(camera, changes)
        if source is not None:
            _set_source(camera, source)
        for field in changes.keys() & OTHER_FIELDS:
            setattr(camera, field, changes[field])
        _save_checked(camera)
        _follow_pause(camera)
        _set_detector(camera, by, changes.get("detector"))
    if changes.get("paused"):
        trials_settle()
    logger.info("camera %d changed by %s", camera.pk, by or "the gateway")
    return Camera.objects.get(pk=camera.pk)


def changed_source(camera: Camera, changes: dict[str, Any]) -> SourceSpec | None:
    """The source that a stored camera would have with these changes; None: as it is.

    Raises ``Refused`` as ``camera_change`` does. For a test before saving, too.
    """
    given = {name: value for name, value in changes.items() if name in SOURCE_FIELDS}
    if not given.get("password"):
        given.pop("password", None)
    if all(getattr(camera, name) == value for name, value in given.items()):
        return None
    stored = {name: getattr(camera, name) for name in SOURCE_FIELDS - {"password"}}
    wanted = checked_source(**{**stored, "password": "", **given})
    if wanted.password or not camera.password:
        return wanted
    if machine(wanted.kind, wanted.location) != machine(camera.kind, camera.url):
        raise Refused(
            "password_again",
            _("The address names another machine: type the camera's password again."),
            "password",
        )
    return checked_source(**{**stored, "password": camera.password, **given})


def machine(kind: str, url: str) -> tuple[str, str, int | None]:
    """Whom a password would be sent to."""
    parts = urlsplit(url)
    # From an encrypted to a plain scheme, the password would be readable on the way.
    return f"{kind}:{parts.scheme}", parts.hostname or url, parts.port


def camera_pause(*, camera: Camera, by: Actor) -> Camera:
    return camera_change(camera=camera, by=by, paused=True)


def camera_resume(*, camera: Camera, by: Actor) -> Camera:
    return camera_change(camera=camera, by=by, paused=False)


def camera_delete(*, camera: Camera, by: Actor) -> None:
    """Delete a camera with everything it counted."""
    # Years of results in one transaction would keep the one writer waiting: first in portions.
    Camera.objects.filter(pk=camera.pk).update(paused=True, updated_at=timezone.now())
    for model in RESULTS:
        delete_in_chunks(model._default_manager.filter(camera_id=camera.pk))
    pk = camera.pk
    camera.delete()
    trials_settle()
    logger.info("camera %d deleted by %s", pk, by or "the gateway")


def camera_test(source: SourceSpec) -> ProbeResult:
    """Open the source in a child process and look at one picture."""
    return probe(filled(source), clips_dir(), TEST_TIMEOUT_S)


def _set_source(camera: Camera, source: SourceSpec) -> None:
    camera.kind, camera.url, camera.loop = source.kind, source.location, source.loop
    camera.username, camera.password = source.username, source.password


def _set_detector(camera: Camera, by: Actor, reference: str | None) -> None:
    """A changed detector is a deployment: tried, noted, and it can be rolled back."""
    if reference is None or reference == camera.detector:
        return
    target = Target(DeploymentTarget.CAMERA, camera_id=camera.pk)
    if reference:
        deploy(by=by, target=target, reference=reference)
    else:
        detector_clear(by=by, target=target)


def _save_checked(camera: Camera) -> None:
    camera.name = camera.name.strip() if isinstance(camera.name, str) else camera.name
    try:
        camera.full_clean(validate_unique=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused("invalid", " ".join(messages), field) from error
    taken = Camera.objects.filter(name=camera.name).exclude(pk=camera.pk)
    if taken.exists():
        raise _name_taken()
    try:
        with transaction.atomic():
            camera.save()
    except IntegrityError as error:  # someone else was faster
        raise _name_taken() from error


def _name_taken() -> Refused:
    return Refused("name_taken", _("Another camera has this name."), "name")


def _follow_pause(camera: Camera) -> None:
    state = _first_state(camera)
    rows = CameraState.objects.filter(camera=camera)
    if camera.paused:
        rows = rows.exclude(state=state)
    else:
        rows = rows.filter(state=CameraStateChoice.PAUSED)
    rows.update(state=state, cause="", detail="", retry_in_s=None, since=timezone.now())


def _first_state(camera: Camera) -> CameraStateChoice:
    return CameraStateChoice.PAUSED if camera.paused else CameraStateChoice.CONNECTING


def _next_position() -> int:
    last: int | None = Camera.objects.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1
