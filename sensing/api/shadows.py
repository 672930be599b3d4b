"""Candidates that see a camera's frames beside the detector in service."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from models_registry.errors import Refused
from sensing.api.deployment_documents import (
    DeploymentSerializer,
    ShadowFilter,
    ShadowInput,
    ShadowSerializer,
)
from sensing.api.deployments import BAD_INPUT, version_or_refused
from sensing.api.paging import ResultsPagination
from sensing.models import Camera, Deployment, ShadowRun
from sensing.selectors.in_service import RELATED
from sensing.services.shadows import shadow_promote, shadow_start, shadow_stop

ENDED = OpenApiResponse(ErrorDocument, description="It has already ended")


@extend_schema_view(retrieve=extend_schema(summary="One shadow run"))
class ShadowViewSet(RetrieveModelMixin, ApiView, GenericViewSet[ShadowRun]):
    """Shadow runs, newest first, each with its latest report."""

    queryset = ShadowRun.objects.select_related("camera", "version__model", "created_by")
    serializer_class = ShadowSerializer
    lookup_value_converter = "int"
    pagination_class = ResultsPagination
    ordering: ClassVar[tuple[str, str]] = ("-started_at", "-pk")
    required_permissions: ClassVar[dict[str, str] | None] = None

    @extend_schema(summary="Shadow runs, newest first", parameters=[ShadowFilter])
    def list(self, request: Request) -> Response:
        given = read(ShadowFilter, request.query_params.dict())
        page = self.paginate_queryset(self.get_queryset().filter(**given))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Run a version beside a camera's detector",
        request=ShadowInput,
        responses={201: ShadowSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        given = read(ShadowInput, request.data)
        camera = Camera.objects.filter(pk=given["camera"]).first()
        if camera is None:
            raise Refused("camera", _("Expected a camera."), "camera")
        version = version_or_refused(given["version"])
        shadow = shadow_start(by=request.user, camera=camera, version=version)
        return Response(self._answer(shadow.pk), status.HTTP_201_CREATED)

    @extend_schema(
        summary="End a shadow run",
        request=None,
        responses={200: ShadowSerializer, 409: ENDED},
    )
    @action(
        detail=True, methods=["post"], required_permissions={"POST": "sensing.change_shadowrun"}
    )
    def stop(self, request: Request, pk: int) -> Response:
        shadow_stop(shadow=self.get_object(), by=request.user)
        return Response(self._answer(pk))

    @extend_schema(
        summary="Put a shadow's version into service on its camera",
        request=None,
        responses={201: DeploymentSerializer, 400: BAD_INPUT},
    )
    @action(detail=True, methods=["post"], required_permissions={"POST": "sensing.add_deployment"})
    def promote(self, request: Request, pk: int) -> Response:
        made = shadow_promote(shadow=self.get_object(), by=request.user)
        row = Deployment.objects.select_related(*RELATED).get(pk=made.pk)
        return Response(DeploymentSerializer(row).data, status.HTTP_201_CREATED)

    def _answer(self, pk: int) -> dict[str, Any]:
        return dict(ShadowSerializer(self.get_queryset().get(pk=pk)).data)
