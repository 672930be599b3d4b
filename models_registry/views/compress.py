"""The page that composes a recipe for a version, predicts it and carries it out."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry.api.compressions import CompressionSerializer
from models_registry.models import CompressionRun
from models_registry.selectors.catalog import version_list
from models_registry.views.choices import camera_choices, set_choices

RUNS_SHOWN = 10


@require_safe
@permission_required("models_registry.view_compressionrun", raise_exception=True)
def compress_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Steps are asked for over REST: what knows them is large and starts in a child process."""
    version = get_object_or_404(version_list(), pk=pk)
    runs = CompressionRun.objects.filter(parent=version).select_related(
        "parent__model", "job__created_by"
    )
    context = {
        "version": version,
        "document": {
            "id": version.pk,
            "reference": version.reference,
            "size_bytes": version.size_bytes,
            "macs": version.inspection.get("macs"),
        },
        "choices": {"sets": set_choices(), "cameras": camera_choices()},
        "runs": CompressionSerializer(runs[:RUNS_SHOWN], many=True).data,
    }
    return render(request, "models/compress.html", context)
