"""Receiving model files: in parts, or in one go."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import ErrorDocument, UploadInput, UploadSerializer
from models_registry.api.views import ApiView, BoundedJsonParser, BytesParser, body_of, read
from models_registry.models import Upload
from models_registry.services.actor import Actor
from models_registry.services.uploads import (
    upload_append,
    upload_begin,
    upload_discard,
    upload_finish,
)
from models_registry.storage import CHUNK_BYTES
from models_registry.tasks import announce

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="Another part is expected")
UPLOADS = {"POST": "models_registry.add_upload", "PATCH": "models_registry.add_upload"}


class PartParser(BytesParser):
    media_type = "application/octet-stream"


class UploadViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[Upload]):
    """Model files and packages on their way into the registry."""

    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    lookup_value_converter = "uuid"
    pagination_class = None
    parser_classes = [BoundedJsonParser, MultiPartParser]
    required_permissions: ClassVar[dict[str, str] | None] = None

    def get_queryset(self) -> QuerySet[Upload]:
        rows = Upload.objects.select_related("version__model")
        return rows[:100] if self.action == "list" else rows

    @extend_schema(
        summary="Upload a file in one go, or announce one that comes in parts",
        description="multipart/form-data with the field `file` uploads at once and has it"
        " inspected. JSON with `file_name` and `size_bytes` announces it: send its parts with"
        " PATCH …/content/, then POST …/finish/.",
        request={
            "application/json": UploadInput,
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "model": {"type": "string"},
                    "notes": {"type": "string"},
                    "licence": {"type": "string"},
                    "source": {"type": "string"},
                },
                "required": ["file"],
            },
        },
        responses={201: UploadSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        if "file" in request.data or "multipart" in (request.content_type or ""):
            upload = self._at_once(request)
        else:
            upload = begun(request.user, read(UploadInput, request.data))
        return Response(self._answer(upload), status.HTTP_201_CREATED)

    def _at_once(self, request: Request) -> Upload:
        given = request.data if isinstance(request.data, dict) else {}
        file = given.get("file")
        if not isinstance(file, UploadedFile):
            raise ValidationError({"file": [_("Expected a file.")]})
        fields = {name: value for name, value in given.items() if name != "file"}
        fields |= {"file_name": file.name or "", "size_bytes": file.size or 0}
        upload = begun(request.user, read(UploadInput, fields))
        try:
            offset = 0
            for part in file.chunks(CHUNK_BYTES):
                upload_append(upload=upload, offset=offset, content=part)
                offset += len(part)
            upload_finish(upload=upload, by=request.user)
        except BaseException:
            upload_discard(upload=upload, by=request.user)
            raise
        announce()
        return upload

    @extend_schema(
        summary="Send the next part of a file",
        parameters=[
            OpenApiParameter(
                "Upload-Offset",
                int,
                OpenApiParameter.HEADER,
                required=True,
                description="Where this part begins; must equal `received_bytes`.",
            )
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: UploadSerializer, 400: BAD_INPUT, 409: CONFLICT},
    )
    @action(
        detail=True,
        methods=["patch"],
        required_permissions=UPLOADS,
        parser_classes=[PartParser],
    )
    def content(self, request: Request, pk: Any) -> Response:
        offset = request.headers.get("Upload-Offset", "")
        if not offset.isascii() or not offset.isdigit() or len(offset) > 18:
            raise ValidationError({"Upload-Offset": [_("Expected a whole number of bytes.")]})
        content = body_of(request)
        if not content:
            raise ValidationError({"content": [_("Expected the bytes of a part, got none.")]})
        upload = upload_append(upload=self.get_object(), offset=int(offset), content=content)
        return Response(self._answer(upload))

    @extend_schema(
        summary="All parts are sent: inspect the file",
        request=None,
        responses={200: UploadSerializer, 409: CONFLICT},
    )
    @action(detail=True, methods=["post"], required_permissions=UPLOADS)
    def finish(self, request: Request, pk: Any) -> Response:
        upload = self.get_object()
        upload_finish(upload=upload, by=request.user)
        announce()
        return Response(self._answer(upload))

    @extend_schema(summary="Forget an upload", responses={204: None, 409: CONFLICT})
    def destroy(self, request: Request, pk: Any) -> Response:
        upload_discard(upload=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, upload: Upload) -> dict[str, Any]:
        row = Upload.objects.select_related("version__model").get(pk=upload.pk)
        return dict(UploadSerializer(row).data)


def begun(by: Actor, given: dict[str, Any]) -> Upload:
    """An upload as the input announces it."""
    return upload_begin(by=by, model_name=given.pop("model", ""), **given)
