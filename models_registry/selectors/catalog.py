"""Lineages and versions as pages and programs see them."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from models_registry.models import Alias, DetectionModel, ModelVersion


def version_list() -> QuerySet[ModelVersion]:
    """All versions with their lineage and parent, newest first within a lineage."""
    return ModelVersion.objects.select_related(
        "model", "parent__model", "created_by"
    ).prefetch_related("aliases__model")


def model_list() -> QuerySet[DetectionModel]:
    """All lineages with versions and aliases, in a fixed number of queries."""
    return DetectionModel.objects.prefetch_related(
        Prefetch("versions", version_list().order_by("-number")),
        Prefetch("aliases", Alias.objects.select_related("model", "version__model")),
    )
