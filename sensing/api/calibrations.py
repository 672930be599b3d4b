"""Calibrations: marks of a camera's road, what follows from them, and their history."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.fields import StrictSerializer
from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView
from sensing.api.calibration_documents import (
    CalibrationAnswer,
    CalibrationRow,
    MarksDocument,
    PreviewAnswer,
)
from sensing.api.cameras import BAD_INPUT, camera_or_404
from sensing.api.paging import ResultsPagination
from sensing.api.parameters import PAGING, CameraIds, query
from sensing.api.results import PAGE_PARAMETERS
from sensing.calibration_words import problem_documents
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.calibration_document import parse_calibration
from sensing.models import Calibration
from sensing.selectors.calibrations import (
    active_calibration,
    calibration_answer,
    calibrations,
    figures,
)
from sensing.services.calibrations import calibration_remove, calibration_save, confirm_drift

NONE_YET = OpenApiResponse(ErrorDocument, description="The camera is not calibrated")


class CalibrationView(ApiView):
    """The calibration of a camera."""

    queryset = Calibration.objects.all()

    @extend_schema(
        summary="The calibration of a camera", responses={200: CalibrationAnswer, 404: NONE_YET}
    )
    def get(self, request: Request, id: int) -> Response:
        return answer(id)

    @extend_schema(
        summary="Calibrate a camera: the marks replace those before",
        request=MarksDocument,
        responses={200: CalibrationAnswer, 400: BAD_INPUT},
    )
    def put(self, request: Request, id: int) -> Response:
        camera, document = camera_or_404(id), request.data
        keep_still = document.get("keep_still", False) if isinstance(document, dict) else False
        if not isinstance(keep_still, bool):
            raise ValidationError({"keep_still": [_("Expected true or false.")]})
        calibration_save(camera=camera, by=request.user, document=document, keep_still=keep_still)
        return answer(id)

    @extend_schema(summary="Remove the calibration: no speeds are measured", responses={204: None})
    def delete(self, request: Request, id: int) -> Response:
        calibration_remove(camera=calibration_or_404(id).camera, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CalibrationPreviewView(ApiView):
    """What marks would give, without keeping them."""

    required_permissions: ClassVar[dict[str, str]] = {"POST": "sensing.change_calibration"}

    @extend_schema(
        summary="Solve marks without saving them",
        description="Marks that give no calibration are an answer (`ok: false`), not an error.",
        request=MarksDocument,
        responses=PreviewAnswer,
    )
    def post(self, request: Request, id: int) -> Response:
        camera = camera_or_404(id)
        try:
            found = parse_calibration(request.data)
        except CalibrationInvalid as invalid:
            problems = problem_documents(invalid, request.data)
            return Response({"ok": False, "problems": problems})
        return Response({"ok": True, **figures(found, camera.scene.lines)})


class CalibrationConfirmView(ApiView):
    """A person has looked: the camera stands as when it was calibrated."""

    required_permissions: ClassVar[dict[str, str]] = {"POST": "sensing.change_calibration"}

    @extend_schema(
        summary="Confirm that the camera stands as before",
        request=None,
        responses={200: CalibrationAnswer, 400: BAD_INPUT, 404: NONE_YET},
    )
    def post(self, request: Request, id: int) -> Response:
        confirm_drift(calibration_or_404(id), request.user)
        return answer(id)


class CalibrationParameters(StrictSerializer):
    tolerated = PAGING

    camera = CameraIds(required=False, help_text="Ids, separated by commas. Default: all.")


class CalibrationsView(ApiView):
    """Calibrations of now and before."""

    queryset = Calibration.objects.all()
    ordering = ("-id",)

    @extend_schema(
        summary="Calibrations of now and before, newest first",
        parameters=[OpenApiParameter("camera", str), *PAGE_PARAMETERS],
        responses=CalibrationRow(many=True),
    )
    def get(self, request: Request) -> Response:
        given = query(CalibrationParameters, request)
        rows = calibrations()
        if "camera" in given:
            rows = rows.filter(camera_id__in=given["camera"])
        paginator = ResultsPagination()
        page: list[Any] = paginator.paginate_queryset(rows, request, self) or []
        answers = [calibration_answer(row, whole=False) for row in page]
        return paginator.get_paginated_response(CalibrationRow(answers, many=True).data)


def calibration_or_404(camera_id: int) -> Calibration:
    calibration = active_calibration(camera_or_404(camera_id))
    if calibration is None:
        raise NotFound(_("This camera is not calibrated."))
    return calibration


def answer(camera_id: int) -> Response:
    return Response(CalibrationAnswer(calibration_answer(calibration_or_404(camera_id))).data)
