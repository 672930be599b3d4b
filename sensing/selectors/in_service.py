"""What every target names and what every camera runs, since when, by whom, and how well."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Max, Q
from django.utils import timezone

from models_registry.models import Alias
from sensing.models import (
    CURRENT,
    Camera,
    Deployment,
    DeploymentState,
    DeploymentTarget,
    ShadowRun,
    UsesDetector,
)
from sensing.modules import MODULES
from sensing.selectors.detectors import (
    GATEWAY,
    DetectorChoices,
    InService,
    Target,
    camera_choices,
    decides,
    deployment_of,
    target_of,
)

SHADOW_SHOWN_FOR = timedelta(days=1)
RELATED = ("version__model", "previous__model", "camera", "created_by", "ended_by")


@dataclass(frozen=True)
class TargetInService:
    """A target, what it names, the cameras for which it decides, and those for which it would if
    it named something else. ``chosen`` is '' where it leaves the choice to the next wider one;
    ``rolled_back`` is its latest deployment if that failed or was taken back."""

    target: Target
    chosen: str
    used: InService
    deployment: Deployment | None = None
    rolled_back: Deployment | None = None
    cameras: list[Camera] = field(default_factory=list)
    reach: list[Camera] = field(default_factory=list)


@dataclass(frozen=True)
class CameraInService:
    """A camera, what it runs by whose choice, and its shadow: running, or ended today."""

    camera: Camera
    used: InService
    deployment: Deployment | None = None
    rolled_back: Deployment | None = None
    shadow: ShadowRun | None = None


def in_service() -> tuple[list[TargetInService], list[CameraInService]]:
    """All targets and all cameras, in a fixed number of queries."""
    choices = DetectorChoices()
    latest = latest_deployments()
    current = [row for row in latest.values() if row.state in CURRENT]
    shadows = _latest_shadows()
    cameras = [
        _camera(camera, choices.of(camera), current, latest, shadows.get(camera.pk))
        for camera in camera_choices().select_related("state").order_by("position", "name")
    ]
    targets = [_target(GATEWAY, choices.site, choices, latest, cameras)]
    targets += [
        _target(
            Target(DeploymentTarget.MODULE, module_kind=module.kind),
            choices.modules.get(module.kind),
            choices,
            latest,
            cameras,
        )
        for module in MODULES
    ]
    for alias in Alias.objects.select_related("model", "version__model"):
        targets.append(_alias(alias, latest, cameras))
    return targets, cameras


def latest_deployments() -> dict[Target, Deployment]:
    """The last deployment to each target; only the last one can be current."""
    alias = Q(target=DeploymentTarget.ALIAS)
    rows = Deployment.objects.order_by()
    last = [
        *rows.exclude(alias).values("target", "camera", "module_kind").annotate(last=Max("pk")),
        *rows.filter(alias).values("reference").annotate(last=Max("pk")),
    ]
    found = Deployment.objects.filter(pk__in=[row["last"] for row in last])
    return {target_of(row): row for row in found.select_related(*RELATED)}


def _camera(
    camera: Camera,
    used: InService,
    current: list[Deployment],
    latest: dict[Target, Deployment],
    shadow: ShadowRun | None,
) -> CameraInService:
    deployment = deployment_of(camera, used, current)
    # Its own, or that of whom it follows: what failed last, if nothing came after it.
    own = latest.get(Target(DeploymentTarget.CAMERA, camera_id=camera.pk))
    followed = latest.get(Target(used.target, module_kind=used.module_kind))
    failed = [row for row in (own, followed) if row and row.state == DeploymentState.ROLLED_BACK]
    last = max(failed, key=lambda row: row.pk, default=None)
    if last is not None and deployment is not None and last.pk < deployment.pk:
        last = None
    return CameraInService(camera, used, deployment, last, shadow)


def _target(
    target: Target,
    row: UsesDetector | None,
    choices: DetectorChoices,
    latest: dict[Target, Deployment],
    cameras: list[CameraInService],
) -> TargetInService:
    chosen = row.detector if row is not None else ""
    own = row is not None and bool(chosen)
    used = choices.of_row(row if row is not None and own else choices.site, target.kind)
    decided = [entry.camera for entry in cameras if decides(target, entry.camera, entry.used)]
    reach = decided
    if target.kind == DeploymentTarget.MODULE:
        reach = [e.camera for e in cameras if choices.would_follow(e.camera, target.module_kind)]
    return TargetInService(target, chosen, used, *_told(latest.get(target)), decided, reach)


def _alias(
    alias: Alias, latest: dict[Target, Deployment], cameras: list[CameraInService]
) -> TargetInService:
    target = Target(DeploymentTarget.ALIAS, alias=alias.reference)
    used = InService(alias.reference, alias.version, DeploymentTarget.ALIAS)
    followers = [entry.camera for entry in cameras if decides(target, entry.camera, entry.used)]
    told = _told(latest.get(target))
    return TargetInService(target, alias.reference, used, *told, followers, followers)


def _told(last: Deployment | None) -> tuple[Deployment | None, Deployment | None]:
    """(current, rolled back): at most one of them is there."""
    if last is not None and last.state in CURRENT:
        return last, None
    return None, last if last and last.state == DeploymentState.ROLLED_BACK else None


def _latest_shadows() -> dict[int, ShadowRun]:
    """By camera: the one that runs, or the last that ended lately without being put to use."""
    recent = Q(running=True) | Q(ended_at__gte=timezone.now() - SHADOW_SHOWN_FOR)
    rows = (
        ShadowRun.objects.filter(recent)
        .exclude(cause__in=("deployed", "promoted"))
        .select_related("version__model", "camera", "created_by")
        .order_by("pk")
    )
    return {row.camera_id: row for row in rows}
