"""The live page."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sensing.selectors import live_snapshot


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def live(request: HttpRequest) -> HttpResponse:
    return render(request, "live.html", {"cameras": live_snapshot()})
