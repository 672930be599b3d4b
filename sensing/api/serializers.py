"""Cameras and the site as they come in and go out. Passwords and user names never go out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry.api.fields import FiniteFloatField, StrictSerializer
from sensing.api.documents import StateDocument, rest_state
from sensing.models import Camera, PicturePolicyChoice, Site, SourceKindChoice
from sensing.selectors import camera_state_document

MAX_POSITION = 2**31 - 1


class CameraSerializer(serializers.ModelSerializer[Camera]):
    """A camera as it is answered."""

    has_credentials = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = Camera
        fields = (
            "id",
            "name",
            "kind",
            "url",
            "has_credentials",
            "loop",
            "paused",
            "analysed_fps",
            "pictures",
            "detector",
            "attention",
            "position",
            "created_at",
            "updated_at",
            "state",
        )
        read_only_fields = fields

    def get_has_credentials(self, camera: Camera) -> bool:
        return bool(camera.username or camera.password)

    @extend_schema_field(StateDocument)
    def get_state(self, camera: Camera) -> dict[str, Any]:
        return rest_state(camera_state_document(camera))


class SourceInput(StrictSerializer):
    """A source to open: of a camera, or to be tested."""

    tolerated = frozenset(CameraSerializer.Meta.fields)

    kind = serializers.ChoiceField(choices=SourceKindChoice.choices)
    url = serializers.CharField(max_length=1000)
    username = serializers.CharField(
        max_length=200, required=False, allow_blank=True, trim_whitespace=False, write_only=True
    )
    password = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
        help_text="Write only. Empty or missing: the stored one stays.",
    )
    loop = serializers.BooleanField(required=False)


class SavedSourceInput(SourceInput):
    """Changes to a stored source that are to be tested before they are saved."""

    kind = serializers.ChoiceField(choices=SourceKindChoice.choices, required=False)
    url = serializers.CharField(max_length=1000, required=False)


class CameraInput(SourceInput):
    """A camera as it is registered or changed."""

    name = serializers.CharField(max_length=80)
    clear_password = serializers.BooleanField(required=False, write_only=True)
    paused = serializers.BooleanField(required=False)
    analysed_fps = FiniteFloatField(required=False, min_value=1.0, max_value=30.0)
    pictures = serializers.ChoiceField(choices=PicturePolicyChoice.choices, required=False)
    detector = serializers.CharField(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text="motion, model@alias or model:number; empty: the gateway's default.",
    )
    attention = serializers.BooleanField(
        required=False,
        help_text="A model looks only where something changes; motion looks at everything.",
    )
    position = serializers.IntegerField(min_value=0, max_value=MAX_POSITION, required=False)


class SiteSerializer(StrictSerializer, serializers.ModelSerializer[Site]):
    car_units = serializers.DictField(
        child=FiniteFloatField(min_value=0.0),
        required=False,
        help_text="Passenger car units by class; what it does not name is left out of sums.",
    )

    class Meta:
        model = Site
        fields = (
            "name",
            "time_zone",
            "keep_crossings_days",
            "keep_intervals_days",
            "default_pictures",
            "speed_unit",
            "car_units",
        )
