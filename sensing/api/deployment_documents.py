"""Deployments, shadow runs and what is in service, as they come in and go out."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from models_registry.api.fields import MAX_ID, StrictSerializer
from models_registry.selectors.references import MOTION
from sensing.api.documents import StateDocument, rest_state
from sensing.deployment_causes import deployment_cause
from sensing.models import CURRENT, Deployment, DeploymentState, DeploymentTarget, ShadowRun
from sensing.selectors import camera_state_document
from sensing.selectors.in_service import CameraInService, TargetInService


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    """A deployment as it is answered."""

    place = serializers.CharField(read_only=True, help_text="Where it was put, in words.")
    module = serializers.CharField(source="module_kind", read_only=True)
    detector = serializers.CharField(source="reference", read_only=True)
    detector_before = serializers.CharField(source="before", read_only=True)
    message = serializers.SerializerMethodField(help_text="The cause in words.")
    created_by = serializers.SerializerMethodField(help_text="Empty: the gateway itself.")
    ended_by = serializers.SerializerMethodField(help_text="Empty: the gateway itself.")
    can_roll_back = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = (
            "id",
            "target",
            "camera",
            "module",
            "place",
            "detector",
            "detector_before",
            "version",
            "version_name",
            "previous",
            "previous_name",
            "state",
            "passed",
            "cause",
            "message",
            "detail",
            "created_at",
            "created_by",
            "ended_at",
            "ended_by",
            "can_roll_back",
        )
        read_only_fields = fields

    def get_message(self, deployment: Deployment) -> str:
        return deployment_cause(deployment.cause)

    def get_created_by(self, deployment: Deployment) -> str:
        return deployment.created_by.get_username() if deployment.created_by else ""

    def get_ended_by(self, deployment: Deployment) -> str:
        return deployment.ended_by.get_username() if deployment.ended_by else ""

    def get_can_roll_back(self, deployment: Deployment) -> bool:
        there = deployment.previous_id is not None or deployment.previous_name == MOTION
        return deployment.state in CURRENT and there


class ShadowSerializer(serializers.ModelSerializer[ShadowRun]):
    """A shadow run with its latest report: agreement is no accuracy."""

    camera_name = serializers.CharField(source="camera.name", read_only=True)
    message = serializers.SerializerMethodField(help_text="The cause in words.")
    created_by = serializers.SerializerMethodField()

    class Meta:
        model = ShadowRun
        fields = (
            "id",
            "camera",
            "camera_name",
            "version",
            "version_name",
            "running",
            "report",
            "cause",
            "message",
            "detail",
            "started_at",
            "ended_at",
            "created_by",
        )
        read_only_fields = fields

    def get_message(self, shadow: ShadowRun) -> str:
        return deployment_cause(shadow.cause)

    def get_created_by(self, shadow: ShadowRun) -> str:
        return shadow.created_by.get_username() if shadow.created_by else ""


class AliasInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    name = serializers.CharField(max_length=40)


class DeploymentInput(StrictSerializer):
    """What to put where: a detector for a target, or a version under an alias."""

    target = serializers.ChoiceField(choices=DeploymentTarget.choices)
    camera = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    module = serializers.CharField(max_length=40, required=False)
    detector = serializers.CharField(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text="motion, model@alias or model:number. Empty: a camera or a module follows the"
        " next wider target again.",
    )
    alias = AliasInput(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {"camera": ("camera", "detector"), "module": ("module", "detector")}
        fields = needed.get(attrs["target"], ("detector",))
        fields = ("alias",) if attrs["target"] == DeploymentTarget.ALIAS else fields
        given = {"camera", "module", "detector", "alias"} & attrs.keys()
        if errors := {
            **{name: [_("This target needs it.")] for name in set(fields) - given},
            **{name: [_("This target takes none.")] for name in given - set(fields)},
        }:
            raise serializers.ValidationError(errors)
        return attrs


class DeploymentFilter(StrictSerializer):
    tolerated = frozenset({"cursor", "page_size", "format"})

    camera = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    target = serializers.ChoiceField(choices=DeploymentTarget.choices, required=False)
    state = serializers.ChoiceField(choices=DeploymentState.choices, required=False)


class ShadowInput(StrictSerializer):
    camera = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    version = serializers.IntegerField(min_value=1, max_value=MAX_ID)


class ShadowFilter(StrictSerializer):
    tolerated = DeploymentFilter.tolerated

    camera = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    running = serializers.BooleanField(required=False)


class AliasDocument(serializers.Serializer[Any]):
    alias = serializers.CharField(help_text="model@alias")
    version = serializers.IntegerField()
    version_name = serializers.CharField()


class TargetDocument(serializers.Serializer[Any]):
    target = serializers.ChoiceField(choices=DeploymentTarget.choices)
    module = serializers.CharField(allow_blank=True)
    alias = serializers.CharField(allow_blank=True)
    chosen = serializers.CharField(allow_blank=True, help_text="Empty: the next wider target's.")
    detector = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    version_name = serializers.CharField()
    deployment = DeploymentSerializer(allow_null=True)
    rolled_back = DeploymentSerializer(allow_null=True)
    cameras = serializers.ListField(
        child=serializers.IntegerField(), help_text="For which it decides now."
    )
    reach = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="For which it will decide when something is deployed there.",
    )


class CameraInServiceDocument(serializers.Serializer[Any]):
    camera = serializers.IntegerField()
    name = serializers.CharField()
    paused = serializers.BooleanField()
    chosen = serializers.CharField(allow_blank=True, help_text="Empty: the next wider target's.")
    detector = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    version_name = serializers.CharField()
    by = serializers.ChoiceField(choices=["camera", "module", "gateway"])
    module = serializers.CharField(allow_blank=True)
    deployment = DeploymentSerializer(allow_null=True)
    rolled_back = DeploymentSerializer(allow_null=True)
    passed = serializers.BooleanField(help_text="Its part of the trial ended well.")
    live = StateDocument()
    shadow = ShadowSerializer(allow_null=True)


class InServiceDocument(serializers.Serializer[Any]):
    targets = TargetDocument(many=True)
    cameras = CameraInServiceDocument(many=True)


def in_service_answer(
    targets: list[TargetInService], cameras: list[CameraInService]
) -> dict[str, Any]:
    return {
        "targets": [_target(entry) for entry in targets],
        "cameras": [_camera(entry) for entry in cameras],
    }


def _target(entry: TargetInService) -> dict[str, Any]:
    return {
        "target": entry.target.kind.value,
        "module": entry.target.module_kind,
        "alias": entry.target.alias,
        **_used(entry),
        "cameras": [camera.pk for camera in entry.cameras],
        "reach": [camera.pk for camera in entry.reach],
    }


def _camera(entry: CameraInService) -> dict[str, Any]:
    camera, deployment = entry.camera, entry.deployment
    return {
        "camera": camera.pk,
        "name": camera.name,
        "paused": camera.paused,
        **_used(entry),
        "by": entry.used.target.value,
        "module": entry.used.module_kind,
        "passed": deployment is not None and camera.pk in deployment.passed,
        "live": rest_state(camera_state_document(camera)),
        "shadow": ShadowSerializer(entry.shadow).data if entry.shadow else None,
    }


def _used(entry: TargetInService | CameraInService) -> dict[str, Any]:
    used, deployment, failed = entry.used, entry.deployment, entry.rolled_back
    chosen = entry.camera.detector if isinstance(entry, CameraInService) else entry.chosen
    return {
        "chosen": chosen,
        "detector": used.reference,
        "version": used.version.pk if used.version else None,
        "version_name": used.version_name,
        "deployment": DeploymentSerializer(deployment).data if deployment else None,
        "rolled_back": DeploymentSerializer(failed).data if failed else None,
    }
