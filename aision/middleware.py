"""Middleware of the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils import timezone

from models_registry.services.audit import client_address
from sensing.selectors import site_time_zone

FILE_BLOCK_BYTES = 256 * 1024

GetResponse = Callable[[HttpRequest], HttpResponse]


class StreamsMiddleware:
    """Answers that are written while they are read, files too, leave in portions: the server reads
    a plain iterator whole into memory first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: Any = self.get_response(request)
        if response.streaming and not response.is_async and isinstance(request, ASGIRequest):
            if isinstance(response, FileResponse):
                response.block_size = FILE_BLOCK_BYTES
            response.streaming_content = _in_threads(iter(response.streaming_content))
        return cast(HttpResponse, response)


async def _in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(parts, None))
    while (part := await following()) is not None:
        yield part


class ContentSecurityPolicyMiddleware:
    """Only our own scripts run in a page, whatever a camera's name contains."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response


class ClientAddressMiddleware:
    """The audit trail says from where something was done."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = client_address.set(request.META.get("REMOTE_ADDR") or "")
        try:
            return self.get_response(request)
        finally:
            client_address.reset(token)


class SiteTimeZoneMiddleware:
    """Pages show times where the cameras stand, not where the server or the reader is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone: ZoneInfo = site_time_zone()
        with timezone.override(zone):
            return self.get_response(request)
