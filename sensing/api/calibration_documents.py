"""The shapes of calibrations, for the description of the REST API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sensing.models import DriftChoice

METHODS = ("points", "rectangle", "grid", "marks", "vanishing")


def pair(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, help_text=help_text
    )


def segment() -> serializers.ListField:
    return serializers.ListField(
        child=pair("[x, y] in 0–1 of the picture."), min_length=2, max_length=2
    )


class RoadPointDocument(serializers.Serializer[Any]):
    image = pair("[x, y] in 0–1 of the picture.")
    road_m = pair("[to the right, ahead] in metres on the road.")


class KnownLengthDocument(serializers.Serializer[Any]):
    image = segment()
    length_m = serializers.FloatField()


class MarksDocument(serializers.Serializer[Any]):
    version = serializers.IntegerField(required=False)
    method = serializers.ChoiceField(choices=METHODS)
    frame = serializers.ListField(
        child=serializers.IntegerField(min_value=8),
        min_length=2,
        max_length=2,
        help_text="[width, height] of the still in px.",
    )
    pick_px = serializers.FloatField(
        required=False, help_text="Standard error of a mark, px of the still."
    )
    measure_m = serializers.FloatField(
        required=False, help_text="Standard error of a measure on the road, m."
    )
    points = RoadPointDocument(many=True, required=False, help_text="Every method but vanishing.")
    along = serializers.ListField(child=segment(), required=False, help_text="Only vanishing.")
    across = serializers.ListField(child=segment(), required=False, help_text="Only vanishing.")
    lengths = KnownLengthDocument(many=True, required=False, help_text="Only vanishing.")
    keep_still = serializers.BooleanField(
        required=False,
        write_only=True,
        help_text="Keep a grey still of at most 320 px width for the drift check. Default: no.",
    )


class NoteDocument(serializers.Serializer[Any]):
    code = serializers.CharField()
    marks = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Indices of the marks concerned, counted through along, across and lengths.",
    )
    what = serializers.CharField(help_text="For people.")


class ProblemDocument(NoteDocument):
    where = serializers.CharField(help_text="The place in the document.")


class LineErrorDocument(serializers.Serializer[Any]):
    line = serializers.CharField()
    name = serializers.CharField()
    speed_error_percent = serializers.FloatField(
        allow_null=True, help_text="Null: no speed can be measured there."
    )


class GridLineDocument(serializers.Serializer[Any]):
    axis = serializers.ChoiceField(
        choices=["x", "y"], help_text="x: it runs along the road, y: across it."
    )
    at_m = serializers.FloatField()
    ends = segment()


class FiguresDocument(serializers.Serializer[Any]):
    residual_px = serializers.FloatField(help_text="Root mean square over the marks, px.")
    residuals_px = serializers.ListField(child=serializers.FloatField())
    speed_error_percent = serializers.FloatField(
        allow_null=True, help_text="One standard error from the marks alone, between them."
    )
    lines = LineErrorDocument(many=True)
    camera_height_m = serializers.FloatField(allow_null=True)
    horizon = serializers.ListField(child=pair("[x, y]"), allow_null=True)
    grid = GridLineDocument(many=True)
    warnings = NoteDocument(many=True)


class PreviewAnswer(FiguresDocument):
    ok = serializers.BooleanField()
    problems = ProblemDocument(many=True, required=False)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name in FiguresDocument().get_fields():
            fields[name].required = False
        return fields


class DriftDocument(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=DriftChoice.choices)
    moved_px = serializers.FloatField(allow_null=True)
    moved_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)


class CalibrationRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    camera = serializers.IntegerField()
    method = serializers.ChoiceField(choices=METHODS)
    marks = serializers.IntegerField(help_text="How many.")
    residual_px = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    retired_at = serializers.DateTimeField(allow_null=True)
    drift = DriftDocument()


class CalibrationAnswer(CalibrationRow):
    document = serializers.SerializerMethodField(help_text="As it was stored.")
    figures = FiguresDocument(allow_null=True)
    still_kept = serializers.BooleanField()

    @extend_schema_field(MarksDocument)
    def get_document(self, answer: dict[str, Any]) -> Any:
        return answer["document"]
