"""Scheduled exports: looked at here, changed on the page Export and over REST."""

from __future__ import annotations

from django.contrib import admin

from sensing.admin.results import ResultsAdmin
from sensing.models import ScheduledExport


@admin.register(ScheduledExport)
class ScheduledExportAdmin(ResultsAdmin):
    list_display = ("name", "what", "file_format", "every", "enabled", "last_run_at", "last_error")
    list_filter = ("every", "enabled")
    list_select_related = ()
    ordering = ("name",)
