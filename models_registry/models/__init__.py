"""Rows of the model registry."""

from __future__ import annotations

from models_registry.models.audit import AuditEntry
from models_registry.models.catalog import Alias, DetectionModel, ModelVersion, OriginChoice
from models_registry.models.jobs import OPEN_STATES, Job, JobKind, JobState
from models_registry.models.measurements import (
    Benchmark,
    BenchmarkKind,
    CompressionRun,
    EvaluationSet,
    SetOrigin,
)
from models_registry.models.uploads import Upload, UploadState

__all__ = [
    "OPEN_STATES",
    "Alias",
    "AuditEntry",
    "Benchmark",
    "BenchmarkKind",
    "CompressionRun",
    "DetectionModel",
    "EvaluationSet",
    "Job",
    "JobKind",
    "JobState",
    "ModelVersion",
    "OriginChoice",
    "SetOrigin",
    "Upload",
    "UploadState",
]
