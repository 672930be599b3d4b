"""Rows of the sensing application."""

from __future__ import annotations

from sensing.models.calibrations import Calibration, DriftChoice
from sensing.models.cameras import (
    Camera,
    CameraState,
    CameraStateChoice,
    PicturePolicyChoice,
    Site,
    SourceKindChoice,
    SpeedUnitChoice,
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
from sensing.models.rollups import (
    QuarterCount,
    QuarterHeat,
    QuarterMovement,
    QuarterObserved,
    QuarterSpeed,
    QuarterZone,
)
from sensing.models.scenes import AnchorChoice, Scene, SensingModule

__all__ = [
    "CURRENT",
    "AnchorChoice",
    "Calibration",
    "Camera",
    "CameraState",
    "CameraStateChoice",
    "CountInterval",
    "Crossing",
    "Deployment",
    "DeploymentState",
    "DeploymentTarget",
    "DirectionChoice",
    "DriftChoice",
    "ModuleDetector",
    "ObservedMinute",
    "PicturePolicyChoice",
    "QuarterCount",
    "QuarterHeat",
    "QuarterMovement",
    "QuarterObserved",
    "QuarterSpeed",
    "QuarterZone",
    "RunProgress",
    "Scene",
    "SensingModule",
    "ShadowRun",
    "Site",
    "SizeChoice",
    "SourceKindChoice",
    "SpeedUnitChoice",
    "UsesDetector",
    "Visit",
    "ZoneMinute",
]
