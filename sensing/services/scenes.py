"""Saving what is sensed in a camera's picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.errors import Conflict
from models_registry.services.actor import Actor
from sensing.domain import scene as domain
from sensing.models import Camera, Scene, SensingModule
from sensing.modules import MODULE_KINDS, check_modules

SCENE_PARTS = frozenset({"lines", "zones", "modules"})
logger = logging.getLogger(__name__)


def scene_save(
    *,
    camera: Camera,
    by: Actor,
    document: Any,
    expected_revision: int | None = None,
) -> Scene:
    """Replace a camera's scene by a document.

    A module that the document does not name is switched off and keeps its parameters. Raises
    ``SceneInvalid`` with all problems, ``Conflict`` when the scene is no longer the one of
    ``expected_revision``.
    """
    parsed = checked_scene(document)
    stored = domain.scene_document(parsed)
    with transaction.atomic():
        scene = Scene.objects.select_for_update().get(camera=camera)
        if expected_revision is not None and scene.revision != expected_revision:
            raise Conflict(
                "conflict",
                _("Someone else has changed this scene. Load it again, then repeat your change."),
            )
        scene.anchor, scene.lines, scene.zones = (
            stored["anchor"],
            stored["lines"],
            stored["zones"],
        )
        scene.updated_by_id = None if by is None else by.pk
        scene.revision += 1
        scene.save()
        _set_modules(camera, parsed)
    # The caller's camera, should it have prefetched its modules, would show the old ones.
    scene.camera = Camera.objects.prefetch_related("modules").get(pk=camera.pk)
    logger.info("scene of camera %d saved by %s", camera.pk, by or "the gateway")
    return scene


def checked_scene(document: Any) -> domain.Scene:
    """The scene of a document, with its modules' parameters checked. Raises ``SceneInvalid``."""
    if isinstance(document, Mapping) and not SCENE_PARTS & document.keys():
        # A request that lost its body, or the wrong file, must not erase a scene.
        expected = f"expected at least one of {', '.join(sorted(SCENE_PARTS))}, got none of them"
        raise domain.SceneInvalid([("scene", expected)])
    parsed = domain.parse_scene(document, MODULE_KINDS)
    check_modules(parsed)
    return parsed


def scene_touch(*, camera: Camera, by: Actor) -> None:
    """Note that a camera's modules were changed one by one, as the admin pages do."""
    with transaction.atomic():
        scene = Scene.objects.select_for_update().get(camera=camera)
        scene.revision += 1
        scene.updated_by_id = None if by is None else by.pk
        scene.save()


def _set_modules(camera: Camera, parsed: domain.Scene) -> None:
    wanted = {setting.kind: dict(setting.parameters) for setting in parsed.modules}
    SensingModule.objects.filter(camera=camera).exclude(kind__in=wanted).update(enabled=False)
    for kind, parameters in wanted.items():
        SensingModule.objects.update_or_create(
            camera=camera, kind=kind, defaults={"enabled": True, "parameters": parameters}
        )
