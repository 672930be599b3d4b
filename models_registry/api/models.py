"""Lineages, versions and aliases."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import (
    ErrorDocument,
    ModelInput,
    ModelSerializer,
    VersionDetailSerializer,
    VersionSerializer,
)
from models_registry.api.views import ApiView, read
from models_registry.models import DetectionModel, ModelVersion
from models_registry.selectors.catalog import model_list, version_list
from models_registry.services.catalog import (
    contract_choose,
    model_change,
    model_delete,
    version_delete,
)
from models_registry.storage import packed_path, version_path

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
IN_USE = OpenApiResponse(ErrorDocument, description="In use")


class ModelViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[DetectionModel]):
    """Lineages of detection models."""

    queryset = DetectionModel.objects.all()
    serializer_class = ModelSerializer
    lookup_field = "name"
    lookup_value_converter = "slug"
    pagination_class = None

    def get_queryset(self) -> QuerySet[DetectionModel]:
        return model_list()

    @extend_schema(
        summary="Change notes, licence or source of a lineage",
        request=ModelInput,
        responses={200: ModelSerializer, 400: BAD_INPUT},
    )
    def partial_update(self, request: Request, name: str) -> Response:
        changes = read(ModelInput, request.data, partial=True)
        model = model_change(model=self.get_object(), by=request.user, **changes)
        return Response(ModelSerializer(model_list().get(pk=model.pk)).data)

    @extend_schema(
        summary="Delete a lineage with all its versions", responses={204: None, 409: IN_USE}
    )
    def destroy(self, request: Request, name: str) -> Response:
        model_delete(model=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VersionViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[ModelVersion]):
    """Immutable model files with their contracts."""

    queryset = ModelVersion.objects.all()
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str] | None] = None

    def get_queryset(self) -> QuerySet[ModelVersion]:
        return version_list()

    def get_serializer_class(self) -> type[VersionSerializer]:
        return VersionSerializer if self.action == "list" else VersionDetailSerializer

    @extend_schema(
        summary="All versions",
        parameters=[OpenApiParameter("model", str, description="Name of a lineage.")],
        responses=VersionSerializer(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        versions = self.get_queryset()
        if model := request.query_params.get("model"):
            get_object_or_404(DetectionModel, name=model)
            versions = versions.filter(model__name=model)
        return Response(VersionSerializer(versions, many=True).data)

    @extend_schema(summary="Delete a version", responses={204: None, 409: IN_USE})
    def destroy(self, request: Request, pk: int) -> Response:
        version_delete(version=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Choose the contract of a version",
        description="A version that has another contract stays as it is: the next version of the"
        " same file is made and answered.",
        request=OpenApiTypes.OBJECT,
        responses={200: VersionDetailSerializer, 400: BAD_INPUT},
    )
    @action(
        detail=True,
        methods=["put"],
        required_permissions={"PUT": "models_registry.add_modelversion"},
    )
    def contract(self, request: Request, pk: int) -> Response:
        version = contract_choose(version=self.get_object(), by=request.user, document=request.data)
        answer = VersionDetailSerializer(version_list().get(pk=version.pk))
        return Response(answer.data)

    @extend_schema(
        summary="Download the ONNX file, or the packed one",
        parameters=[OpenApiParameter("packed", bool, description="The transport file.")],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(
        detail=True,
        methods=["get"],
        required_permissions={"GET": "models_registry.view_modelversion"},
    )
    def file(self, request: Request, pk: int) -> HttpResponseBase:
        version = self.get_object()
        packed = request.query_params.get("packed") in ("1", "true")
        path = (packed_path if packed else version_path)(version.sha256)
        if not path.is_file():
            raise NotFound(_("This version has no packed file.") if packed else None)
        name = f"{version.model.name}-{version.number}{path.suffix}"
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)
