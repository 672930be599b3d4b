"""Exports over REST: files on request, and schedules with the files that they wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from sensing.api.export_documents import (
    ExportParameters,
    PreviewDocument,
    ScheduleDocument,
    ScheduleInput,
    WhatDocument,
    catalogue,
    order_of,
    schedule_given,
)
from sensing.export.order import Order
from sensing.models import Crossing, ScheduledExport
from sensing.selectors.exports import content_type, export_chunks, export_name, export_preview
from sensing.services.export_runs import written_files
from sensing.services.exports import (
    checked_order,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_run,
)
from sensing.tasks import announce_exports

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CHANGES = "sensing.change_scheduledexport"
FILE = OpenApiResponse(OpenApiTypes.BINARY, description="The file, streamed.")


class AlwaysJson(DefaultContentNegotiation):
    """``format`` names the file here, not how an answer is rendered; refusals are always JSON."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


class ExportView(ApiView):
    queryset = Crossing.objects.all()
    content_negotiation_class = AlwaysJson

    @staticmethod
    def order(request: Request) -> Order:
        given = request.query_params
        data = {name: given.getlist(name) if name == "camera" else given[name] for name in given}
        # An empty field of a form is one that was left out.
        found = read(ExportParameters, {name: value for name, value in data.items() if value != ""})
        return checked_order(order_of(found, found["start"], found["end"]))


class ExportsView(ExportView):
    """What can be exported."""

    @extend_schema(summary="What can be exported, in which files and bins", responses=WhatDocument)
    def get(self, request: Request) -> Response:
        return Response({"results": catalogue()})


class ExportFileView(ExportView):
    """One file, written while it is read."""

    @extend_schema(
        summary="Export a file",
        parameters=[ExportParameters],
        responses={200: FILE, 400: BAD_INPUT},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        order = self.order(request)
        parts = export_chunks(order, timezone.now())
        response = StreamingHttpResponse(parts, content_type=content_type(order))
        disposition = content_disposition_header(True, export_name(order))
        response["Content-Disposition"] = disposition or "attachment"
        response["Cache-Control"] = "no-store"
        return response


class ExportPreviewView(ExportView):
    """What a file would be called, and how it would begin."""

    @extend_schema(
        summary="Name, columns and first rows of an export",
        parameters=[ExportParameters],
        responses={200: PreviewDocument, 400: BAD_INPUT},
    )
    def get(self, request: Request) -> Response:
        order = self.order(request)
        columns, rows = export_preview(order, timezone.now())
        return Response({"file_name": export_name(order), "columns": columns, "rows": rows})


@extend_schema_view(
    list=extend_schema(summary="Scheduled exports"),
    retrieve=extend_schema(summary="One scheduled export"),
)
class ScheduleViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[ScheduledExport]):
    """Exports that are written to a folder by the clock."""

    queryset = ScheduledExport.objects.prefetch_related("cameras")
    serializer_class = ScheduleDocument
    lookup_field = "pk"
    lookup_url_kwarg = "id"
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str] | None] = None

    @extend_schema(
        summary="Schedule an export",
        request=ScheduleInput,
        responses={201: ScheduleDocument, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        given = read(ScheduleInput, request.data)
        made = schedule_create(by=request.user, **_split(given))
        return Response(self._document(made.pk), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a scheduled export",
        request=ScheduleInput(partial=True),
        responses={200: ScheduleDocument, 400: BAD_INPUT},
    )
    def partial_update(self, request: Request, id: int) -> Response:
        schedule = self.get_object()
        given = schedule_given(schedule) | read(ScheduleInput, request.data, partial=True)
        schedule_change(by=request.user, schedule=schedule, **_split(given))
        return Response(self._document(schedule.pk))

    @extend_schema(summary="Delete a schedule; its files stay", responses={204: None})
    def destroy(self, request: Request, id: int) -> Response:
        schedule_delete(by=request.user, schedule=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Write the last finished period now", request=None, responses=ScheduleDocument
    )
    @action(detail=True, methods=["post"], required_permissions={"POST": CHANGES})
    def run(self, request: Request, id: int) -> Response:
        schedule_run(by=request.user, schedule=self.get_object())
        announce_exports()
        return Response(self._document(id))

    @extend_schema(summary="A file that a schedule wrote", responses={200: FILE})
    @action(detail=True, methods=["get"], url_path="files/<str:key>", url_name="file")
    def file(self, request: Request, id: int, key: str) -> FileResponse:
        # Only what lies in the folder of this schedule, by its plain name.
        found = {path.name: path for path in written_files(self.get_object())}
        if key not in found:
            raise Http404(key)
        return FileResponse(found[key].open("rb"), as_attachment=True, filename=key)

    def _document(self, pk: int) -> dict[str, Any]:
        return dict(ScheduleDocument(self.get_queryset().get(pk=pk)).data)


def _split(given: dict[str, Any]) -> dict[str, Any]:
    """What a schedule orders, and the rest of it; its periods are those of the clock."""
    now: datetime = timezone.now()
    own = ("name", "every", "at", "enabled", "keep_files")
    return {"order": order_of(given, now, now)} | {n: given[n] for n in own if n in given}
