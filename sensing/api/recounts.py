"""Recounts and certificates of accuracy over REST: read by all, judged by operators."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.fields import MAX_ID, StrictSerializer
from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from sensing.api.paging import ResultsPagination
from sensing.api.parameters import PAGING
from sensing.models import AccuracyCertificate, Recount
from sensing.recount.arriving import recounts_close_due
from sensing.selectors.recounts import certificates, recount_progress, recounts
from sensing.services.certificates import certificate_issue
from sensing.services.recounts import recount_review

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="Somebody else has changed it meanwhile")


class RecountFilter(StrictSerializer):
    tolerated = PAGING

    camera = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)


class RecountProgress(serializers.Serializer[Any]):
    marks = serializers.IntegerField(help_text="Crossings that the system counted.")
    checked = serializers.IntegerField(help_text="Of these, judged by a person.")
    added = serializers.IntegerField(help_text="Crossings that the system missed.")


class RecountSerializer(serializers.ModelSerializer[Recount]):
    """Times of marks are seconds since ``starts_at``."""

    progress = serializers.SerializerMethodField()
    camera_name = serializers.CharField(source="camera.name")
    created_by = serializers.CharField(source="created_by.username", default="")

    class Meta:
        model = Recount
        fields = (
            "id",
            "camera",
            "camera_name",
            "kind",
            "state",
            "cause",
            "lines",
            "starts_at",
            "duration_s",
            "clip_name",
            "analysed_fps",
            "scene_revision",
            "calibration",
            "detectors",
            "spans",
            "system_marks",
            "review",
            "revision",
            "progress",
            "strip_deleted_at",
            "created_at",
            "created_by",
        )

    @extend_schema_field(RecountProgress)
    def get_progress(self, recount: Recount) -> dict[str, int]:
        return recount_progress(recount)


class ReviewInput(StrictSerializer):
    revision = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="The one that the changes were made to."
    )
    changes = serializers.DictField(
        child=serializers.DictField(allow_null=True),
        help_text="Mark → {verdict, class?}; added mark → {line, time_s, along, direction, class};"
        " null takes it back.",
    )


class ReviewAnswer(RecountProgress):
    revision = serializers.IntegerField()
    review = serializers.DictField()


class IssueInput(StrictSerializer):
    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    looked_through = serializers.BooleanField(
        help_text="The person states to have looked through the whole strip."
    )
    with_picture = serializers.BooleanField(
        default=False, help_text="Put a small picture of the strip on the certificate."
    )


class CertificateSerializer(serializers.ModelSerializer[AccuracyCertificate]):
    issued_by = serializers.CharField(source="issued_by.username", default="")

    class Meta:
        model = AccuracyCertificate
        fields = (
            "id",
            "camera",
            "camera_name",
            "recount",
            "recount_revision",
            "issued_at",
            "issued_by",
            "f1",
            "crossings",
            "digest",
            "document",
        )


class ListsByCamera(ApiView, GenericViewSet[Any]):
    """Newest first, of one camera or of all."""

    lookup_value_converter = "int"
    pagination_class = ResultsPagination
    required_permissions: ClassVar[dict[str, str] | None] = None

    def listed(self, request: Request) -> Response:
        given = read(RecountFilter, request.query_params.dict())
        rows: QuerySet[Any] = self.get_queryset()
        page = self.paginate_queryset(rows.filter(camera_id=given["camera"]) if given else rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


@extend_schema_view(retrieve=extend_schema(summary="One recount"))
class RecountViewSet(RetrieveModelMixin, ListsByCamera):
    """Recounts: what the system counted on a strip, and what a person says of it."""

    queryset = recounts()
    serializer_class = RecountSerializer
    ordering: ClassVar[tuple[str, str]] = ("-created_at", "-pk")

    @extend_schema(summary="Recounts, newest first", parameters=[RecountFilter])
    def list(self, request: Request) -> Response:
        recounts_close_due()
        return self.listed(request)

    @extend_schema(
        summary="Judge marks of the system and add what it missed",
        request=ReviewInput,
        responses={200: ReviewAnswer, 400: BAD_INPUT, 409: CONFLICT},
    )
    @action(
        detail=True, methods=["patch"], required_permissions={"PATCH": "sensing.change_recount"}
    )
    def review(self, request: Request, pk: int) -> Response:
        given = read(ReviewInput, request.data)
        row = recount_review(recount=self.get_object(), by=request.user, **given)
        answer = {"revision": row.revision, "review": row.review, **recount_progress(row)}
        return Response(answer)

    @extend_schema(
        summary="Issue a certificate of accuracy",
        request=IssueInput,
        responses={201: CertificateSerializer, 400: BAD_INPUT, 409: CONFLICT},
    )
    @action(
        detail=True,
        methods=["post"],
        required_permissions={"POST": "sensing.add_accuracycertificate"},
    )
    def certificate(self, request: Request, pk: int) -> Response:
        given = read(IssueInput, request.data)
        issued = certificate_issue(recount=self.get_object(), by=request.user, **given)
        return Response(CertificateSerializer(issued).data, status.HTTP_201_CREATED)


@extend_schema_view(retrieve=extend_schema(summary="One certificate of accuracy"))
class CertificateViewSet(RetrieveModelMixin, ListsByCamera):
    """Certificates of accuracy; they are never changed."""

    queryset = certificates()
    serializer_class = CertificateSerializer
    ordering: ClassVar[tuple[str, str]] = ("-issued_at", "-pk")

    @extend_schema(summary="Certificates of accuracy, newest first", parameters=[RecountFilter])
    def list(self, request: Request) -> Response:
        return self.listed(request)
