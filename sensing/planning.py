"""The only place where rows become a worker's plan, credentials included."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import cast

from models_registry.models import Alias, ModelVersion
from models_registry.selectors.references import MOTION
from models_registry.storage import version_path
from sensing.directories import clips_dir
from sensing.models import (
    CURRENT,
    Calibration,
    Camera,
    Deployment,
    DeploymentState,
    ModuleDetector,
    Recount,
    SensingModule,
    ShadowRun,
    Site,
)
from sensing.recount.orders import strip_orders
from sensing.selectors.detectors import (
    DetectorChoices,
    camera_choices,
    current_deployments,
    deployment_of,
    running_shadows,
)
from sensing.sources import filled
from sensing.worker.plan import (
    CameraPlan,
    DetectorSpec,
    PicturePolicy,
    SourceKind,
    SourceSpec,
    WorkerPlan,
)

TRIAL_S = 600.0
MAX_REFERENCE_BYTES = 400_000


def worker_plan() -> WorkerPlan:
    """All cameras that should run now."""
    detectors = Detectors()
    calibrations = {row.camera_id: row for row in Calibration.objects.filter(retired_at=None)}
    strips = strip_orders()
    cameras = camera_choices().filter(paused=False).order_by("pk")
    return WorkerPlan(
        cameras=tuple(
            replace(
                camera_plan(camera, detectors, calibrations.get(camera.pk)),
                strip=strips.get(camera.pk),
            )
            for camera in cameras
        ),
        clips_dir=str(clips_dir()),
    )


def camera_plan(
    camera: Camera, detectors: Detectors, calibration: Calibration | None = None
) -> CameraPlan:
    """One camera's work; equal for equal rows. ``calibration``: the active one."""
    reference = bytes(calibration.reference or b"") if calibration is not None else b""
    return CameraPlan(
        camera_id=camera.pk,
        name=camera.name,
        source=camera_source(camera),
        scene=camera.scene.document(),
        detector=detectors.spec(camera),
        shadow=detectors.shadow(camera),
        analysed_fps=camera.analysed_fps,
        pictures=cast(PicturePolicy, camera.pictures),
        calibration=calibration.document if calibration is not None else None,
        calibration_id=calibration.pk if calibration is not None else 0,
        reference=reference if len(reference) <= MAX_REFERENCE_BYTES else b"",
    )


class Detectors:
    """What every camera's detector is, from rows read once."""

    def __init__(self) -> None:
        self._choices = DetectorChoices()
        self._deployments = current_deployments()
        self._shadows = running_shadows()

    def spec(self, camera: Camera) -> DetectorSpec:
        """The detector in service; behind it, the one that comes back should it fail."""
        used = self._choices.of(camera)
        attention = camera.attention
        spec = version_spec(used.version, used.reference, attention=attention)
        deployment = deployment_of(camera, used, self._deployments)
        if deployment is None or deployment.version_id is None:
            return spec
        if deployment.previous is None and deployment.previous_name != MOTION:
            return spec  # it was deleted: nothing to go back to
        before = deployment.previous
        fallback = version_spec(before, deployment.previous_name, attention=attention)
        # What has passed its trial is not tried again with every restart of the gateway; the
        # version before still takes its place should it break.
        tried = deployment.state != DeploymentState.TRIAL or camera.pk in deployment.passed
        return replace(spec, fallback=fallback, trial_s=0.0 if tried else TRIAL_S)

    def shadow(self, camera: Camera) -> DetectorSpec | None:
        row = self._shadows.get(camera.pk)
        if row is None or row.version is None:
            return None
        return version_spec(row.version, row.version_name, attention=camera.attention)


def version_spec(
    version: ModelVersion | None, reference: str, *, attention: bool = False
) -> DetectorSpec:
    """The detector of a version; of motion, which attention is not for, for None."""
    if version is None:
        return DetectorSpec(name=MOTION, reference=MOTION)
    return DetectorSpec(
        name=version.reference,
        reference=reference,
        version=version.pk,
        model_path=str(version_path(version.sha256)),
        contract=version.contract,
        attention=attention,
    )


def camera_source(camera: Camera) -> SourceSpec:
    """How to open a stored camera."""
    return filled(
        SourceSpec(
            kind=cast(SourceKind, camera.kind),
            location=camera.url,
            loop=camera.loop,
            username=camera.username,
            password=camera.password,
        )
    )


def plan_fingerprint() -> str:
    """Differs whenever ``worker_plan`` may differ; small queries, nothing is decrypted."""
    # The stored ciphertext is new with each save, so it is left out: ``updated_at`` stands for it.
    tables = (
        Camera.objects.values_list(
            "pk", "updated_at", "paused", "scene__revision", "detector", "alias_id", "pinned_id"
        ),
        SensingModule.objects.values_list("pk", "camera_id", "kind", "enabled", "parameters"),
        ModuleDetector.objects.values_list("pk", "detector", "alias_id", "pinned_id"),
        Site.objects.values_list("pk", "detector", "alias_id", "pinned_id"),
        Alias.objects.values_list("pk", "version_id"),
        Deployment.objects.filter(state__in=CURRENT).values_list(
            "pk", "state", "passed", "version_id", "previous_id"
        ),
        ShadowRun.objects.filter(running=True).values_list("pk", "camera_id", "version_id"),
        # A calibration is never changed; confirming one may bring another still.
        Calibration.objects.filter(retired_at=None).values_list("pk", "camera_id", "confirmed_at"),
        Recount.objects.filter(state="recording").values_list("pk", "camera_id", "duration_s"),
    )
    rows = [list(table.order_by("pk")) for table in tables]
    return hashlib.sha256(repr(rows).encode()).hexdigest()
