"""When a deployment has stood its trial."""

from __future__ import annotations

from django.db import transaction

from sensing.models import Deployment, DeploymentState
from sensing.selectors.detectors import cameras_decided_by, target_of
from sensing.services.detectors import lock_choices


def trial_passed(*, deployment: Deployment, camera_id: int) -> None:
    """A camera's trial ended well; the deployment is active once those of all its cameras did."""
    with transaction.atomic():
        lock_choices()
        deployment = Deployment.objects.select_related("camera").get(pk=deployment.pk)
        if deployment.state != DeploymentState.TRIAL:
            return
        deployment.passed = sorted({*deployment.passed, camera_id})
        deployment.save(update_fields=["passed"])
        _settle(deployment)


def trials_settle() -> None:
    """End the trials that waited only for cameras which were paused or deleted."""
    with transaction.atomic():
        lock_choices()
        for deployment in Deployment.objects.filter(state=DeploymentState.TRIAL):
            _settle(deployment)


def _settle(deployment: Deployment) -> None:
    cameras = cameras_decided_by(target_of(deployment))
    waiting = {camera.pk for camera in cameras if not camera.paused} - set(deployment.passed)
    if deployment.passed and not waiting:
        deployment.state, deployment.held = DeploymentState.ACTIVE, None
        deployment.save(update_fields=["state", "held"])
