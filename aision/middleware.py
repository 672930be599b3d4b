"""Middleware of the whole application."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from models_registry.services.audit import client_address
from sensing.selectors import site_time_zone

GetResponse = Callable[[HttpRequest], HttpResponse]


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
