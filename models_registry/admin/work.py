"""Jobs, measurements and the audit trail: read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from models_registry.admin.bases import ModelAdmin
from models_registry.models import Alias, AuditEntry, Benchmark, CompressionRun, EvaluationSet, Job


class ReadOnlyAdmin(ModelAdmin[Any]):
    """These rows are made and ended by services and jobs."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Alias)
class AliasAdmin(ReadOnlyAdmin):
    list_display = ("reference", "version", "updated_at")
    list_select_related = ("model", "version__model")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("title", "kind", "state", "progress", "created_at", "finished_at")
    list_filter = ("kind", "state")


@admin.register(Benchmark)
class BenchmarkAdmin(ReadOnlyAdmin):
    list_display = ("version", "kind", "evaluation_set", "created_at")
    list_filter = ("kind",)
    list_select_related = ("version__model", "evaluation_set")


@admin.register(CompressionRun)
class CompressionRunAdmin(ReadOnlyAdmin):
    list_display = ("parent", "created_at")
    list_select_related = ("parent__model",)


@admin.register(EvaluationSet)
class EvaluationSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "origin", "images", "boxes", "ready", "created_at")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "address", "action", "subject", "detail")
    list_filter = ("action",)
    search_fields = ("who", "subject", "detail")
