"""Rows of the sensing application."""

from __future__ import annotations

from sensing.models.cameras import (
    Camera,
    CameraState,
    CameraStateChoice,
    PicturePolicyChoice,
    Site,
    SourceKindChoice,
)
from sensing.models.detectors import (
    CURRENT,
    Deployment,
    DeploymentState,
    DeploymentTarget,
    ModuleDetector,
    ShadowRun,
    UsesDetector,
)
from sensing.models.results import (
    CountInterval,
    Crossing,
    DirectionChoice,
    ObservedMinute,
    RunProgress,
    SizeChoice,
    Visit,
    ZoneMinute,
)
from sensing.models.scenes import AnchorChoice, Scene, SensingModule

__all__ = [
    "CURRENT",
    "AnchorChoice",
    "Camera",
    "CameraState",
    "CameraStateChoice",
    "CountInterval",
    "Crossing",
    "Deployment",
    "DeploymentState",
    "DeploymentTarget",
    "DirectionChoice",
    "ModuleDetector",
    "ObservedMinute",
    "PicturePolicyChoice",
    "RunProgress",
    "Scene",
    "SensingModule",
    "ShadowRun",
    "Site",
    "SizeChoice",
    "SourceKindChoice",
    "UsesDetector",
    "Visit",
    "ZoneMinute",
]
