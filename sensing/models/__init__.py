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
    "AnchorChoice",
    "Camera",
    "CameraState",
    "CameraStateChoice",
    "CountInterval",
    "Crossing",
    "DirectionChoice",
    "ObservedMinute",
    "PicturePolicyChoice",
    "RunProgress",
    "Scene",
    "SensingModule",
    "Site",
    "SizeChoice",
    "SourceKindChoice",
    "Visit",
    "ZoneMinute",
]
