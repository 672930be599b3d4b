"""Letting a candidate see what a camera sees before it counts."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import ModelVersion
from models_registry.selectors.references import Resolved
from models_registry.services.actor import Actor, user_id
from models_registry.services.audit import record
from sensing.models import Camera, Deployment, DeploymentTarget, ShadowRun
from sensing.selectors.detectors import DetectorChoices, Target, camera_choices
from sensing.services.deployments import deploy
from sensing.services.detectors import check_contract, check_fits


def shadow_start(*, by: Actor, camera: Camera, version: ModelVersion) -> ShadowRun:
    """Run a version beside a camera's detector, instead of a shadow that runs there.

    Raises ``Refused``.
    """
    found = Resolved(version.reference, version)
    check_contract(found)
    camera = camera_choices().get(pk=camera.pk)
    check_fits(found, camera)
    if DetectorChoices().of(camera).version == version:
        raise Refused("in_service", _("This version is already in service there."), "detector")
    try:
        with transaction.atomic():
            _end(camera, cause="replaced")
            shadow = ShadowRun.objects.create(
                camera=camera,
                version=version,
                held=version,
                version_name=version.reference,
                created_by_id=user_id(by),
            )
            record(by=by, action="shadow_started", subject=version.reference, detail=camera.name)
    except IntegrityError as error:
        raise Conflict("conflict", _("Someone else has just started a shadow there.")) from error
    return shadow


def shadow_stop(*, shadow: ShadowRun, by: Actor, cause: str = "", detail: str = "") -> ShadowRun:
    """End a shadow; what it reported stays. Raises ``Conflict`` for one that has ended."""
    with transaction.atomic():
        if not _end(shadow.camera, pk=shadow.pk, cause=cause, detail=detail):
            raise Conflict("not_running", _("This shadow has already ended."))
        record(
            by=by,
            action="shadow_stopped",
            subject=shadow.version_name,
            detail=f"{shadow.camera.name} {cause}".strip(),
        )
    return ShadowRun.objects.select_related("version__model", "camera").get(pk=shadow.pk)


def shadow_promote(*, shadow: ShadowRun, by: Actor) -> Deployment:
    """Put a shadow's version into service on its camera. Raises ``Refused``."""
    with transaction.atomic():
        if shadow.running:
            shadow_stop(shadow=shadow, by=by, cause="promoted")
        return deploy(
            by=by,
            target=Target(DeploymentTarget.CAMERA, camera_id=shadow.camera_id),
            reference=shadow.version_name,
        )


def shadow_report(*, camera_id: int, version_id: int, report: dict[str, Any]) -> None:
    """Keep the latest figures of a running shadow; of one that was stopped before its first
    figures were stored, those."""
    latest = ShadowRun.objects.filter(camera_id=camera_id, version_id=version_id).first()
    if latest is not None and (latest.running or not latest.report):
        ShadowRun.objects.filter(pk=latest.pk).update(report=report)


def _end(camera: Camera, *, pk: int | None = None, cause: str = "", detail: str = "") -> int:
    rows = ShadowRun.objects.filter(camera=camera, running=True)
    if pk is not None:
        rows = rows.filter(pk=pk)
    return rows.update(
        running=False, held=None, ended_at=timezone.now(), cause=cause[:40], detail=detail
    )
