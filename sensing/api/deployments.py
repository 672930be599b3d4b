"""Putting versions into service over REST, taking them back, and what is in service."""

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
from models_registry.models import ModelVersion
from sensing.api.deployment_documents import (
    AliasDocument,
    DeploymentFilter,
    DeploymentInput,
    DeploymentSerializer,
    InServiceDocument,
    in_service_answer,
)
from sensing.api.paging import ResultsPagination
from sensing.models import Deployment, DeploymentTarget
from sensing.selectors.detectors import Target
from sensing.selectors.in_service import RELATED, in_service
from sensing.services.deployments import alias_deploy, deploy, detector_clear, roll_back

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="It is no longer in service")


@extend_schema_view(retrieve=extend_schema(summary="One deployment"))
class DeploymentViewSet(RetrieveModelMixin, ApiView, GenericViewSet[Deployment]):
    """Acts of putting a detector into service, newest first."""

    queryset = Deployment.objects.select_related(*RELATED)
    serializer_class = DeploymentSerializer
    lookup_value_converter = "int"
    pagination_class = ResultsPagination
    ordering: ClassVar[tuple[str, str]] = ("-created_at", "-pk")
    required_permissions: ClassVar[dict[str, str] | None] = None

    @extend_schema(summary="Deployments, newest first", parameters=[DeploymentFilter])
    def list(self, request: Request) -> Response:
        given = read(DeploymentFilter, request.query_params.dict())
        page = self.paginate_queryset(self.get_queryset().filter(**given))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Deploy a detector to the gateway, a sensing module or a camera, or move an alias",
        request=DeploymentInput,
        responses={
            201: DeploymentSerializer,
            200: OpenApiResponse(AliasDocument, description="The alias moved nothing in service"),
            204: OpenApiResponse(description="The target follows the next wider one again"),
            400: BAD_INPUT,
        },
    )
    def create(self, request: Request) -> Response:
        given = read(DeploymentInput, request.data)
        if given["target"] == DeploymentTarget.ALIAS:
            return self._move_alias(request, **given["alias"])
        target = Target(
            DeploymentTarget(given["target"]), given.get("camera"), given.get("module", "")
        )
        if not given["detector"] and target.kind != DeploymentTarget.GATEWAY:
            detector_clear(by=request.user, target=target)
            return Response(status=status.HTTP_204_NO_CONTENT)
        deployment = deploy(by=request.user, target=target, reference=given["detector"])
        return Response(self._answer(deployment.pk), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Bring back what a deployment replaced",
        request=None,
        responses={200: DeploymentSerializer, 400: BAD_INPUT, 409: CONFLICT},
    )
    @action(
        detail=True, methods=["post"], required_permissions={"POST": "sensing.change_deployment"}
    )
    def rollback(self, request: Request, pk: int) -> Response:
        roll_back(deployment=self.get_object(), by=request.user)
        return Response(self._answer(pk))

    def _move_alias(self, request: Request, version: int, name: str) -> Response:
        made = alias_deploy(by=request.user, version=version_or_refused(version), name=name)
        if isinstance(made, Deployment):
            return Response(self._answer(made.pk), status.HTTP_201_CREATED)
        return Response(
            {
                "alias": made.reference,
                "version": made.version_id,
                "version_name": made.version.reference,
            }
        )

    def _answer(self, pk: int) -> dict[str, Any]:
        return dict(DeploymentSerializer(self.get_queryset().get(pk=pk)).data)


class InServiceView(ApiView):
    """What every target names and every camera runs, by whose choice and how well."""

    queryset = Deployment.objects.all()

    @extend_schema(summary="What is in service", responses=InServiceDocument)
    def get(self, request: Request) -> Response:
        return Response(in_service_answer(*in_service()))


def version_or_refused(pk: int) -> ModelVersion:
    version = ModelVersion.objects.select_related("model").filter(pk=pk).first()
    if version is None:
        raise Refused("version", _("There is no version %(id)d.") % {"id": pk}, "version")
    return version
