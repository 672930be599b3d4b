"""Versions side by side: size, latency, accuracy, and which are worth a look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from models_registry.benchmarking.pareto import Candidate, best_trade_off, pareto_front
from models_registry.models import EvaluationSet, ModelVersion
from models_registry.selectors.catalog import version_list
from models_registry.selectors.measurements import (
    AccuracyFigures,
    LatencyFigures,
    latest_accuracy,
    latest_latency,
)

COSTS = ("latency_ms", "size_bytes")


@dataclass(frozen=True, slots=True)
class Compared:
    """One version with what is known of it."""

    version: ModelVersion
    latency: LatencyFigures | None
    accuracy: AccuracyFigures | None
    on_front: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """``front``: none is better in every figure. ``line``: the same by latency alone, as drawn.

    ``best`` is a reference and its reason in words, or None where nothing can be compared.
    """

    rows: tuple[Compared, ...]
    front: tuple[str, ...]
    line: tuple[str, ...]
    best: tuple[str, str] | None
    not_compared: tuple[str, ...]
    processors: tuple[str, ...]


def compare(
    *,
    evaluation_set: EvaluationSet | None,
    class_name: str,
    threads: int = 1,
    models: Collection[str] = (),
) -> Comparison:
    """All versions with a contract, of some lineages if they are named."""
    versions = version_list().exclude(contract=None).order_by("model__name", "number")
    if models:
        versions = versions.filter(model__name__in=models)
    rows = list(versions)
    keys = [x.pk for x in rows]
    latency = latest_latency(keys, threads)
    accuracy = latest_accuracy(keys, evaluation_set, class_name) if evaluation_set else {}
    candidates = [
        _candidate(version, latency.get(version.pk), accuracy.get(version.pk)) for version in rows
    ]
    front = {x.name for x in pareto_front(candidates, COSTS)}
    best = best_trade_off(candidates, COSTS)
    return Comparison(
        rows=tuple(
            Compared(x, latency.get(x.pk), accuracy.get(x.pk), x.reference in front) for x in rows
        ),
        front=best.front if best else (),
        line=tuple(x.name for x in pareto_front(candidates)),
        best=(best.best, best.words) if best else None,
        not_compared=tuple(x.name for x in candidates if not x.has(COSTS)),
        processors=tuple(sorted({x.processor for x in latency.values()})),
    )


def row_document(row: Compared) -> dict[str, Any]:
    """A row for programs and for the page; null where nothing was measured."""
    version = row.version
    return {
        "version": version.pk,
        "reference": version.reference,
        "parent": version.parent.reference if version.parent else None,
        "origin": version.origin,
        "size_bytes": version.size_bytes,
        "macs": version.inspection.get("macs"),
        "parameters": version.inspection.get("parameters"),
        "latency": asdict(row.latency) if row.latency else None,
        "accuracy": asdict(row.accuracy) if row.accuracy else None,
        "on_front": row.on_front,
    }


def _candidate(
    version: ModelVersion, latency: LatencyFigures | None, accuracy: AccuracyFigures | None
) -> Candidate:
    return Candidate(
        version.reference,
        accuracy.ap50 if accuracy else None,
        latency.p50_ms if latency else None,
        version.size_bytes,
    )
