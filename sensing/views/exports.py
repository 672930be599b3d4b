"""The export page; files and schedules come from the REST endpoints."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from sensing.api.export_documents import catalogue
from sensing.models import Camera, EveryChoice, ExportFormatChoice


@require_safe
@permission_required("sensing.view_crossing", raise_exception=True)
def export_page(request: HttpRequest) -> HttpResponse:
    context = {
        "catalogue": {
            "whats": catalogue(),
            "formats": {choice.value: str(choice.label) for choice in ExportFormatChoice},
        },
        "cameras": Camera.objects.only("pk", "name"),
        "every": EveryChoice.choices,
        "headings": _headings(),
        "may": {
            "add": request.user.has_perm("sensing.add_scheduledexport"),
            "change": request.user.has_perm("sensing.change_scheduledexport"),
            "delete": request.user.has_perm("sensing.delete_scheduledexport"),
        },
    }
    return render(request, "export.html", context)


def _headings() -> list[tuple[int, str]]:
    """FHWA codes of directions of travel."""
    words = (
        _("north"),
        _("north-east"),
        _("east"),
        _("south-east"),
        _("south"),
        _("south-west"),
        _("west"),
        _("north-west"),
    )
    return list(enumerate(words, 1))
