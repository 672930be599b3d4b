"""Pages of the model registry, below ``/models/``."""

from __future__ import annotations

from django.urls import path

from models_registry.views import catalog, compare, compress, evaluation_sets

urlpatterns = [
    path("", catalog.models_page, name="model_list"),
    path("versions/<int:pk>/", catalog.version_page, name="model_version"),
    path("versions/<int:pk>/compress/", compress.compress_page, name="model_compress"),
    path("compare/", compare.compare_page, name="model_compare"),
    path("evaluation-sets/", evaluation_sets.evaluation_sets_page, name="evaluation_sets"),
    path("evaluation-sets/<int:pk>/", evaluation_sets.evaluation_set_page, name="evaluation_set"),
    path("jobs/", catalog.jobs_page, name="job_list"),
    path("audit/", catalog.audit_page, name="audit"),
]
