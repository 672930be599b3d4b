"""Pages of evaluation sets: all of them, and one with its box editor."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry.api.set_serializers import SetSerializer
from models_registry.models import EvaluationSet
from models_registry.views.choices import camera_choices, version_choices


@require_safe
@permission_required("models_registry.view_evaluationset", raise_exception=True)
def evaluation_sets_page(request: HttpRequest) -> HttpResponse:
    """All sets, and three ways to a new one."""
    context = {
        "sets": SetSerializer(EvaluationSet.objects.all(), many=True).data,
        "versions": version_choices(),
        "cameras": camera_choices(),
    }
    return render(request, "models/evaluation_sets.html", context)


@require_safe
@permission_required("models_registry.view_evaluationset", raise_exception=True)
def evaluation_set_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One set, picture by picture."""
    row = get_object_or_404(EvaluationSet, pk=pk)
    context = {"set": row, "document": SetSerializer(row).data}
    return render(request, "models/evaluation_set.html", context)
