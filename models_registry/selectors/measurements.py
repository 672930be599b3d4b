"""What was last measured of versions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models_registry.benchmarking.classes import VEHICLES
from models_registry.models import Benchmark, BenchmarkKind, EvaluationSet

MEAN = "mean"
ANY_VEHICLE = "any vehicle"


@dataclass(frozen=True, slots=True)
class LatencyFigures:
    """Milliseconds per frame, camera frame to boxes, and what they were measured on."""

    p50_ms: float
    p95_ms: float | None
    p99_ms: float | None
    inference_p50_ms: float | None
    cpu_ms: float | None
    peak_bytes: int | None
    threads: int
    processor: str
    load_1min: float | None
    cores: int | None
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class AccuracyFigures:
    """AP of one class, 0–1. ``low`` and ``high``: where 90 % of sets like this would have AP50."""

    ap50: float | None
    low: float | None
    high: float | None
    ap50_95: float | None
    objects: int | None
    images: int
    measured_at: datetime


def latest_latency(versions: Collection[int], threads: int) -> dict[int, LatencyFigures]:
    """By version: the newest that was measured with so many threads."""
    found: dict[int, LatencyFigures] = {}
    for row in _measured(versions, BenchmarkKind.LATENCY):
        run = next((x for x in row.result.get("runs", []) if x.get("threads") == threads), None)
        if row.version_id in found or run is None:
            continue
        machine = row.result.get("machine", {})
        found[row.version_id] = LatencyFigures(
            p50_ms=run["end_to_end"]["p50_ms"],
            p95_ms=run["end_to_end"]["p95_ms"],
            p99_ms=run["end_to_end"].get("p99_ms"),
            inference_p50_ms=run["inference"].get("p50_ms"),
            cpu_ms=run.get("cpu_ms_per_frame"),
            peak_bytes=row.result.get("memory", {}).get("model_peak_bytes"),
            threads=threads,
            processor=str(machine.get("processor", "")),
            load_1min=machine.get("load_1min"),
            cores=machine.get("cores_usable"),
            measured_at=row.created_at,
        )
    return found


def measured_threads() -> list[int]:
    """All thread counts that some version was timed with."""
    runs = [
        run.get("threads")
        for row in Benchmark.objects.filter(kind=BenchmarkKind.LATENCY).exclude(result=None)
        for run in (row.result or {}).get("runs", [])
    ]
    return sorted({x for x in runs if isinstance(x, int)})


def latest_accuracy(
    versions: Collection[int], evaluation_set: EvaluationSet, class_name: str
) -> dict[int, AccuracyFigures]:
    """By version: the newest on all pictures of this set as it is now.

    One that took a part of the set, or was made before its labels changed, is another measurement.
    """
    found: dict[int, AccuracyFigures] = {}
    details = evaluation_set.details
    for row in _measured(versions, BenchmarkKind.ACCURACY).filter(evaluation_set=evaluation_set):
        whole = row.result.get("images") == details.get("done")
        same = row.parameters.get("labels_key") == details.get("labels_key")
        if row.version_id not in found and whole and same:
            found[row.version_id] = accuracy_of(row.result, class_name, row.created_at)
    return found


def accuracy_of(result: dict[str, Any], class_name: str, at: datetime) -> AccuracyFigures:
    """One class of an accuracy benchmark; ``MEAN`` over all, ``ANY_VEHICLE`` taken as one."""
    images = int(result.get("images", 0))
    if class_name == MEAN:
        return AccuracyFigures(
            result.get("mean_ap50"), None, None, result.get("mean_ap50_95"), None, images, at
        )
    figures = (
        result.get("any_vehicle")
        if class_name == ANY_VEHICLE
        else result.get("classes", {}).get(class_name)
    ) or {}
    return AccuracyFigures(
        figures.get("ap50"),
        figures.get("ap50_low"),
        figures.get("ap50_high"),
        figures.get("ap50_95"),
        figures.get("objects"),
        images,
        at,
    )


def measured_classes(evaluation_set: EvaluationSet) -> list[str]:
    """What accuracy on this set can be asked for: the mean, vehicles as one, each class."""
    vehicles = set(VEHICLES) & set(evaluation_set.classes)
    return [MEAN, *([ANY_VEHICLE] if len(vehicles) > 1 else []), *evaluation_set.classes]


def _measured(versions: Collection[int], kind: BenchmarkKind) -> Any:
    return (
        Benchmark.objects.filter(version__in=versions, kind=kind)
        .exclude(result=None)
        .order_by("-created_at", "-pk")
    )
