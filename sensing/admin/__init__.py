"""Admin pages: cameras, scenes and modules are configured here, results are only looked at."""

from __future__ import annotations

from sensing.admin.calibrations import CalibrationAdmin
from sensing.admin.cameras import CameraAdmin, SiteAdmin
from sensing.admin.deployments import DeploymentAdmin, ModuleDetectorAdmin, ShadowRunAdmin
from sensing.admin.exports import ScheduledExportAdmin
from sensing.admin.messaging import MessageSettingsAdmin, SpooledMessageAdmin, WebhookAdmin
from sensing.admin.recounts import AccuracyCertificateAdmin, RecountAdmin
from sensing.admin.results import ResultsAdmin
from sensing.admin.scenes import SceneAdmin, SensingModuleAdmin

__all__ = [
    "AccuracyCertificateAdmin",
    "CalibrationAdmin",
    "CameraAdmin",
    "DeploymentAdmin",
    "MessageSettingsAdmin",
    "ModuleDetectorAdmin",
    "RecountAdmin",
    "ResultsAdmin",
    "SceneAdmin",
    "ScheduledExportAdmin",
    "SensingModuleAdmin",
    "ShadowRunAdmin",
    "SiteAdmin",
    "SpooledMessageAdmin",
    "WebhookAdmin",
]
