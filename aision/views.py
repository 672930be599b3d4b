"""Pages of the shell."""

from __future__ import annotations

import sys

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults

from aision.settings import VERSION

API = "/api/"


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """For load balancers and the process supervisor: is the application up, with its database?"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "version": VERSION})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for people, JSON for programs."""
    if request.path.startswith(API):
        words = _("There is nothing at %(path)s.") % {"path": request.path[:200]}
        return JsonResponse({"code": "not_found", "message": words}, status=404)
    return defaults.page_not_found(request, exception)


def defect(request: HttpRequest) -> HttpResponse:
    """Something broke, or the database is away; the traceback is in the log."""
    away = isinstance(sys.exception(), OperationalError | InterfaceError)
    status, code = (503, "database_away") if away else (500, "defect")
    if request.path.startswith(API):
        words = (
            _("The database does not answer. Counts wait in memory; try again in a moment.")
            if away
            else _("The gateway could not answer. Its log says why.")
        )
        return JsonResponse({"code": code, "message": words}, status=status)
    return HttpResponse(render_to_string(f"{status}.html"), status=status)
