"""Results may fill tables of many million rows: their pages neither count nor change them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from models_registry.admin.bases import ModelAdmin, Paginator
from sensing.models import CountInterval, Crossing, ObservedMinute, Visit, ZoneMinute

MOST_ROWS = 2000


class ShortPaginator(Paginator[Any]):
    """Ends after ``MOST_ROWS`` rows, so that no page counts the table: filters find the rest."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin gives no lists
        return len(rows.values_list("pk", flat=True)[:MOST_ROWS])


class ResultsAdmin(ModelAdmin[Model]):
    """A list of results, newest first, read-only for everyone."""

    paginator = ShortPaginator
    show_full_result_count = False
    list_select_related: ClassVar[tuple[str, ...]] = ("camera",)
    list_per_page = 100
    list_filter: ClassVar[tuple[str, ...]] = ("camera",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Crossing)
class CrossingAdmin(ResultsAdmin):
    list_display = ("at", "camera", "line_id", "direction", "object_class", "size", "track_id")
    list_filter = ("camera", "at", "direction", "size")
    ordering = ("-at",)


@admin.register(Visit)
class VisitAdmin(ResultsAdmin):
    list_display = ("entered_at", "camera", "zone_id", "object_class", "dwell_s", "track_id")
    list_filter = ("camera", "entered_at")
    ordering = ("-entered_at",)


@admin.register(CountInterval)
class CountIntervalAdmin(ResultsAdmin):
    list_display = ("minute", "camera", "line_id", "direction", "object_class", "size", "count")
    ordering = ("-minute",)


@admin.register(ObservedMinute)
class ObservedMinuteAdmin(ResultsAdmin):
    list_display = ("minute", "camera", "observed_s")
    ordering = ("-minute",)


@admin.register(ZoneMinute)
class ZoneMinuteAdmin(ResultsAdmin):
    list_display = ("minute", "camera", "zone_id", "occupied_s", "occupancy_max", "visits")
    ordering = ("-minute",)
