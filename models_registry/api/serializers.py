"""Lineages, versions, uploads, aliases, jobs and the audit trail as they come in and go out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from models_registry.api.fields import StrictSerializer
from models_registry.models import (
    Alias,
    AuditEntry,
    DetectionModel,
    Job,
    ModelVersion,
    Upload,
)
from models_registry.rejections import rejection_advice, rejection_title

MAX_SIZE = 2**62


class AliasSerializer(serializers.ModelSerializer[Alias]):
    reference = serializers.CharField(read_only=True)
    version_name = serializers.CharField(source="version.reference", read_only=True)

    class Meta:
        model = Alias
        fields = ("id", "reference", "name", "version", "version_name", "updated_at")
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version without what was found in its file; ``VersionDetailSerializer`` has it all."""

    reference = serializers.CharField(read_only=True)
    model_name = serializers.CharField(source="model.name", read_only=True)
    parent_name = serializers.CharField(source="parent.reference", read_only=True, default=None)
    needs_contract = serializers.SerializerMethodField()
    layout = serializers.SerializerMethodField()
    labels = serializers.ListField(child=serializers.CharField(), read_only=True)
    parameters = serializers.SerializerMethodField()
    macs = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "model_name",
            "number",
            "sha256",
            "size_bytes",
            "origin",
            "parent",
            "parent_name",
            "file_name",
            "needs_contract",
            "layout",
            "labels",
            "parameters",
            "macs",
            "notes",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_needs_contract(self, version: ModelVersion) -> bool:
        return version.contract is None

    def get_layout(self, version: ModelVersion) -> str | None:
        return (version.contract or {}).get("layout")

    def get_parameters(self, version: ModelVersion) -> int | None:
        return _whole(version.inspection.get("parameters"))

    def get_macs(self, version: ModelVersion) -> int | None:
        return _whole(version.inspection.get("macs"))


class VersionDetailSerializer(VersionSerializer):
    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "contract", "inspection", "card")
        read_only_fields = fields


class ModelSerializer(serializers.ModelSerializer[DetectionModel]):
    """A lineage with its versions, newest first, and its aliases."""

    versions = VersionSerializer(many=True, read_only=True)
    aliases = AliasSerializer(many=True, read_only=True)

    class Meta:
        model = DetectionModel
        fields = (
            "id",
            "name",
            "task",
            "notes",
            "licence",
            "source",
            "created_at",
            "versions",
            "aliases",
        )
        read_only_fields = fields


class ModelInput(StrictSerializer):
    """What may be changed of a lineage."""

    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    licence = serializers.CharField(required=False, allow_blank=True, max_length=120)
    # The field's name, not the attribute of fields that is called so.
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_blank=True, max_length=300
    )


class UploadSerializer(serializers.ModelSerializer[Upload]):
    version_name = serializers.CharField(source="version.reference", read_only=True, default=None)
    title = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField()

    class Meta:
        model = Upload
        fields = (
            "id",
            "file_name",
            "size_bytes",
            "received_bytes",
            "model_name",
            "state",
            "code",
            "title",
            "message",
            "advice",
            "version",
            "version_name",
            "known",
            "created_at",
        )
        read_only_fields = fields

    def get_title(self, upload: Upload) -> str:
        return rejection_title(upload.code)

    def get_advice(self, upload: Upload) -> str:
        return rejection_advice(upload.code)


class UploadInput(ModelInput):
    file_name = serializers.CharField(max_length=200)
    size_bytes = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)
    model = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=60,
        help_text="The lineage it belongs to; empty: named after the file.",
    )
    contract = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="What the file does not say about itself, as in model.json; may be partial.",
    )


class AliasInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=MAX_SIZE)
    name = serializers.CharField(max_length=40)


class JobSerializer(serializers.ModelSerializer[Job]):
    who = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "title",
            "state",
            "progress",
            "step",
            "result",
            "code",
            "message",
            "cancel_requested",
            "attempts",
            "who",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_who(self, job: Job) -> str:
        return job.created_by.get_username() if job.created_by else ""


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = ("id", "at", "who", "address", "action", "subject", "detail")
        read_only_fields = fields


class ErrorDocument(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="For people.")
    field = serializers.CharField(required=False)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
