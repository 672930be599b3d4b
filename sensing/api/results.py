"""What was sensed: crossings, visits and counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.fields import RenamingSerializer
from sensing.api.documents import CountsAnswer
from sensing.api.paging import ResultsPagination
from sensing.api.parameters import (
    CountParameters,
    CrossingParameters,
    RangeParameters,
    VisitParameters,
    query,
)
from sensing.api.streaming import ResultsView, csv_response, json_response
from sensing.models import Camera, CountInterval, Crossing, Visit
from sensing.selectors import CountBin, count_bins, site_time_zone

PAGE_PARAMETERS = [
    OpenApiParameter("cursor", str, description="From “next” or “previous”."),
    OpenApiParameter("page_size", int, description="1 to 1000, 100 if missing."),
]
# SI units. A speed and what follows from it come a little after the crossing; null where unknown.
MEASURED = (
    "speed_mps",
    "speed_error_mps",
    "speed_doubtful",
    "length_m",
    "headway_s",
    "gap_s",
    "on_line_s",
    "wrong_way",
    "turn_back",
)
CSV_PARAMETER = OpenApiParameter("format", str, enum=["json", "csv"])


class CrossingSerializer(RenamingSerializer, serializers.ModelSerializer[Crossing]):
    renamed = {"object_class": "class"}

    line = serializers.CharField(source="line_id")

    class Meta:
        model = Crossing
        fields = (
            "id",
            "camera",
            "line",
            "at",
            "direction",
            "object_class",
            "size",
            "confidence",
            *MEASURED,
            "calibration",
            "run_id",
            "track_id",
            "nth",
            "frame_index",
        )


class VisitSerializer(RenamingSerializer, serializers.ModelSerializer[Visit]):
    renamed = {"object_class": "class"}

    zone = serializers.CharField(source="zone_id")

    class Meta:
        model = Visit
        fields = (
            "id",
            "camera",
            "zone",
            "entered_at",
            "left_at",
            "dwell_s",
            "object_class",
            "run_id",
            "track_id",
            "nth",
        )


class FactsView(ResultsView):
    """A list of facts, newest first: paged as JSON, whole as CSV."""

    parameters: ClassVar[type[RangeParameters]]
    serializer: ClassVar[type[serializers.BaseSerializer[Any]]]
    queryset: QuerySet[Any]
    time_field: ClassVar[str]
    ordering: ClassVar[tuple[str, str]]
    # What a query parameter is called in the rows.
    columns: ClassVar[dict[str, str]] = {
        "line": "line_id",
        "zone": "zone_id",
        "object_class": "object_class",
        "direction": "direction",
    }
    csv_columns: ClassVar[tuple[str, ...]]

    def answer(self, request: Request) -> Response | StreamingHttpResponse:
        rows = self.chosen(query(self.parameters, request))
        if self.wants_csv(request):
            header = [name.removesuffix("_id").removeprefix("object_") for name in self.csv_columns]
            return csv_response(request, f"{self.name}s", header, self.lines(rows))
        paginator = ResultsPagination()
        page = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(self.serializer(page, many=True).data)

    @property
    def name(self) -> str:
        return str(self.queryset.model._meta.model_name)

    def chosen(self, given: dict[str, Any]) -> QuerySet[Any]:
        filters = {self.columns[name]: given[name] for name in self.columns.keys() & given.keys()}
        if "camera" in given:
            filters["camera_id__in"] = given["camera"]
        if "start" in given:
            filters[f"{self.time_field}__gte"] = given["start"]
        if "end" in given:
            filters[f"{self.time_field}__lt"] = given["end"]
        return self.queryset.all().filter(**filters)

    def lines(self, rows: QuerySet[Any]) -> Iterator[Sequence[Any]]:
        zone = site_time_zone()
        names = dict(Camera.objects.values_list("pk", "name"))
        stored = [name for name in self.csv_columns if name != "camera_name"]
        place = self.csv_columns.index("camera_name")
        ordered = rows.order_by(*(name.removeprefix("-") for name in self.ordering))
        for row in ordered.values_list(*stored).iterator(chunk_size=2000):
            line = [_local(value, zone) for value in row]
            line.insert(place, names.get(row[0], ""))
            yield line


class CrossingsView(FactsView):
    queryset = Crossing.objects.all()
    parameters = CrossingParameters
    serializer = CrossingSerializer
    time_field = "at"
    ordering = ("-at", "-id")
    csv_columns = (
        "camera_id",
        "camera_name",
        "line_id",
        "at",
        "direction",
        "object_class",
        "size",
        "confidence",
        *MEASURED,
        "calibration_id",
        "run_id",
        "track_id",
        "nth",
        "frame_index",
    )

    @extend_schema(
        summary="Crossings, newest first",
        parameters=[CrossingParameters, *PAGE_PARAMETERS, CSV_PARAMETER],
        responses=CrossingSerializer(many=True),
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        return self.answer(request)


class VisitsView(FactsView):
    queryset = Visit.objects.all()
    parameters = VisitParameters
    serializer = VisitSerializer
    time_field = "entered_at"
    ordering = ("-entered_at", "-id")
    csv_columns = (
        "camera_id",
        "camera_name",
        "zone_id",
        "entered_at",
        "left_at",
        "dwell_s",
        "object_class",
        "run_id",
        "track_id",
        "nth",
    )

    @extend_schema(
        summary="Visits, newest first",
        parameters=[VisitParameters, *PAGE_PARAMETERS, CSV_PARAMETER],
        responses=VisitSerializer(many=True),
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        return self.answer(request)


class CountsView(ResultsView):
    """Counts in bins of the site's local clock; gaps are null, zeros are zero."""

    queryset = CountInterval.objects.all()

    @extend_schema(
        summary="Counts over time",
        parameters=[CountParameters, CSV_PARAMETER],
        responses=CountsAnswer,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        given = query(CountParameters, request)
        cameras = Camera.objects.select_related("scene")
        if "camera" in given:
            cameras = cameras.filter(pk__in=given["camera"])
        zone = site_time_zone()
        bins = count_bins(
            list(cameras),
            given["start"],
            given["end"],
            given["bin"],
            given.get("line"),
            given.get("object_class"),
            given.get("direction"),
        )
        if self.wants_csv(request):
            header = list(CountBin.__annotations__)
            return csv_response(request, "counts", header, _bin_lines(bins, zone))
        head = {"bin": given["bin"], "time_zone": zone.key}
        return json_response(request, head, (_bin_document(row, zone) for row in bins))


def _bin_document(row: CountBin, zone: ZoneInfo) -> dict[str, Any]:
    return {name: _local(value, zone) for name, value in row.items()}


def _bin_lines(bins: Iterable[CountBin], zone: ZoneInfo) -> Iterator[list[Any]]:
    for row in bins:
        yield [_local(value, zone) for value in row.values()]


def _local(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value
