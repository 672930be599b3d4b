"""Evaluation sets: made, filled, looked through, corrected and deleted."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import ErrorDocument, JobSerializer
from models_registry.api.set_serializers import (
    ImageInput,
    ImageSerializer,
    SetChange,
    SetInput,
    SetSerializer,
)
from models_registry.api.views import ApiView, read
from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.evaluation_set import LabelledImage
from models_registry.models import EvaluationSet
from models_registry.selectors.catalog import version_list
from models_registry.services.evaluation_set_making import (
    check_archive_size,
    set_create_on_site,
    set_create_simulated,
    set_create_upload,
    set_receive,
)
from models_registry.services.evaluation_sets import (
    image_change,
    image_delete,
    set_change,
    set_delete,
)
from models_registry.set_labels import SetLabels, boxes_json, image_key, picture_file, read_labels
from models_registry.storage import set_dir
from models_registry.tasks import announce

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="Not now")
LOOKS = {"GET": "models_registry.view_evaluationset"}
CHANGES = {
    "GET": "models_registry.view_evaluationset",
    "PUT": "models_registry.change_evaluationset",
    "DELETE": "models_registry.change_evaluationset",
}
MAX_PAGE = 500
TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


class ArchiveParser(BaseParser):
    """Hands the body on unread, to be written to disk in parts."""

    media_type = "application/zip"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class EvaluationSetViewSet(
    ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[EvaluationSet]
):
    """Labelled stills that versions are measured on."""

    queryset = EvaluationSet.objects.all()
    serializer_class = SetSerializer
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str] | None] = None

    def get_queryset(self) -> QuerySet[EvaluationSet]:
        return EvaluationSet.objects.select_related("created_by")

    @extend_schema(
        summary="Make a set",
        description="`uploaded` waits for its zip (PUT …/archive/). `simulated` renders `url`."
        " `on_site` samples `cameras` over `period_s`; `consent` says who allowed it.",
        request=SetInput,
        responses={201: SetSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        made = created(request.user, read(SetInput, request.data))
        announce()
        return Response(self._answer(made.pk), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a set's name or the classes that its labels cover",
        request=SetChange,
        responses={200: SetSerializer, 400: BAD_INPUT},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        changes = read(SetChange, request.data, partial=True)
        set_change(evaluation_set=self.get_object(), by=request.user, **changes)
        return Response(self._answer(pk))

    @extend_schema(summary="Delete a set with its pictures", responses={204: None, 409: CONFLICT})
    def destroy(self, request: Request, pk: int) -> Response:
        set_delete(evaluation_set=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Send the zip of an uploaded set",
        description="YOLO or COCO labels with JPEG or PNG pictures.",
        request={"application/zip": OpenApiTypes.BINARY},
        responses={202: JobSerializer, 400: BAD_INPUT, 409: CONFLICT},
    )
    @action(
        detail=True,
        methods=["put"],
        parser_classes=[ArchiveParser],
        required_permissions={"PUT": "models_registry.add_evaluationset"},
    )
    def archive(self, request: Request, pk: int) -> Response:
        row = self.get_object()
        length = request.META.get("CONTENT_LENGTH") or "0"
        size_bytes = int(length) if length.isascii() and length.isdigit() else 0
        check_archive_size(size_bytes)
        stream: Any = request.data
        if not hasattr(stream, "read"):
            raise ValidationError({"archive": [_("Expected the bytes of a zip.")]})
        job = set_receive(evaluation_set=row, by=request.user, stream=stream, size_bytes=size_bytes)
        announce()
        return Response(JobSerializer(job).data, status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="Pictures of a set with their boxes",
        parameters=[
            OpenApiParameter("offset", int, description="The first picture; default 0."),
            OpenApiParameter("limit", int, description=f"At most {MAX_PAGE}; default 100."),
        ],
        responses=ImageSerializer(many=True),
    )
    @action(detail=True, methods=["get"], required_permissions=LOOKS)
    def images(self, request: Request, pk: int) -> Response:
        labels = labels_of(self.get_object())
        offset, limit = whole(request, "offset", 0), min(whole(request, "limit", 100), MAX_PAGE)
        rows = labels.whole.images[offset : offset + limit]
        return Response([image_document(labels, x) for x in rows])

    def _answer(self, pk: int) -> dict[str, Any]:
        return dict(SetSerializer(self.get_queryset().get(pk=pk)).data)


class SetImageView(ApiView):
    """One picture of a set and what is on it."""

    queryset = EvaluationSet.objects.all()
    required_permissions: ClassVar[dict[str, str]] = CHANGES

    @extend_schema(summary="The boxes of a picture", responses=ImageSerializer)
    def get(self, request: Request, id: int, key: str) -> Response:
        labels = labels_of(set_or_404(id))
        return Response(image_document(labels, image_or_404(labels, key)))

    @extend_schema(
        summary="Correct the boxes of a picture",
        request=ImageInput,
        responses={200: ImageSerializer, 400: BAD_INPUT},
    )
    def put(self, request: Request, id: int, key: str) -> Response:
        row, given = set_or_404(id), read(ImageInput, request.data)
        image_or_404(labels_of(row), key)
        image_change(evaluation_set=row, by=request.user, key=key, **given)
        labels = labels_of(row)
        return Response(image_document(labels, image_or_404(labels, key)))

    @extend_schema(summary="Delete a picture from a set", responses={204: None})
    def delete(self, request: Request, id: int, key: str) -> Response:
        row = set_or_404(id)
        image_or_404(labels_of(row), key)
        image_delete(evaluation_set=row, by=request.user, key=key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SetPictureView(ApiView):
    """The picture itself."""

    queryset = EvaluationSet.objects.all()
    required_permissions: ClassVar[dict[str, str]] = LOOKS

    @extend_schema(
        summary="A picture of a set",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, id: int, key: str) -> HttpResponseBase:
        row = set_or_404(id)
        image = image_or_404(labels_of(row), key)
        path = picture_file(set_dir(row.pk), image)
        if path is None or path.suffix not in TYPES:
            raise NotFound
        answer = FileResponse(path.open("rb"), content_type=TYPES[path.suffix])
        # Named by its content, it never changes; but who logs out must not leave it to others.
        answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer


def created(by: Any, given: dict[str, Any]) -> EvaluationSet:
    """A set as the input describes it. Raises ``Refused``."""
    origin = given["origin"]
    if origin == "uploaded":
        return set_create_upload(by=by, name=given["name"], wishes=given.get("labels", {}))
    if origin == "simulated":
        made, _job = set_create_simulated(
            by=by, name=given["name"], url=given.get("url", ""), stills=given.get("stills", 40)
        )
        return made
    version = None
    if (number := given.get("version")) is not None:
        version = version_list().filter(pk=number).first()
        if version is None:
            raise ValidationError({"version": [_("There is no such version.")]})
    made, _job = set_create_on_site(
        by=by,
        name=given["name"],
        cameras=given.get("cameras", []),
        stills=given.get("stills", 40),
        period_s=given.get("period_s", 600),
        consent=given.get("consent", ""),
        blur=given.get("blur", False),
        version=version,
        classes=given.get("classes", []),
    )
    return made


def set_or_404(pk: int) -> EvaluationSet:
    row = EvaluationSet.objects.filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def labels_of(row: EvaluationSet) -> SetLabels:
    """Raises ``NotFound`` for a set without pictures."""
    try:
        return read_labels(set_dir(row.pk))
    except EvaluationSetInvalid as error:
        raise NotFound(_("This set has no pictures yet.")) from error


def image_or_404(labels: SetLabels, key: str) -> LabelledImage:
    image = labels.image(key)
    if image is None:
        raise NotFound
    return image


def image_document(labels: SetLabels, image: LabelledImage) -> dict[str, Any]:
    return {
        "key": image_key(image),
        "width": image.width,
        "height": image.height,
        "done": image.file in labels.done,
        "boxes": boxes_json(image),
    }


def whole(request: Request, name: str, otherwise: int) -> int:
    """A whole number of the query string."""
    text = request.query_params.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValidationError({name: [_("Expected a whole number.")]})
    return int(text)
