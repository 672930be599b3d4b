"""Pages of lineages, versions, jobs and the audit trail."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from models_registry.api.serializers import (
    JobSerializer,
    UploadSerializer,
    VersionDetailSerializer,
)
from models_registry.models import AuditEntry, Job, ModelVersion, Upload, UploadState
from models_registry.selectors.catalog import model_list, version_list

JOBS_SHOWN = 60
ACTS_PER_PAGE = 50


@require_safe
@permission_required("models_registry.view_detectionmodel", raise_exception=True)
def models_page(request: HttpRequest) -> HttpResponse:
    """All lineages, and the way in for a new file."""
    uploads = Upload.objects.select_related("version__model").exclude(state=UploadState.ACCEPTED)
    context = {
        "models": model_list(),
        "uploads": UploadSerializer(uploads[:8], many=True).data
        if request.user.has_perm("models_registry.add_upload")
        else [],
    }
    return render(request, "models/list.html", context)


@require_safe
@permission_required("models_registry.view_modelversion", raise_exception=True)
def version_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What is known of one version, and what can be done with it."""
    version = get_object_or_404(version_list(), pk=pk)
    context = {
        "version": version,
        "document": VersionDetailSerializer(version).data,
        "children": ModelVersion.objects.filter(parent=version).select_related("model"),
        "weights": sorted(
            version.inspection.get("weight_bytes_by_type", {}).items(), key=lambda x: -x[1]
        ),
        "operators": sorted(
            version.inspection.get("operators", {}).items(), key=lambda x: (-x[1], x[0])
        ),
    }
    return render(request, "models/version.html", context)


@require_safe
@permission_required("models_registry.view_job", raise_exception=True)
def jobs_page(request: HttpRequest) -> HttpResponse:
    """Work that waits, runs and ran."""
    jobs = Job.objects.select_related("created_by")[:JOBS_SHOWN]
    return render(request, "models/jobs.html", {"jobs": JobSerializer(jobs, many=True).data})


@require_safe
@permission_required("models_registry.view_auditentry", raise_exception=True)
def audit_page(request: HttpRequest) -> HttpResponse:
    """Who did what to models."""
    pages = Paginator(AuditEntry.objects.all(), ACTS_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    return render(request, "models/audit.html", {"acts": page})
