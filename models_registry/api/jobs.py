"""Jobs, aliases and the audit trail."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import AuditSerializer, ErrorDocument, JobSerializer
from models_registry.api.views import ApiView
from models_registry.models import OPEN_STATES, AuditEntry, Job, JobKind
from models_registry.services.jobs import job_cancel

OVER = OpenApiResponse(ErrorDocument, description="It has already ended")
LISTED = 200


class JobViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[Job]):
    """Long work on models."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str] | None] = None

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.select_related("created_by")

    @extend_schema(
        summary="The latest 200 jobs",
        parameters=[
            OpenApiParameter("open", bool, description="Only those that wait or run."),
            OpenApiParameter("kind", str, enum=JobKind.values),
        ],
        responses=JobSerializer(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        jobs = self.get_queryset()
        if request.query_params.get("open") in ("1", "true"):
            jobs = jobs.filter(state__in=OPEN_STATES)
        if kind := request.query_params.get("kind"):
            if kind not in JobKind.values:
                expected = ", ".join(JobKind.values)
                raise ValidationError(
                    {"kind": [_("Expected one of %(kinds)s.") % {"kinds": expected}]}
                )
            jobs = jobs.filter(kind=kind)
        return Response(JobSerializer(jobs[:LISTED], many=True).data)

    @extend_schema(summary="Cancel a job", request=None, responses={200: JobSerializer, 400: OVER})
    @action(
        detail=True, methods=["post"], required_permissions={"POST": "models_registry.change_job"}
    )
    def cancel(self, request: Request, pk: int) -> Response:
        job = job_cancel(job=self.get_object(), by=request.user)
        return Response(JobSerializer(job).data)


class AuditView(ApiView):
    """Who did what to models, newest first."""

    queryset = AuditEntry.objects.all()

    @extend_schema(summary="The latest 500 acts", responses=AuditSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(AuditSerializer(AuditEntry.objects.all()[:500], many=True).data)
