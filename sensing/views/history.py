"""The address that the pages on traffic and on people had before."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def history(request: HttpRequest) -> HttpResponseRedirect:
    name = "people" if request.GET.get("tab") == "people" else "traffic"
    query = request.GET.urlencode()
    return redirect(reverse(name) + (f"?{query}" if query else ""))
