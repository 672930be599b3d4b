"""What workers say of the versions they run: rolled back, trial passed, how a shadow does."""

from __future__ import annotations

import logging
from dataclasses import asdict

from django.core.exceptions import ObjectDoesNotExist

from models_registry.errors import Refused
from sensing.models import Camera, DeploymentState, ShadowRun
from sensing.selectors.detectors import (
    DetectorChoices,
    camera_choices,
    current_deployments,
    deployment_of,
)
from sensing.services.deployments import roll_back
from sensing.services.shadows import shadow_report, shadow_stop
from sensing.services.trials import trial_passed
from sensing.worker.messages import RolledBack, ShadowReport, TrialPassed

logger = logging.getLogger(__name__)

VersionMessage = RolledBack | TrialPassed | ShadowReport


def store_version_message(message: VersionMessage) -> None:
    """Keep one message. What it is about may have gone or ended meanwhile, which is no error.

    Raises only ``DatabaseError``: anything else would end the writer, and with it all counts.
    """
    try:
        _store(message)
    except (Refused, ObjectDoesNotExist) as error:
        logger.warning("nothing changed by %s: %s", message, error)


def _store(message: VersionMessage) -> None:
    if isinstance(message, ShadowReport):
        _shadow(message)
        return
    camera = camera_choices().filter(pk=message.camera_id).first()
    if camera is None:
        return
    if isinstance(message, TrialPassed):
        _passed(camera, message.version)
    else:
        _rolled_back(camera, message)


def _shadow(message: ShadowReport) -> None:
    report = asdict(message)
    camera_id, version_id = report.pop("camera_id"), report.pop("version")
    shadow_report(camera_id=camera_id, version_id=version_id, report=report)
    if not message.dropped:
        return
    shadow = (
        ShadowRun.objects.filter(camera_id=camera_id, version_id=version_id, running=True)
        .select_related("version__model", "camera")
        .first()
    )
    if shadow is not None:
        shadow_stop(shadow=shadow, by=None, cause=message.cause, detail=message.detail)


def _passed(camera: Camera, version_id: int) -> None:
    deployment = deployment_of(camera, DetectorChoices().of(camera), current_deployments())
    if deployment is None or deployment.version_id != version_id:
        return
    if deployment.state == DeploymentState.TRIAL:
        trial_passed(deployment=deployment, camera_id=camera.pk)


def _rolled_back(camera: Camera, message: RolledBack) -> None:
    """A camera's worker has gone back by itself: so does everything that the deployment reached."""
    deployment = deployment_of(camera, DetectorChoices().of(camera), current_deployments())
    if deployment is None or deployment.version_id != message.version_from:
        return  # another camera's worker was first, or a person
    detail = f"{camera.name}: {message.detail}"
    roll_back(deployment=deployment, by=None, cause=message.cause, detail=detail)
