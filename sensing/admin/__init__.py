"""Admin pages: cameras, scenes and modules are configured here, results are only looked at."""

from __future__ import annotations

from sensing.admin.cameras import CameraAdmin, SiteAdmin
from sensing.admin.deployments import DeploymentAdmin, ModuleDetectorAdmin, ShadowRunAdmin
from sensing.admin.results import ResultsAdmin
from sensing.admin.scenes import SceneAdmin, SensingModuleAdmin

__all__ = [
    "CameraAdmin",
    "DeploymentAdmin",
    "ModuleDetectorAdmin",
    "ResultsAdmin",
    "SceneAdmin",
    "SensingModuleAdmin",
    "ShadowRunAdmin",
    "SiteAdmin",
]
