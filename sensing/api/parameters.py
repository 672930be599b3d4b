"""Query parameters of results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from models_registry.api.fields import MAX_ID, MomentField, RenamingSerializer, StrictSerializer
from models_registry.api.views import read
from sensing.models import DirectionChoice
from sensing.selectors import BIN_MINUTES

MAX_BINS = 110_000  # a year of five minutes
PAGING = frozenset({"cursor", "page_size", "format"})


class CameraIds(serializers.ListField):
    """Camera ids: repeated, or separated by commas."""

    child = serializers.IntegerField(min_value=1, max_value=MAX_ID)

    def to_internal_value(self, data: Any) -> list[int]:
        parts = [part for text in data for part in str(text).split(",") if part.strip()]
        ids: list[int] = super().to_internal_value(parts)
        return ids


class RangeParameters(RenamingSerializer, StrictSerializer):
    """Cameras and a time range, which every list of results takes."""

    renamed = {"start": "from", "end": "to", "object_class": "class"}
    tolerated = PAGING

    camera = CameraIds(required=False, help_text="Ids, separated by commas. Default: all.")
    start = MomentField(required=False, help_text="ISO 8601; inclusive.")
    end = MomentField(required=False, help_text="ISO 8601; exclusive.")
    object_class = serializers.CharField(required=False, max_length=40)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "start" in attrs and "end" in attrs and attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"to": [_("Expected a time after “from”.")]})
        return attrs


class CrossingParameters(RangeParameters):
    line = serializers.CharField(required=False, max_length=40)
    direction = serializers.ChoiceField(choices=DirectionChoice.choices, required=False)


class VisitParameters(RangeParameters):
    zone = serializers.CharField(required=False, max_length=40)


class CountParameters(CrossingParameters):
    bin = serializers.ChoiceField(
        choices=[(minutes, str(minutes)) for minutes in BIN_MINUTES],
        default=60,
        help_text="Minutes: 1, 5, 15, 60, 1440 (a day), 10080 (a week).",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("end", timezone.now())
        attrs.setdefault("start", attrs["end"] - timedelta(days=1))
        attrs = super().validate(attrs)
        bins = (attrs["end"] - attrs["start"]) / timedelta(minutes=attrs["bin"])
        if bins > MAX_BINS:
            raise serializers.ValidationError(
                {
                    "bin": [
                        _("Expected at most %(most)d bins, got %(bins)d: ask for longer bins.")
                        % {"most": MAX_BINS, "bins": bins}
                    ]
                }
            )
        return attrs


def query(parameters: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The checked query of a request; raises DRF's ``ValidationError``."""
    given = request.query_params
    data = {name: given.getlist(name) if name == "camera" else given[name] for name in given}
    return read(parameters, data)
