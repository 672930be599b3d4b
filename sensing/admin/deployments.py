"""What was put into service and what ran beside it: looked at here, changed on the page
Deployments and over REST, where the services see to it that cameras can go back."""

from __future__ import annotations

from django.contrib import admin

from sensing.admin.results import ResultsAdmin
from sensing.models import Deployment, ModuleDetector, ShadowRun


@admin.register(Deployment)
class DeploymentAdmin(ResultsAdmin):
    list_display = ("created_at", "place", "version_name", "previous_name", "state", "cause")
    list_filter = ("target", "state", "created_at", "camera")
    list_select_related = ("camera", "created_by")


@admin.register(ShadowRun)
class ShadowRunAdmin(ResultsAdmin):
    list_display = ("started_at", "camera", "version_name", "running", "ended_at", "cause")
    list_filter = ("running", "camera", "started_at")


@admin.register(ModuleDetector)
class ModuleDetectorAdmin(ResultsAdmin):
    list_display = ("kind", "detector")
    list_filter = ()
    list_select_related = ()
