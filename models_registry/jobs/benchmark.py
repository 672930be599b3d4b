"""Measures a version in a child process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.jobs.report import JobFailed, Report
from models_registry.models import Benchmark, BenchmarkKind, Job, ModelVersion
from models_registry.sandbox import Limits, call
from models_registry.storage import registry_dir, set_dir, version_path
from models_registry.surroundings import surroundings

RUNNER = "models_registry.benchmarking.runner"
# Slow models on slow gateways: an hour is the end of patience, not of the work.
LIMITS = Limits(cpu_s=4 * 3600, wall_s=3600.0)


def benchmark(job: Job, report: Report) -> dict[str, Any]:
    """The handler of its kind of job."""
    row = (
        Benchmark.objects.select_related("version__model", "other__model", "evaluation_set")
        .filter(pk=job.parameters["benchmark"])
        .first()
    )
    if row is None:
        raise JobFailed("not_found", _("What was to be measured was deleted."))
    target, request, reads = _order(row)
    if row.evaluation_set is not None:
        row.parameters["labels_key"] = row.evaluation_set.details.get("labels_key")
    registry_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=registry_dir(), prefix=".measure-") as scratch:
        row.result = call(
            target,
            request,
            limits=LIMITS,
            write_dir=Path(scratch),
            read_paths=reads,
            on_progress=report.progress,
            cancelled=report.cancelled,
        )
    row.save(update_fields=["result", "parameters"])
    return {"benchmark": row.pk, "kind": row.kind}


def _order(row: Benchmark) -> tuple[str, dict[str, Any], list[Path]]:
    """Target, request and what the child may read."""
    model, path = side(row.version), version_path(row.version.sha256)
    stated: dict[str, Any] = row.parameters
    folder = set_dir(row.evaluation_set.pk) if row.evaluation_set else None
    pictures = {"set_dir": str(folder)} if folder else {}
    reads = [path, *([folder] if folder else [])]
    if row.kind == BenchmarkKind.LATENCY:
        return f"{RUNNER}:measure_latency", {**model, **pictures, **stated}, reads
    if row.kind == BenchmarkKind.COUNTS:
        return _counts_order(row, model, path)
    if folder is None:
        raise JobFailed("not_found", _("The evaluation set was deleted."))
    if row.kind == BenchmarkKind.ACCURACY:
        return f"{RUNNER}:measure_accuracy", {**model, **pictures, **stated}, reads
    if row.other is None:
        raise JobFailed("not_found", _("The other version was deleted."))
    score = {"score_threshold": stated["score_threshold"]}
    request = {
        "first": {**model, **score},
        "second": {**side(row.other), **score},
        "still_paths": pictures_of(folder),
        "max_images": stated["max_images"],
    }
    return f"{RUNNER}:compare", request, [*reads, version_path(row.other.sha256)]


def side(version: ModelVersion) -> dict[str, Any]:
    """A version as the runner's targets take it."""
    return {"model_path": str(version_path(version.sha256)), "contract": version.contract}


def pictures_of(folder: Path) -> list[str]:
    """All pictures of a set, labelled or not."""
    return sorted(str(x) for x in (folder / "images").glob("*") if x.suffix in (".jpg", ".png"))


def _counts_order(
    row: Benchmark, model: dict[str, Any], path: Path
) -> tuple[str, dict[str, Any], list[Path]]:
    world = surroundings()
    try:
        clip = world.clip(row.parameters["clip"])
    except Refused as error:
        raise JobFailed(error.code, error.message) from error
    request = {
        **model,
        "clip": str(clip),
        "truth": row.parameters["truth"],
        "analysed_fps": row.parameters["analysed_fps"],
    }
    return world.counts_target, request, [path, clip]
