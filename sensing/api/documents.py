"""The shapes of answers that are not rows, for the OpenAPI document, and how they are made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from models_registry.api.fields import RenamingSerializer
from sensing.models import (
    CameraStateChoice,
    DirectionChoice,
    PicturePolicyChoice,
    Scene,
    SizeChoice,
    SourceKindChoice,
)


class StateDocument(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=CameraStateChoice.choices)
    cause = serializers.CharField()
    detail = serializers.CharField()
    message = serializers.CharField()
    advice = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    last_frame_at = serializers.DateTimeField(allow_null=True)
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    codec = serializers.CharField()
    source_fps = serializers.FloatField()
    analysed_fps = serializers.FloatField()
    frames_dropped = serializers.IntegerField()
    frames_analysed = serializers.IntegerField()
    latency_p50_ms = serializers.FloatField()
    latency_p95_ms = serializers.FloatField()
    detector = serializers.CharField()
    detector_version = serializers.IntegerField(help_text="Id of the version; 0 for none.")
    detector_candidate = serializers.IntegerField(
        help_text="Id of the version that is tried out beside it; 0 for none."
    )
    detector_restarts = serializers.IntegerField()
    detections_per_frame = serializers.FloatField()
    frames_skipped = serializers.IntegerField()
    retry_in_s = serializers.FloatField(allow_null=True)


class MinuteDocument(serializers.Serializer[Any]):
    minute = serializers.IntegerField(help_text="Unix time divided by 60.")
    observed_s = serializers.FloatField()
    forward = serializers.IntegerField()
    backward = serializers.IntegerField()


def _by_line(help_text: str) -> serializers.DictField:
    by_class = serializers.DictField(child=serializers.IntegerField())
    return serializers.DictField(child=serializers.DictField(child=by_class), help_text=help_text)


class CountsDocument(serializers.Serializer[Any]):
    today = _by_line("Line → direction → class → count since local midnight.")
    hour = _by_line("The same since the current clock hour began.")
    minutes = MinuteDocument(many=True, help_text="The last sixty minutes.")
    occupancy = serializers.DictField(child=serializers.IntegerField())
    visits_today = serializers.DictField(child=serializers.IntegerField())


class LineDocument(serializers.Serializer[Any]):
    id = serializers.CharField(required=False)
    name = serializers.CharField()
    points = serializers.ListField(
        child=serializers.ListField(
            child=serializers.FloatField(min_value=0, max_value=1), min_length=2, max_length=2
        ),
        help_text="[x, y] in 0–1 of the picture.",
    )


class CountingLineDocument(LineDocument):
    one_way = serializers.ChoiceField(
        choices=["forward", "backward", ""],
        required=False,
        help_text="The only direction that may be driven; empty: both.",
    )
    speed_limit_mps = serializers.FloatField(
        required=False, allow_null=True, min_value=0.5, max_value=100.0
    )


class ModuleDocument(serializers.Serializer[Any]):
    kind = serializers.CharField()
    parameters = serializers.DictField(required=False)


class SceneDocument(serializers.Serializer[Any]):
    version = serializers.IntegerField(required=False)
    anchor = serializers.ChoiceField(choices=["center", "bottom"], required=False)
    lines = CountingLineDocument(many=True, required=False)
    zones = LineDocument(many=True, required=False)
    modules = ModuleDocument(many=True, required=False)
    revision = serializers.IntegerField(
        required=False, help_text="When sent: the revision this change is based on."
    )


class LiveDocument(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SourceKindChoice.choices)
    paused = serializers.BooleanField()
    pictures = serializers.ChoiceField(choices=PicturePolicyChoice.choices)
    scene = SceneDocument()
    state = StateDocument()
    counts = CountsDocument()


class CountBinDocument(RenamingSerializer):
    renamed = {"object_class": "class"}

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    camera = serializers.IntegerField()
    line = serializers.CharField()
    object_class = serializers.CharField(allow_null=True)
    size = serializers.ChoiceField(choices=["", *SizeChoice.values], allow_null=True)
    direction = serializers.ChoiceField(choices=DirectionChoice.choices)
    count = serializers.IntegerField(
        allow_null=True, help_text="Null where nothing was observed: a gap, not a zero."
    )
    observed_s = serializers.FloatField()
    coverage = serializers.ChoiceField(
        choices=["complete", "partial", "down", "unknown"],
        help_text="“down”: the camera is known to have been down; “unknown”: nothing is known.",
    )


class CountsAnswer(serializers.Serializer[Any]):
    bin = serializers.IntegerField()
    time_zone = serializers.CharField()
    results = CountBinDocument(many=True)


class ProbeDocument(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    width = serializers.IntegerField(required=False)
    height = serializers.IntegerField(required=False)
    fps = serializers.FloatField(required=False)
    codec = serializers.CharField(required=False)
    still = serializers.CharField(required=False, help_text="data:image/jpeg;base64,…")
    cause = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    advice = serializers.CharField(required=False)


class ParameterDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()
    default = serializers.JSONField()
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    names = serializers.CharField()
    help = serializers.CharField()


class ModuleKindDocument(serializers.Serializer[Any]):
    kind = serializers.CharField()
    title = serializers.CharField()
    parameters = ParameterDocument(many=True)


class DetectorDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    built_in = serializers.BooleanField()


def scene_answer(scene: Scene) -> dict[str, Any]:
    """A scene's document with the revision that the next change has to name."""
    return scene.document() | {"revision": scene.revision}


def rest_state(state: dict[str, Any]) -> dict[str, Any]:
    """A state with its times as ISO 8601 in the site's time zone instead of Unix seconds."""
    return state | {name: _iso(state[name]) for name in ("since", "last_frame_at")}


def rest_live(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"state": rest_state(entry["state"])}


def _iso(unix_s: float | None) -> str | None:
    if unix_s is None:
        return None
    return timezone.localtime(datetime.fromtimestamp(unix_s, UTC)).isoformat()
