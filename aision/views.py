"""Pages of the shell."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, JsonResponse

from aision.settings import VERSION


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """For load balancers and the process supervisor: is the application up, with its database?"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "version": VERSION})
