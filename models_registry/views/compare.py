"""The page that sets versions side by side and measures them."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from models_registry.errors import Refused
from models_registry.surroundings import surroundings
from models_registry.views.choices import camera_choices, set_choices, version_choices


@require_safe
@permission_required("models_registry.view_benchmark", raise_exception=True)
def compare_page(request: HttpRequest) -> HttpResponse:
    """Figures come from the REST endpoint; this gives what can be chosen."""
    try:
        clips = surroundings().clips()
    except Refused:
        clips = []
    context = {
        "choices": {
            "versions": version_choices(),
            "sets": set_choices(),
            "cameras": camera_choices(),
            "clips": clips,
        }
    }
    return render(request, "models/compare.html", context)
