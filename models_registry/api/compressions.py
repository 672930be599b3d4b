"""Compressing versions: kinds of steps, dry runs, runs with their reports."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.benchmarks import set_named, version_named
from models_registry.api.evaluation_sets import whole
from models_registry.api.fields import MAX_ID, StrictSerializer
from models_registry.api.serializers import ErrorDocument, JobSerializer
from models_registry.api.views import ApiView, read
from models_registry.models import CompressionRun
from models_registry.services.compressions import (
    MOST_STILLS,
    compression_delete,
    compression_predict,
    compression_start,
    step_kinds,
)
from models_registry.tasks import announce

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="Not now")
LISTED = 200


class CompressionSerializer(serializers.ModelSerializer[CompressionRun]):
    """``reports`` holds one report per step that was tried, in order; ``worse`` in each says what
    got worse, whatever else got better."""

    parent_name = serializers.CharField(source="parent.reference", read_only=True)
    job = JobSerializer(read_only=True)

    class Meta:
        model = CompressionRun
        fields = ("id", "parent", "parent_name", "recipe", "reports", "job", "created_at")
        read_only_fields = fields


class RecipeInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    recipe = serializers.JSONField(help_text='{"steps": [{"kind": "prune", "share": 0.3}, …]}')


class CompressionInput(RecipeInput):
    calibration_set = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_ID
    )
    cameras = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, max_length=64
    )
    stills = serializers.IntegerField(required=False, min_value=1, max_value=MOST_STILLS)
    evaluation_set = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_ID
    )
    max_images = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000_000
    )


class CompressionViewSet(
    ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[CompressionRun]
):
    """Executions of recipes."""

    queryset = CompressionRun.objects.all()
    serializer_class = CompressionSerializer
    lookup_value_converter = "int"
    pagination_class = None

    def get_queryset(self) -> QuerySet[CompressionRun]:
        return CompressionRun.objects.select_related("parent__model", "job__created_by")

    @extend_schema(
        summary="The latest 200 compressions",
        parameters=[OpenApiParameter("version", int, description="Of one parent.")],
        responses=CompressionSerializer(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.get_queryset()
        if version := whole(request, "version", 0):
            rows = rows.filter(parent=version)
        return Response(CompressionSerializer(rows[:LISTED], many=True).data)

    @extend_schema(
        summary="Compress a version",
        description="Runs as a job; each step that does something becomes a child version.",
        request=CompressionInput,
        responses={201: CompressionSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        given = read(CompressionInput, request.data)
        sets = {
            name: set_named(name, given[name]) if given.get(name) is not None else None
            for name in ("calibration_set", "evaluation_set")
        }
        run = compression_start(
            version=version_named("version", given["version"]),
            by=request.user,
            recipe=given["recipe"],
            cameras=given.get("cameras", []),
            stills=given.get("stills", 32),
            max_images=given.get("max_images"),
            **sets,
        )
        announce()
        answer = CompressionSerializer(self.get_queryset().get(pk=run.pk))
        return Response(answer.data, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Forget a compression's reports; its versions stay",
        responses={204: None, 409: CONFLICT},
    )
    def destroy(self, request: Request, pk: int) -> Response:
        compression_delete(run=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class StepKindsView(ApiView):
    """What a recipe may be made of."""

    queryset = CompressionRun.objects.all()

    @extend_schema(summary="Kinds of steps and their parameters", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(step_kinds())


class DryRunView(ApiView):
    """What a recipe is expected to give."""

    queryset = CompressionRun.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"POST": "models_registry.add_compressionrun"}

    @extend_schema(
        summary="Predict a recipe: size and multiply-accumulates after each step",
        request=RecipeInput,
        responses={200: OpenApiTypes.OBJECT, 400: BAD_INPUT},
    )
    def post(self, request: Request) -> Response:
        given = read(RecipeInput, request.data)
        version = version_named("version", given["version"])
        steps = compression_predict(version=version, recipe=given["recipe"])
        start = {"size_bytes": version.size_bytes, "macs": version.inspection.get("macs")}
        return Response({"start": start, "steps": steps})
