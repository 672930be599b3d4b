"""Statistics of people: who came, who is in, how long they stayed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from sensing.api.parameters import MAX_BINS, RangeParameters, query
from sensing.api.streaming import ResultsView, csv_response, json_response
from sensing.domain.statistics.packing import dwell_edges_s
from sensing.models import QuarterZone
from sensing.selectors import BIN_MINUTES, camera_list, site_time_zone
from sensing.selectors.people import (
    LONGEST_FINE,
    RESET_HOUR,
    Entries,
    PeopleBin,
    people_bins,
    person_lines,
)
from sensing.selectors.rollups import QUARTER_MINUTES
from sensing.selectors.stays import ZoneBin, zone_bins, zone_totals

CSV_PARAMETER = OpenApiParameter("format", str, enum=["json", "csv"])
COVERAGES = ["complete", "partial", "down", "unknown"]
_ENTRY = re.compile(r"([1-9][0-9]{0,17}):([A-Za-z0-9_-]{1,40}):(forward|backward|none)")


class EntryField(serializers.CharField):
    """``camera:line:direction`` separated by commas: which way leads in, or ``none``."""

    default_error_messages = {
        "entry": _("Expected camera:line:forward, …:backward or …:none, got “%(entry)s”.")
    }

    def to_internal_value(self, data: Any) -> Any:
        ways: dict[tuple[int, str], str] = {}
        for part in super().to_internal_value(data).split(","):
            if part.strip():
                match = _ENTRY.fullmatch(part.strip())
                if match is None:
                    message = self.error_messages["entry"] % {"entry": part.strip()[:80]}
                    raise serializers.ValidationError(message, code="entry")
                ways[int(match[1]), match[2]] = match[3]
        return ways


class PeopleParameters(RangeParameters):
    object_class = None  # type: ignore[assignment]  # persons only

    of = serializers.ChoiceField(
        choices=["area", "zones"],
        default="area",
        help_text="area: footfall and occupancy from lines. zones: occupancy and dwell in zones.",
    )
    bin = serializers.ChoiceField(
        choices=[(minutes, str(minutes)) for minutes in BIN_MINUTES],
        default=60,
        help_text="Minutes: 15, 60, 1440 (a day), 10080 (a week); 1 and 5 over a day at most.",
    )
    zone = serializers.CharField(required=False, max_length=40)
    entry = EntryField(
        required=False,
        help_text="Which way of a line leads in: camera:line:direction, separated by commas; "
        "“none” leaves a line out. Default: forward, on every line on which persons are counted.",
    )
    reset = serializers.IntegerField(
        min_value=0,
        max_value=23,
        default=RESET_HOUR,
        help_text="Hour of the site's clock at which nobody is left inside.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("end", timezone.now())
        attrs.setdefault("start", attrs["end"] - timedelta(days=1))
        attrs = super().validate(attrs)
        span = attrs["end"] - attrs["start"]
        if attrs["bin"] < QUARTER_MINUTES and span > LONGEST_FINE:
            message = _("Expected bins of at least 15 minutes for more than a day.")
            raise serializers.ValidationError({"bin": [message]})
        if (bins := span / timedelta(minutes=attrs["bin"])) > MAX_BINS:
            message = _("Expected at most %(most)d bins, got %(bins)d: ask for longer bins.")
            raise serializers.ValidationError({"bin": [message % {"most": MAX_BINS, "bins": bins}]})
        return attrs


class PeopleBinDocument(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    entries = serializers.IntegerField(
        allow_null=True, help_text="Null where nothing was observed. Turn-backs are no entries."
    )
    exits = serializers.IntegerField(allow_null=True)
    inside_mean = serializers.FloatField(allow_null=True)
    inside_most = serializers.IntegerField(allow_null=True)
    inside_end = serializers.IntegerField(allow_null=True)
    inside_doubtful = serializers.BooleanField(
        help_text="Not everything since the last reset was observed."
    )
    observed_s = serializers.FloatField(help_text="Sum over the cameras.")
    down_s = serializers.FloatField()
    possible_s = serializers.FloatField(help_text="What could be observed so far.")
    coverage = serializers.ChoiceField(choices=COVERAGES)


class CountDriftDocument(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    off_by = serializers.IntegerField(help_text="How many were still inside, or missing (< 0).")


class EntryDocument(serializers.Serializer[Any]):
    camera = serializers.IntegerField()
    line = serializers.CharField()
    inward = serializers.CharField(help_text="forward or backward")


class AreaAnswer(serializers.Serializer[Any]):
    bin = serializers.IntegerField()
    time_zone = serializers.CharField()
    reset = serializers.IntegerField()
    lines = EntryDocument(many=True)
    drifts = CountDriftDocument(many=True)
    results = PeopleBinDocument(many=True)


class ZoneBinDocument(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    camera = serializers.IntegerField()
    zone = serializers.CharField()
    visits = serializers.IntegerField(allow_null=True)
    mean = serializers.FloatField(allow_null=True, help_text="Persons at once, on average.")
    most = serializers.IntegerField(allow_null=True, help_text="Persons at once, at most.")
    stays = serializers.IntegerField(
        allow_null=True, help_text="Visits that ended: what the dwell times rest on."
    )
    dwell_median_s = serializers.FloatField(allow_null=True, help_text="Null below 10 stays.")
    dwell_p90_s = serializers.FloatField(allow_null=True, help_text="Null below 30 stays.")
    observed_s = serializers.FloatField()
    down_s = serializers.FloatField()
    possible_s = serializers.FloatField(help_text="What could be observed so far.")
    coverage = serializers.ChoiceField(choices=COVERAGES)


class ZoneTotalDocument(ZoneBinDocument):
    start = None  # type: ignore[assignment]
    end = None  # type: ignore[assignment]
    dwell_mean_s = serializers.FloatField(allow_null=True)
    dwell_histogram = serializers.ListField(child=serializers.IntegerField())


class ZonesAnswer(serializers.Serializer[Any]):
    bin = serializers.IntegerField()
    time_zone = serializers.CharField()
    dwell_edges_s = serializers.ListField(child=serializers.FloatField())
    zones = ZoneTotalDocument(many=True, help_text="Each zone over the whole period.")
    results = ZoneBinDocument(many=True)


class PeopleView(ResultsView):
    """Footfall and occupancy of an area, or occupancy and dwell of zones, in bins of the site's
    local clock; gaps are null, zeros are zero."""

    queryset = QuarterZone.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"GET": "sensing.view_camera"}

    @extend_schema(
        summary="People over time",
        parameters=[PeopleParameters, CSV_PARAMETER],
        responses=PolymorphicProxySerializer(
            "PeopleAnswer", [AreaAnswer, ZonesAnswer], resource_type_field_name=None
        ),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        given = query(PeopleParameters, request)
        return self._area(request, given) if given["of"] == "area" else self._zones(request, given)

    def _area(self, request: Request, given: dict[str, Any]) -> StreamingHttpResponse:
        zone = site_time_zone()
        entries = chosen_entries(given)
        found = people_bins(
            entries, given["start"], given["end"], given["bin"], reset_hour=given["reset"]
        )
        if self.wants_csv(request):
            header = list(PeopleBin.__annotations__)
            return csv_response(request, "people", header, _lines(found.bins, zone))
        head = {
            "bin": given["bin"],
            "time_zone": zone.key,
            "reset": given["reset"],
            "lines": [
                {"camera": camera, "line": line, "inward": inward}
                for camera, ways in entries.items()
                for line, inward in ways.items()
            ],
            "drifts": [{"at": _local(at, zone), "off_by": off} for at, off in found.drifts],
        }
        return json_response(request, head, (_document(row, zone) for row in found.bins))

    def _zones(self, request: Request, given: dict[str, Any]) -> StreamingHttpResponse:
        zone = site_time_zone()
        cameras = camera_list()
        if "camera" in given:
            cameras = cameras.filter(pk__in=given["camera"])
        period = (given["start"], given["end"])
        only = given.get("zone")
        bins = zone_bins(list(cameras), *period, given["bin"], zone=only)
        if self.wants_csv(request):
            header = list(ZoneBin.__annotations__)
            return csv_response(request, "people-in-zones", header, _lines(bins, zone))
        head = {
            "bin": given["bin"],
            "time_zone": zone.key,
            "dwell_edges_s": [round(float(edge), 3) for edge in dwell_edges_s()],
            "zones": zone_totals(list(cameras), *period, zone=only),
        }
        return json_response(request, head, (_document(row, zone) for row in bins))


def chosen_entries(given: Mapping[str, Any]) -> Entries:
    """The lines of an area: those on which persons are counted, less those left out."""
    cameras = camera_list()
    if "camera" in given:
        cameras = cameras.filter(pk__in=given["camera"])
    ways: Mapping[tuple[int, str], str] = given.get("entry", {})
    entries: Entries = {}
    for camera in cameras:
        # A line that is named is one of the area also when it is no longer drawn.
        named = [line for pk, line in ways if pk == camera.pk]
        for line in dict.fromkeys([*person_lines([camera]).get(camera.pk, []), *named]):
            if (inward := ways.get((camera.pk, line), "forward")) != "none":
                entries.setdefault(camera.pk, {})[line] = inward
    return entries


def _document(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    return {name: _local(value, zone) for name, value in row.items()}


def _lines(bins: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Iterator[list[Any]]:
    for row in bins:
        yield [_local(value, zone) for value in row.values()]


def _local(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value
