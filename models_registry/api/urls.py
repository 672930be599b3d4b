"""REST of the registry; included under ``/api/v1/``."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from models_registry.api.benchmarks import BenchmarkViewSet, ClipsView
from models_registry.api.comparison import ComparisonView, SideBySideView
from models_registry.api.compressions import CompressionViewSet, DryRunView, StepKindsView
from models_registry.api.evaluation_sets import (
    EvaluationSetViewSet,
    SetImageView,
    SetPictureView,
)
from models_registry.api.jobs import AuditView, JobViewSet
from models_registry.api.models import ModelViewSet, VersionViewSet
from models_registry.api.preview import PreviewView
from models_registry.api.uploads import UploadViewSet

router = SimpleRouter(use_regex_path=False)
router.register("models", ModelViewSet, "model")
router.register("versions", VersionViewSet, "version")
router.register("uploads", UploadViewSet, "upload")
router.register("jobs", JobViewSet, "job")
router.register("evaluation-sets", EvaluationSetViewSet, "evaluation-set")
router.register("benchmarks", BenchmarkViewSet, "benchmark")
router.register("compressions", CompressionViewSet, "compression")

urlpatterns = [
    path("versions/<int:id>/preview/", PreviewView.as_view(), name="version-preview"),
    path("evaluation-sets/<int:id>/images/<slug:key>/", SetImageView.as_view(), name="set-image"),
    path(
        "evaluation-sets/<int:id>/images/<slug:key>/picture/",
        SetPictureView.as_view(),
        name="set-picture",
    ),
    path("compressions/steps/", StepKindsView.as_view(), name="compression-steps"),
    path("compressions/dry-run/", DryRunView.as_view(), name="compression-dry-run"),
    path("clips/", ClipsView.as_view(), name="clips"),
    path("comparison/", ComparisonView.as_view(), name="comparison"),
    path("comparison/boxes/", SideBySideView.as_view(), name="comparison-boxes"),
    path("audit/", AuditView.as_view(), name="audit"),
    path("", include(router.urls)),
]
