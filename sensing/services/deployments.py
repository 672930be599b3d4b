"""Putting versions into service, and taking them back."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import Alias, ModelVersion
from models_registry.selectors.references import MOTION, Resolved, resolve
from models_registry.services.actor import Actor, user_id
from models_registry.services.audit import record
from models_registry.services.catalog import alias_set
from sensing.models import (
    CURRENT,
    Camera,
    Deployment,
    DeploymentState,
    DeploymentTarget,
    ModuleDetector,
    ShadowRun,
    UsesDetector,
)
from sensing.modules import MODULE_KINDS
from sensing.selectors.detectors import (
    DetectorChoices,
    InService,
    Target,
    camera_choices,
    cameras_decided_by,
    target_of,
)
from sensing.services.detectors import check_fits, lock_choices, set_detector

logger = logging.getLogger(__name__)

DETECTOR_FIELDS = ("detector", "alias", "pinned")


def deploy(*, by: Actor, target: Target, reference: str) -> Deployment:
    """Let the gateway, a sensing module or a camera use a detector from now on.

    The version before stays known, so that it can come back. Raises ``Refused``.
    """
    with transaction.atomic():
        lock_choices()
        row = _target_row(target)
        if row.detector == reference:
            raise Refused("in_service", _("This detector is already in service there."), "detector")
        before, before_reference = _used(target, row), row.detector
        found = set_detector(row, resolve(reference))
        row.save(update_fields=DETECTOR_FIELDS)
        affected = cameras_decided_by(target)
        for camera in affected:
            check_fits(found, camera)
        _end_shadows(affected, found.version)
        deployment = _begin(
            by=by,
            target=target,
            found=found,
            previous=before.version,
            previous_name=before.version_name,
            before=before_reference,
        )
    logger.info("%s deployed by %s", deployment, by or "the gateway")
    return deployment


def detector_clear(*, by: Actor, target: Target) -> None:
    """Let a camera or a sensing module follow the next wider target again. Raises ``Refused``."""
    with transaction.atomic():
        lock_choices()
        row = _target_row(target)
        before = row.detector
        followed = [camera.pk for camera in cameras_decided_by(target)]
        set_detector(row, None)
        row.save(update_fields=DETECTOR_FIELDS)
        choices = DetectorChoices()
        for camera in camera_choices().filter(pk__in=followed):
            used = choices.of(camera)
            check_fits(Resolved(used.reference, used.version), camera)
        _end(target, by, DeploymentState.REPLACED)
        record(by=by, action="detector_cleared", subject=str(target), detail=before)


def alias_deploy(*, by: Actor, version: ModelVersion, name: str) -> Deployment | Alias:
    """Let an alias name another version: whatever follows the alias changes with it.

    An alias that is new, or already names the version, is no deployment. Raises ``Refused``.
    """
    with transaction.atomic():
        lock_choices()
        alias = Alias.objects.filter(model=version.model, name=name).first()
        previous = alias.version if alias else None
        moved = alias_set(version=version, by=by, name=name)
        if previous is None or previous == version:
            return moved
        target = Target(DeploymentTarget.ALIAS, alias=moved.reference)
        found = Resolved(moved.reference, version, moved)
        affected = cameras_decided_by(target)
        for camera in affected:
            check_fits(found, camera)
        _end_shadows(affected, version)
        return _begin(
            by=by,
            target=target,
            found=found,
            previous=previous,
            previous_name=previous.reference,
            before=moved.reference,
        )


def roll_back(
    *, deployment: Deployment, by: Actor, cause: str = "", detail: str = ""
) -> Deployment:
    """Bring back what a deployment replaced. Raises ``Refused`` when it is no longer in service."""
    with transaction.atomic():
        lock_choices()
        deployment = (
            Deployment.objects.select_for_update(of=("self",))
            .select_related("previous__model", "version__model", "camera")
            .get(pk=deployment.pk)
        )
        if deployment.state not in CURRENT:
            raise Conflict("not_current", _("This deployment is no longer in service."))
        if deployment.previous is None and deployment.previous_name != MOTION:
            raise Refused(
                "previous_deleted",
                _("%(version)s was deleted meanwhile.") % {"version": deployment.previous_name},
            )
        _restore(deployment, by)
        deployment.state = DeploymentState.ROLLED_BACK
        deployment.cause, deployment.detail, deployment.held = cause[:40], detail, None
        deployment.ended_at, deployment.ended_by_id = timezone.now(), user_id(by)
        deployment.save()
        record(
            by=by,
            action="rolled_back",
            subject=deployment.version_name,
            detail=f"{target_of(deployment)}: back to {deployment.previous_name}"
            + (f"; {cause}: {detail}" if cause else ""),
        )
    logger.warning("%s rolled back by %s: %s", deployment, by or "the gateway", cause or "-")
    return deployment


def _begin(
    *,
    by: Actor,
    target: Target,
    found: Resolved,
    previous: ModelVersion | None,
    previous_name: str,
    before: str,
) -> Deployment:
    _end(target, by, DeploymentState.REPLACED)
    # Motion needs no trial, and a version that replaces itself has stood it.
    proven = found.version is None or found.version == previous
    deployment = Deployment.objects.create(
        target=target.kind,
        camera_id=target.camera_id,
        module_kind=target.module_kind,
        reference=found.reference,
        before=before,
        version=found.version,
        previous=previous,
        version_name=found.version_name,
        previous_name=previous_name,
        state=DeploymentState.ACTIVE if proven else DeploymentState.TRIAL,
        held=None if proven else previous,
        created_by_id=user_id(by),
    )
    record(
        by=by,
        action="deployed",
        subject=found.version_name,
        detail=f"{target}; before: {previous_name}",
    )
    return deployment


def _end(target: Target, by: Actor, state: DeploymentState) -> None:
    Deployment.objects.filter(state__in=CURRENT, **_columns(target)).update(
        state=state, ended_at=timezone.now(), ended_by_id=user_id(by), held=None
    )


def _end_shadows(cameras: list[Camera], version: ModelVersion | None) -> None:
    """What counts now need not run beside itself."""
    ShadowRun.objects.filter(running=True, camera__in=cameras, version=version).update(
        running=False, held=None, ended_at=timezone.now(), cause="deployed"
    )


def _columns(target: Target) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "target": target.kind,
        "camera_id": target.camera_id,
        "module_kind": target.module_kind,
    }
    return columns | ({"reference": target.alias} if target.alias else {})


def _restore(deployment: Deployment, by: Actor) -> None:
    if deployment.target == DeploymentTarget.ALIAS:
        assert deployment.previous is not None  # an alias never names motion
        name = deployment.reference.partition("@")[2]
        alias_set(version=deployment.previous, by=by, name=name)
        return
    row = _target_row(target_of(deployment))
    set_detector(row, _found_back(deployment))
    row.save(update_fields=DETECTOR_FIELDS)


def _found_back(deployment: Deployment) -> Resolved | None:
    """What brings the previous version back: the name before, unless that means another now."""
    if not deployment.before:
        return None
    try:
        found = resolve(deployment.before)
    except Refused:
        return resolve(deployment.previous_name)
    same = found.version_name == deployment.previous_name
    return found if same else resolve(deployment.previous_name)


def _target_row(target: Target) -> UsesDetector:
    if target.kind == DeploymentTarget.CAMERA:
        return _camera(target, lock=True)
    if target.kind == DeploymentTarget.MODULE:
        if target.module_kind not in MODULE_KINDS:
            raise Refused(
                "module",
                _("Expected one of %(names)s.") % {"names": ", ".join(sorted(MODULE_KINDS))},
                "module",
            )
        return ModuleDetector.objects.get_or_create(kind=target.module_kind)[0]
    if target.kind == DeploymentTarget.GATEWAY:
        return lock_choices()
    raise Refused("target", _("Expected gateway, module or camera."), "target")


def _camera(target: Target, *, lock: bool = False) -> Camera:
    rows = Camera.objects.select_for_update() if lock else camera_choices()
    camera = rows.filter(pk=target.camera_id or 0).first()
    if camera is None:
        raise Refused("camera", _("Expected a camera."), "camera")
    return camera


def _used(target: Target, row: UsesDetector) -> InService:
    choices = DetectorChoices()
    if target.kind == DeploymentTarget.CAMERA:
        return choices.of(_camera(target))
    if row.detector:
        return choices.of_row(row, target.kind, target.module_kind)
    return choices.of_row(choices.site, DeploymentTarget.GATEWAY)
