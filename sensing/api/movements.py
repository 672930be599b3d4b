"""Movements between lines, and where objects were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.fields import MAX_ID, RenamingSerializer
from sensing.api.parameters import CameraIds, RangeParameters, query
from sensing.api.people import COVERAGES, CSV_PARAMETER
from sensing.api.streaming import ResultsView, csv_response, json_response
from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS
from sensing.models import Camera, QuarterHeat, QuarterMovement
from sensing.selectors import site_time_zone
from sensing.selectors.heat import HEAT_KINDS, heat_cells
from sensing.selectors.movements import movement_counts
from sensing.selectors.watched import watched_over


class MovementParameters(RangeParameters):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("end", timezone.now())
        attrs.setdefault("start", attrs["end"] - timedelta(days=1))
        return super().validate(attrs)


class OneCamera(CameraIds):
    """The one camera whose picture the grid lies over."""

    def to_internal_value(self, data: Any) -> list[int]:
        ids = super().to_internal_value(data)
        if len(ids) != 1:
            raise serializers.ValidationError(_("Expected one camera."))
        return ids


class HeatParameters(MovementParameters):
    object_class = None  # type: ignore[assignment]  # takes the field away
    camera = OneCamera(help_text="Id of one camera.")
    kind = serializers.ChoiceField(choices=HEAT_KINDS, default="vehicle")


class MovementDocument(RenamingSerializer):
    renamed = {"object_class": "class"}

    camera = serializers.IntegerField(max_value=MAX_ID)
    from_line = serializers.CharField()
    from_direction = serializers.CharField(help_text="forward or backward")
    to_line = serializers.CharField()
    to_direction = serializers.CharField(help_text="forward or backward")
    object_class = serializers.CharField()
    count = serializers.IntegerField()
    share_percent = serializers.FloatField(help_text="Of all movements of the camera in this list.")


MOVEMENT_HEADER = ["camera", "camera_name", "from_line", "from_direction", "to_line"]
MOVEMENT_HEADER += ["to_direction", "class", "count", "share_percent"]


class WatchedDocument(serializers.Serializer[Any]):
    camera = serializers.IntegerField()
    observed_s = serializers.FloatField()
    down_s = serializers.FloatField()
    possible_s = serializers.FloatField(help_text="What could be observed of the period so far.")
    coverage = serializers.ChoiceField(choices=COVERAGES)


class MovementsAnswer(serializers.Serializer[Any]):
    time_zone = serializers.CharField()
    cameras = WatchedDocument(many=True)
    results = MovementDocument(many=True)


class MovementsView(ResultsView):
    """Trips from the first line that an object passed to the last, per class."""

    queryset = QuarterMovement.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"GET": "sensing.view_camera"}

    @extend_schema(
        summary="Movements between lines",
        parameters=[MovementParameters, CSV_PARAMETER],
        responses=MovementsAnswer,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        given = query(MovementParameters, request)
        period = (given["start"], given["end"])
        cameras = list(
            Camera.objects.filter(pk__in=given["camera"]).values_list("pk", "name")
            if "camera" in given
            else Camera.objects.values_list("pk", "name")
        )
        ids = [pk for pk, _name in cameras]
        classes = [given["object_class"]] if "object_class" in given else []
        rows = ({**row} for row in movement_counts(ids, *period, classes))
        if self.wants_csv(request):
            lines = _movement_lines(rows, dict(cameras))
            return csv_response(request, "movements", MOVEMENT_HEADER, lines)
        watched = [_watched(pk, *period) for pk in ids]
        head = {"time_zone": site_time_zone().key, "cameras": watched}
        return json_response(request, head, map(_renamed, rows))


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {("class" if name == "object_class" else name): value for name, value in row.items()}


def _movement_lines(rows: Iterator[dict[str, Any]], names: dict[int, str]) -> Iterator[list[Any]]:
    for row in rows:
        camera, *rest = row.values()
        yield [camera, names.get(camera, ""), *rest]


def _watched(camera: int, start: Any, end: Any) -> dict[str, Any]:
    seen = watched_over([camera], start, end)
    return {
        "camera": camera,
        "observed_s": seen.observed_s,
        "down_s": seen.down_s,
        "possible_s": seen.possible_s,
        "coverage": seen.coverage,
    }


class HeatAnswer(WatchedDocument):
    kind = serializers.ChoiceField(choices=HEAT_KINDS)
    unit = serializers.CharField()
    columns = serializers.IntegerField()
    rows = serializers.IntegerField()
    cells = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="Object-seconds; rows from top to bottom, in each from left to right.",
    )


HEAT_HEADER = ["row", "column", "left", "top", "right", "bottom", "object_s"]


class HeatView(ResultsView):
    """Seconds that objects spent in each cell of a camera's picture. It holds no picture."""

    queryset = QuarterHeat.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"GET": "sensing.view_camera"}

    @extend_schema(
        summary="Where objects were",
        parameters=[HeatParameters, CSV_PARAMETER],
        responses=HeatAnswer,
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        given = query(HeatParameters, request)
        camera = given["camera"][0]
        if not Camera.objects.filter(pk=camera).exists():
            raise NotFound
        cells = heat_cells(camera, given["kind"], given["start"], given["end"])
        if self.wants_csv(request):
            return csv_response(request, f"heat-{given['kind']}", HEAT_HEADER, _heat_lines(cells))
        head = _watched(camera, given["start"], given["end"])
        grid = {"columns": HEAT_COLUMNS, "rows": HEAT_ROWS, "cells": cells.round(2).tolist()}
        return Response(head | {"kind": given["kind"], "unit": "object-seconds"} | grid)


def _heat_lines(cells: NDArray[Any]) -> Iterator[list[Any]]:
    """One line per cell; its sides in 0–1 of the picture."""
    for row in range(HEAT_ROWS):
        for column in range(HEAT_COLUMNS):
            sides = [
                column / HEAT_COLUMNS,
                row / HEAT_ROWS,
                (column + 1) / HEAT_COLUMNS,
                (row + 1) / HEAT_ROWS,
            ]
            seconds = round(float(cells[row, column]), 2)
            yield [row, column, *(round(side, 6) for side in sides), seconds]
