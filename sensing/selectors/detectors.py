"""Which detector each camera uses, and by whose choice."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from models_registry.models import ModelVersion
from models_registry.selectors.references import MOTION
from sensing.models import (
    CURRENT,
    Camera,
    Deployment,
    DeploymentTarget,
    ModuleDetector,
    ShadowRun,
    Site,
    UsesDetector,
)
from sensing.modules import MODULES
from sensing.selectors.site import current_site


@dataclass(frozen=True)
class Target:
    """What a deployment decides for: the gateway, a sensing module, a camera or an alias."""

    kind: DeploymentTarget
    camera_id: int | None = None
    module_kind: str = ""
    alias: str = ""
    """``model@alias``"""

    def __str__(self) -> str:
        if self.kind == DeploymentTarget.CAMERA:
            return _("camera %(id)d") % {"id": self.camera_id}
        return self.alias or self.module_kind or self.kind.value


GATEWAY = Target(DeploymentTarget.GATEWAY)


@dataclass(frozen=True)
class InService:
    """A camera's detector and whose choice it is: the camera's, a module's or the gateway's."""

    reference: str
    version: ModelVersion | None
    target: DeploymentTarget
    module_kind: str = ""

    @property
    def version_name(self) -> str:
        return self.version.reference if self.version else MOTION


class DetectorChoices:
    """The choices of all targets, read once; ``of`` answers for one camera without a query."""

    def __init__(self) -> None:
        related = ("alias__version__model", "alias__model", "pinned__model")
        self.site: Site = Site.objects.filter(pk=current_site().pk).select_related(*related).get()
        self.modules = {
            row.kind: row
            for row in ModuleDetector.objects.exclude(detector="").select_related(*related)
        }

    def of(self, camera: Camera) -> InService:
        """The camera's own choice, else its first sensing module's, else the gateway's."""
        if camera.detector:
            return _in_service(camera, DeploymentTarget.CAMERA)
        kind = next((kind for kind in _enabled(camera) if kind in self.modules), None)
        if kind is not None:
            return _in_service(self.modules[kind], DeploymentTarget.MODULE, kind)
        return _in_service(self.site, DeploymentTarget.GATEWAY)

    def would_follow(self, camera: Camera, kind: str) -> bool:
        """Whether a sensing module would decide for a camera if it named a detector."""
        named = (enabled for enabled in _enabled(camera) if enabled in {*self.modules, kind})
        return not camera.detector and next(named, None) == kind

    @staticmethod
    def of_row(row: UsesDetector, target: DeploymentTarget, kind: str = "") -> InService:
        """What one target names by itself."""
        return _in_service(row, target, kind)


def camera_choices() -> QuerySet[Camera]:
    """Cameras with what ``DetectorChoices.of`` looks at."""
    return Camera.objects.select_related(
        "alias__version__model", "alias__model", "pinned__model", "scene"
    ).prefetch_related("modules")


def current_deployments() -> list[Deployment]:
    """What is on trial or active, latest first, one per target."""
    latest: dict[tuple[str, int | None, str, str], Deployment] = {}
    rows = Deployment.objects.filter(state__in=CURRENT).select_related(
        "version__model", "previous__model", "camera"
    )
    for row in rows:
        name = row.reference if row.target == DeploymentTarget.ALIAS else ""
        latest.setdefault((row.target, row.camera_id, row.module_kind, name), row)
    return list(latest.values())


def deployment_of(
    camera: Camera, used: InService, deployments: list[Deployment]
) -> Deployment | None:
    """The deployment that put the camera's version into service, if it is still current."""
    version_id = used.version.pk if used.version else None
    for row in deployments:
        if row.version_id == version_id and decides(target_of(row), camera, used):
            return row
    return None


def target_of(deployment: Deployment) -> Target:
    """What a deployment decided for."""
    kind = DeploymentTarget(deployment.target)
    alias = deployment.reference if kind == DeploymentTarget.ALIAS else ""
    return Target(kind, deployment.camera_id, deployment.module_kind, alias)


def decides(target: Target, camera: Camera, used: InService) -> bool:
    """Whether what a camera uses is the choice of a target."""
    if target.kind == DeploymentTarget.ALIAS:
        return used.reference == target.alias
    if target.kind != used.target or target.module_kind != used.module_kind:
        return False
    return target.kind != DeploymentTarget.CAMERA or target.camera_id == camera.pk


def cameras_decided_by(target: Target) -> list[Camera]:
    """The cameras that use what a target names, because it does."""
    choices = DetectorChoices()
    return [camera for camera in camera_choices() if decides(target, camera, choices.of(camera))]


def running_shadows() -> dict[int, ShadowRun]:
    """By camera."""
    rows = ShadowRun.objects.filter(running=True).select_related("version__model")
    return {row.camera_id: row for row in rows}


def _enabled(camera: Camera) -> list[str]:
    """Kinds of sensing that a camera has switched on, the first to decide first."""
    enabled = {module.kind for module in camera.modules.all() if module.enabled}
    return [module.kind for module in MODULES if module.kind in enabled]


def _in_service(row: UsesDetector, target: DeploymentTarget, kind: str = "") -> InService:
    version = row.alias.version if row.alias else row.pinned
    return InService(row.detector or MOTION, version, target, kind)
