"""Evaluation sets and their pictures as they come in and go out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from models_registry.api.fields import MAX_ID, FiniteFloatField, StrictSerializer
from models_registry.models import EvaluationSet, SetOrigin
from models_registry.services.evaluation_set_making import (
    MAX_CLASSES,
    MAX_PERIOD_S,
    MAX_STILLS,
    open_job,
)
from models_registry.services.evaluation_sets import MAX_BOXES


class SetSerializer(serializers.ModelSerializer[EvaluationSet]):
    done = serializers.SerializerMethodField()
    boxes_per_class = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()

    class Meta:
        model = EvaluationSet
        fields = (
            "id",
            "name",
            "origin",
            "classes",
            "images",
            "done",
            "boxes",
            "boxes_per_class",
            "ready",
            "blurred",
            "consent",
            "details",
            "job",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_done(self, row: EvaluationSet) -> int:
        return int(row.details.get("done", 0))

    def get_boxes_per_class(self, row: EvaluationSet) -> dict[str, int]:
        return dict(row.details.get("boxes_per_class", {}))

    def get_job(self, row: EvaluationSet) -> int | None:
        """The job that makes it, while there is one."""
        job = open_job(row)
        return job.pk if job else None


def names(most: int = MAX_CLASSES) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=most
    )


class LabelsInput(StrictSerializer):
    """What the operator states about an uploaded set's labels."""

    format = serializers.ChoiceField(choices=["", "yolo", "coco"], required=False)
    class_names = names()
    classes_covered = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        allow_null=True,
        max_length=MAX_CLASSES,
    )
    rename = serializers.DictField(child=serializers.CharField(max_length=60), required=False)
    split = serializers.CharField(max_length=120, required=False, allow_blank=True)
    annotations = serializers.CharField(max_length=300, required=False, allow_blank=True)


class SetInput(StrictSerializer):
    name = serializers.CharField(max_length=80)
    origin = serializers.ChoiceField(choices=SetOrigin.choices)
    labels = LabelsInput(required=False, help_text="Only for an uploaded set.")
    url = serializers.CharField(
        required=False, max_length=1000, help_text="Of a simulated camera: sim://road?seed=9"
    )
    stills = serializers.IntegerField(required=False, min_value=1, max_value=MAX_STILLS)
    cameras = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, max_length=64
    )
    period_s = serializers.IntegerField(required=False, min_value=0, max_value=MAX_PERIOD_S)
    consent = serializers.CharField(required=False, max_length=2000, allow_blank=True)
    blur = serializers.BooleanField(required=False)
    version = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_ID,
        help_text="Proposes boxes, and says where to blur.",
    )
    classes = names()


class SetChange(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    classes = names()


class BoxField(StrictSerializer):
    """An object's class and corners in 0–1."""

    class_name = serializers.CharField(max_length=60)
    xyxy = serializers.ListField(child=FiniteFloatField(), min_length=4, max_length=4)
    crowd = serializers.BooleanField(
        required=False, help_text="A region that nobody can say anything about."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # "class" is a word of Python, and the name in documents.
        fields = super().get_fields()
        return {"class" if name == "class_name" else name: x for name, x in fields.items()}


class ImageInput(StrictSerializer):
    boxes = serializers.ListField(child=BoxField(), max_length=MAX_BOXES)
    done = serializers.BooleanField()


class ImageSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(read_only=True)
    width = serializers.IntegerField(read_only=True)
    height = serializers.IntegerField(read_only=True)
    done = serializers.BooleanField(read_only=True)
    boxes = BoxField(many=True, read_only=True)
