"""Cameras, their scenes and their live state."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from sensing.api.documents import (
    LiveDocument,
    ProbeDocument,
    SceneDocument,
    rest_live,
    scene_answer,
)
from sensing.api.serializers import (
    CameraInput,
    CameraSerializer,
    SavedSourceInput,
    SourceInput,
)
from sensing.causes import cause_words
from sensing.models import Camera, Scene
from sensing.planning import camera_source
from sensing.selectors import camera_list, live_snapshot
from sensing.services import (
    camera_change,
    camera_delete,
    camera_pause,
    camera_register,
    camera_resume,
    camera_test,
    changed_source,
    checked_source,
    scene_save,
)
from sensing.worker.errors import StreamUnavailable
from sensing.worker.plan import SourceSpec

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="The scene was changed meanwhile")
CONFIGURES = {"POST": "sensing.change_camera"}


@extend_schema_view(
    list=extend_schema(summary="All cameras"), retrieve=extend_schema(summary="One camera")
)
class CameraViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[Camera]):
    """Registered cameras."""

    queryset = Camera.objects.all()
    serializer_class = CameraSerializer
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str] | None] = None

    def get_queryset(self) -> QuerySet[Camera]:
        return camera_list()

    @extend_schema(
        summary="Register a camera",
        request=CameraInput,
        responses={201: CameraSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        given = read(CameraInput, request.data)
        given.pop("clear_password", None)
        camera = camera_register(by=request.user, **given)
        return Response(self._answer(camera.pk), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a camera",
        request=CameraInput,
        responses={200: CameraSerializer, 400: BAD_INPUT},
    )
    def update(self, request: Request, pk: int) -> Response:
        given = read(CameraInput, request.data)
        camera_change(camera=self.get_object(), by=request.user, **given)
        return Response(self._answer(pk))

    @extend_schema(
        summary="Change some fields of a camera",
        request=CameraInput,
        responses={200: CameraSerializer, 400: BAD_INPUT},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        given = read(CameraInput, request.data, partial=True)
        camera_change(camera=self.get_object(), by=request.user, **given)
        return Response(self._answer(pk))

    @extend_schema(summary="Delete a camera and everything it counted", responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        camera_delete(camera=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pause a camera", request=None, responses=CameraSerializer)
    @action(detail=True, methods=["post"], required_permissions=CONFIGURES)
    def pause(self, request: Request, pk: int) -> Response:
        camera_pause(camera=self.get_object(), by=request.user)
        return Response(self._answer(pk))

    @extend_schema(summary="Resume a camera", request=None, responses=CameraSerializer)
    @action(detail=True, methods=["post"], required_permissions=CONFIGURES)
    def resume(self, request: Request, pk: int) -> Response:
        camera_resume(camera=self.get_object(), by=request.user)
        return Response(self._answer(pk))

    @extend_schema(
        summary="Test a stored camera, with changes if any are sent",
        request=SavedSourceInput,
        responses={200: ProbeDocument, 400: BAD_INPUT},
    )
    @action(detail=True, methods=["post"], required_permissions=CONFIGURES)
    def test(self, request: Request, pk: int) -> Response:
        camera = self.get_object()
        changes = read(SavedSourceInput, request.data, partial=True)
        source = changed_source(camera, changes)
        return Response(tested(camera_source(camera) if source is None else source))

    @extend_schema(
        summary="Test a source before it is registered",
        operation_id="cameras_test_unsaved",
        request=SourceInput,
        responses={200: ProbeDocument, 400: BAD_INPUT},
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="test",
        url_name="test-new",
        required_permissions=CONFIGURES,
    )
    def test_new(self, request: Request) -> Response:
        return Response(tested(checked_source(**read(SourceInput, request.data))))

    @extend_schema(summary="State, scene and counts of a camera", responses=LiveDocument)
    @action(detail=True, methods=["get"], required_permissions={"GET": "sensing.view_camera"})
    def live(self, request: Request, pk: int) -> Response:
        camera = self.get_object()
        return Response(rest_live(live_snapshot([camera.pk])[0]))

    def _answer(self, pk: int) -> dict[str, Any]:
        return dict(CameraSerializer(camera_list().get(pk=pk)).data)


class SceneView(ApiView):
    """Lines, zones and modules of a camera."""

    queryset = Scene.objects.all()

    @extend_schema(summary="The scene of a camera", responses=SceneDocument)
    def get(self, request: Request, id: int) -> Response:
        return Response(scene_answer(camera_or_404(id).scene))

    @extend_schema(
        summary="Replace the scene of a camera",
        request=SceneDocument,
        responses={200: SceneDocument, 400: BAD_INPUT, 409: CONFLICT},
    )
    def put(self, request: Request, id: int) -> Response:
        camera = camera_or_404(id)
        document = request.data
        revision = document.get("revision") if isinstance(document, dict) else None
        if revision is not None and type(revision) is not int:
            raise ValidationError({"revision": [f"Expected a whole number, got {revision!r}."]})
        scene = scene_save(
            camera=camera, by=request.user, document=document, expected_revision=revision
        )
        return Response(scene_answer(scene))


def camera_or_404(pk: int) -> Camera:
    camera = camera_list().filter(pk=pk).first()
    if camera is None:
        raise NotFound
    return camera


def tested(source: SourceSpec) -> dict[str, Any]:
    """What a look at a source found; a source that gives no picture is an answer, not an error."""
    try:
        result = camera_test(source)
    except StreamUnavailable as error:
        message, advice = cause_words(error.code)
        return {
            "ok": False,
            "cause": error.code,
            "detail": error.detail,
            "message": message,
            "advice": advice,
        }
    return {
        "ok": True,
        "width": result.width,
        "height": result.height,
        "fps": result.fps,
        "codec": result.codec,
        "still": "data:image/jpeg;base64," + base64.b64encode(result.jpeg).decode(),
    }
