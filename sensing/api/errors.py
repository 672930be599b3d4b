"""One shape for every error: ``{"code", "message", "field"?, "fields"?, "problems"?}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from models_registry.errors import Conflict, Refused
from sensing.calibration_words import problem_documents
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.scene import SceneInvalid


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None: a defect, answered 500 and logged with its traceback."""
    if isinstance(exception, Refused):
        conflict = isinstance(exception, Conflict)
        return Response(
            refusal(exception),
            status.HTTP_409_CONFLICT if conflict else status.HTTP_400_BAD_REQUEST,
        )
    if isinstance(exception, SceneInvalid):
        return Response(scene_problems(exception), status.HTTP_400_BAD_REQUEST)
    if isinstance(exception, CalibrationInvalid):
        given = getattr(context.get("request"), "data", None)
        return Response(calibration_problems(exception, given), status.HTTP_400_BAD_REQUEST)
    if isinstance(exception, RequestDataTooBig):
        return Response(too_big(), status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
    if isinstance(exception, DjangoValidationError):
        exception = ValidationError(exception.messages)
    response = exception_handler(exception, context)
    if response is not None:
        response.data = (
            field_errors(response.data)
            if isinstance(exception, ValidationError)
            else plain_error(response.data, exception)
        )
    return response


def refusal(error: Refused) -> dict[str, Any]:
    document: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.field:
        document["field"] = error.field
    return document


def too_big() -> dict[str, Any]:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024
    return {
        "code": "too_big",
        "message": _("Expected a request of at most %(limit)d KiB.") % {"limit": limit},
    }


def scene_problems(error: SceneInvalid) -> dict[str, Any]:
    """All problems of a scene, each with the place in the document it is about."""
    return {
        "code": "scene_invalid",
        "message": _("The scene cannot be used: %(problems)s") % {"problems": error},
        "problems": [{"where": where, "what": what} for where, what in error.problems],
    }


def calibration_problems(error: CalibrationInvalid, given: Any) -> dict[str, Any]:
    """All problems of marks: in words, with the place in the document and the marks concerned."""
    problems = problem_documents(error, given)
    fields: dict[str, list[str]] = {}
    for problem in problems:
        fields.setdefault(problem["where"] or "document", []).append(problem["what"])
    words = " ".join(dict.fromkeys(problem["what"] for problem in problems))
    return {
        "code": "calibration_invalid",
        "message": _("These marks give no calibration: %(problems)s") % {"problems": words},
        "fields": fields,
        "problems": problems,
    }


def field_errors(detail: Any) -> dict[str, Any]:
    """DRF's errors per field, and the first of them in words."""
    if not isinstance(detail, Mapping):
        detail = {"non_field_errors": detail if isinstance(detail, list) else [detail]}
    fields: dict[str, list[str]] = {}
    for name, text in _leaves(detail):
        fields.setdefault(name, []).append(text)
    name, messages = next(iter(fields.items()))
    about = None if name == "non_field_errors" else name
    message = " ".join(messages)
    document: dict[str, Any] = {
        "code": "invalid",
        "message": f"{about}: {message}" if about else message,
        "fields": fields,
    }
    return document | ({"field": about} if about else {})


def plain_error(data: Any, exception: Exception) -> dict[str, Any]:
    detail = data.get("detail") if isinstance(data, Mapping) else data
    code = detail.code if isinstance(detail, ErrorDetail) else None
    if code is None and isinstance(exception, APIException):
        code = exception.default_code
    return {"code": code or "error", "message": str(detail)}


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(field, text) of every error; a field within a field is named ``outer.inner``, an item of a
    list as the list is."""
    if isinstance(value, Mapping):
        for inner, errors in value.items():
            within = name if isinstance(inner, int) else f"{name}.{inner}" if name else str(inner)
            yield from _leaves(errors, within)
    elif isinstance(value, list):
        for errors in value:
            yield from _leaves(errors, name)
    else:
        yield name, str(value)
