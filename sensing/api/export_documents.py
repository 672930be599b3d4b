"""Orders and schedules of exports as they come in and go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, time
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry.api.fields import (
    MAX_ID,
    FiniteFloatField,
    MomentField,
    RenamingSerializer,
    StrictSerializer,
)
from sensing.api.parameters import CameraIds
from sensing.export.order import WHATS, Details, Order
from sensing.models import EveryChoice, ScheduledExport
from sensing.services.export_runs import written_files
from sensing.services.exports import what_title

LISTED_FILES = 50
DETAILS = tuple(field.name for field in fields(Details))


class DetailFields(RenamingSerializer, StrictSerializer):
    """What and in which file; the rest is needed by DATEX II and FHWA records only."""

    renamed = {
        "file_format": "format",
        "start": "from",
        "end": "to",
        "latitude_deg": "latitude",
        "longitude_deg": "longitude",
        "bin_minutes": "bin",
    }

    what = serializers.CharField(max_length=16, help_text=", ".join(WHATS))
    file_format = serializers.CharField(max_length=8, help_text="See GET /exports/.")
    bin_minutes = serializers.IntegerField(
        required=False, allow_null=True, help_text="Minutes: 1, 5, 15, 60 or 1440."
    )
    country = serializers.CharField(required=False, allow_blank=True, max_length=2)
    latitude_deg = FiniteFloatField(required=False, allow_null=True)
    longitude_deg = FiniteFloatField(required=False, allow_null=True)
    state_code = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=99, help_text="FIPS."
    )
    county_code = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=999, help_text="FIPS."
    )
    functional_class = serializers.CharField(required=False, allow_blank=True, max_length=2)
    heading = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=8,
        help_text="Of the forward direction: 1 north, clockwise to 8 north-west.",
    )
    lanes = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=20)


class ExportParameters(DetailFields):
    """One file."""

    camera = CameraIds(required=False, help_text="Ids, separated by commas. Default: all.")
    start = MomentField(help_text="ISO 8601; inclusive.")
    end = MomentField(help_text="ISO 8601; exclusive.")


class ScheduleInput(DetailFields):
    """A schedule as it is made or changed."""

    name = serializers.CharField(max_length=80)
    cameras = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID),
        required=False,
        help_text="Ids; none: all.",
    )
    every = serializers.ChoiceField(choices=EveryChoice.choices)
    at = serializers.TimeField(required=False, help_text="HH:MM of the site's clock.")
    enabled = serializers.BooleanField(required=False)
    keep_files = serializers.IntegerField(required=False, min_value=1, max_value=10_000)


def order_of(given: Mapping[str, Any], start: datetime, end: datetime) -> Order:
    cameras = given.get("camera", given.get("cameras", ()))
    return Order(
        given["what"],
        given["file_format"],
        start,
        end,
        given.get("bin_minutes"),
        tuple(dict.fromkeys(cameras)),
        Details(**{name: given[name] for name in DETAILS if given.get(name) is not None}),
    )


def schedule_given(schedule: ScheduledExport) -> dict[str, Any]:
    """A stored schedule as it could have come in."""
    return {
        "name": schedule.name,
        "what": schedule.what,
        "file_format": schedule.file_format,
        "bin_minutes": schedule.bin_minutes,
        "cameras": sorted(schedule.cameras.values_list("pk", flat=True)),
        "every": schedule.every,
        "at": schedule.at,
        "enabled": schedule.enabled,
        "keep_files": schedule.keep_files,
        **schedule.details,
    }


class FileDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    written_at = serializers.DateTimeField()


class ScheduleDocument(RenamingSerializer, serializers.ModelSerializer[ScheduledExport]):
    """A schedule as it is answered, with its latest files."""

    renamed = {"file_format": "format", "bin_minutes": "bin"}

    title = serializers.SerializerMethodField(help_text="What, in words.")
    at = serializers.SerializerMethodField(help_text="HH:MM of the site's clock.")
    waiting = serializers.SerializerMethodField(help_text="Asked for and not yet written.")
    files = serializers.SerializerMethodField(help_text=f"The latest {LISTED_FILES}.")

    class Meta:
        model = ScheduledExport
        fields = (
            "id", "name", "what", "title", "file_format", "cameras", "bin_minutes", "details",
            "every", "at", "enabled", "keep_files", "done_until", "waiting", "last_run_at",
            "last_file", "last_error", "skipped", "files",
        )  # fmt: skip
        read_only_fields = fields

    def get_title(self, schedule: ScheduledExport) -> str:
        return what_title(schedule.what)

    def get_at(self, schedule: ScheduledExport) -> str:
        at: time = schedule.at
        return f"{at:%H:%M}"

    def get_waiting(self, schedule: ScheduledExport) -> bool:
        return schedule.run_asked_at is not None

    @extend_schema_field(FileDocument(many=True))
    def get_files(self, schedule: ScheduledExport) -> list[dict[str, Any]]:
        found = []
        for path in written_files(schedule)[:LISTED_FILES]:
            about = path.stat()
            written_at = datetime.fromtimestamp(about.st_mtime).astimezone().isoformat()
            found.append({"name": path.name, "bytes": about.st_size, "written_at": written_at})
        return found


class WhatDocument(serializers.Serializer[Any]):
    what = serializers.CharField()
    title = serializers.CharField()
    formats = serializers.ListField(child=serializers.CharField())
    bins = serializers.ListField(child=serializers.IntegerField())
    most_days = serializers.IntegerField(allow_null=True)


class PreviewDocument(serializers.Serializer[Any]):
    file_name = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField())


def catalogue() -> list[dict[str, Any]]:
    return [
        {
            "what": name,
            "title": what_title(name),
            "formats": list(what.formats),
            "bins": list(what.bins),
            "most_days": what.most_days,
        }
        for name, what in WHATS.items()
    ]
