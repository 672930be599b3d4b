"""Prometheus: the same log-in and tokens as the REST interface."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from models_registry.api.views import ApiView
from sensing.metrics import exposition
from sensing.models import Camera

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AnyAccepted(BaseContentNegotiation):
    """A scraper lists formats that this page need not know; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return JSONRenderer(), "application/json"


class MetricsView(ApiView):
    """States, frames, counts, occupancy, jobs and messages in Prometheus' text format."""

    queryset = Camera.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"GET": "sensing.view_camera"}
    content_negotiation_class = AnyAccepted

    @extend_schema(
        summary="Metrics for Prometheus", responses={(200, "text/plain"): OpenApiTypes.STR}
    )
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)
