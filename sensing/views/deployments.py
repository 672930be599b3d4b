"""What is in service, on trial and in the shadow."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from models_registry.models import ModelVersion
from sensing.api.deployment_documents import in_service_answer
from sensing.modules import MODULES
from sensing.selectors.in_service import in_service


@require_safe
@permission_required("sensing.view_deployment", raise_exception=True)
def deployments_page(request: HttpRequest) -> HttpResponse:
    versions = ModelVersion.objects.select_related("model").exclude(contract=None)
    context = {
        "in_service": in_service_answer(*in_service()),
        "versions": [{"id": v.pk, "reference": v.reference, "labels": v.labels} for v in versions],
        "modules": {module.kind: str(module.title) for module in MODULES},
        "may": {
            "deploy": request.user.has_perm("sensing.add_deployment"),
            "roll_back": request.user.has_perm("sensing.change_deployment"),
            "shadow": request.user.has_perm("sensing.add_shadowrun"),
        },
    }
    return render(request, "deployments.html", context)
