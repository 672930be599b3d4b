"""Ordering measurements of versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import Benchmark, BenchmarkKind, EvaluationSet, JobKind, ModelVersion
from models_registry.services.actor import Actor
from models_registry.services.audit import record
from models_registry.services.jobs import job_create
from models_registry.surroundings import surroundings

MAX_THREADS, MAX_BATCH, MOST_RUNS = 64, 64, 16
SECONDS = (1.0, 300.0)
MAX_COMPARED = 256


def latency_start(
    *,
    version: ModelVersion,
    by: Actor,
    threads: Sequence[int] = (1,),
    batch_sizes: Sequence[int] = (1,),
    seconds: float = 20.0,
    evaluation_set: EvaluationSet | None = None,
) -> Benchmark:
    """Time a version on the pictures of a set, or on drawn ones. Raises ``Refused``."""
    for field, values, most in (
        ("threads", threads, MAX_THREADS),
        ("batch_sizes", batch_sizes, MAX_BATCH),
    ):
        if not 1 <= len(values) <= MOST_RUNS or not all(1 <= x <= most for x in values):
            raise Refused(field, _("Expected numbers from 1 to %(most)d.") % {"most": most}, field)
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise Refused(
            "seconds",
            _("Expected %(low)d to %(high)d seconds per thread count.")
            % {"low": SECONDS[0], "high": SECONDS[1]},
            "seconds",
        )
    parameters = {"threads": list(threads), "batch_sizes": list(batch_sizes), "seconds": seconds}
    if evaluation_set is not None:
        _check_set(evaluation_set)
    return _start(by, version, BenchmarkKind.LATENCY, parameters, evaluation_set=evaluation_set)


def accuracy_start(
    *,
    version: ModelVersion,
    by: Actor,
    evaluation_set: EvaluationSet,
    max_images: int | None = None,
) -> Benchmark:
    """AP50 and AP50:95 per class on a set. Raises ``Refused``."""
    _check_set(evaluation_set)
    if max_images is not None and max_images < 1:
        raise Refused("max_images", _("Expected at least one picture."), "max_images")
    return _start(
        by,
        version,
        BenchmarkKind.ACCURACY,
        {"max_images": max_images},
        evaluation_set=evaluation_set,
    )


def agreement_start(
    *,
    version: ModelVersion,
    by: Actor,
    other: ModelVersion,
    evaluation_set: EvaluationSet,
    score_threshold: float = 0.3,
    max_images: int = 64,
) -> Benchmark:
    """Whether two versions say the same of the same pictures. Raises ``Refused``."""
    _check_version(other)
    if other.pk == version.pk:
        raise Refused("same", _("Choose two versions that differ."), "other")
    # Pictures are enough: labels are not looked at, so a set that is still being made will do.
    if not evaluation_set.images:
        raise Refused("not_ready", _("This set has no pictures yet."), "evaluation_set")
    if not 1 <= max_images <= MAX_COMPARED:
        raise Refused(
            "max_images",
            _("Expected 1 to %(most)d pictures.") % {"most": MAX_COMPARED},
            "max_images",
        )
    parameters = {"score_threshold": score_threshold, "max_images": max_images}
    return _start(
        by,
        version,
        BenchmarkKind.AGREEMENT,
        parameters,
        evaluation_set=evaluation_set,
        other=other,
    )


def counts_start(
    *,
    version: ModelVersion,
    by: Actor,
    clip: str,
    truth: Any,
    analysed_fps: float | None = None,
) -> Benchmark:
    """Crossings and visits on an annotated clip against its ground truth. Raises ``Refused``."""
    world = surroundings()
    world.clip(clip)
    world.check_truth(truth)
    if analysed_fps is not None and not 0.1 <= analysed_fps <= 100.0:
        raise Refused("analysed_fps", _("Expected 0.1 to 100 frames per second."), "analysed_fps")
    parameters = {"clip": clip, "truth": truth, "analysed_fps": analysed_fps}
    return _start(by, version, BenchmarkKind.COUNTS, parameters)


def benchmark_delete(*, benchmark: Benchmark, by: Actor) -> None:
    """Forget a measurement. Raises ``Conflict`` while its job is not over."""
    if benchmark.job is not None and benchmark.job.open:
        raise Conflict("in_use", _("Cancel its job first."))
    with transaction.atomic():
        record(by=by, action="benchmark_deleted", subject=str(benchmark))
        benchmark.delete()


def _start(
    by: Actor,
    version: ModelVersion,
    kind: BenchmarkKind,
    parameters: dict[str, Any],
    *,
    evaluation_set: EvaluationSet | None = None,
    other: ModelVersion | None = None,
) -> Benchmark:
    _check_version(version)
    with transaction.atomic():
        job = job_create(
            by=by,
            kind=JobKind.BENCHMARK,
            title=_title(kind, version, other, evaluation_set),
            parameters={},
        )
        benchmark = Benchmark.objects.create(
            version=version,
            kind=kind,
            parameters=parameters,
            evaluation_set=evaluation_set,
            other=other,
            job=job,
        )
        job.parameters = {"benchmark": benchmark.pk}
        job.save(update_fields=["parameters"])
        record(by=by, action="benchmark_started", subject=version.reference, detail=kind)
    return benchmark


def _title(
    kind: BenchmarkKind,
    version: ModelVersion,
    other: ModelVersion | None,
    evaluation_set: EvaluationSet | None,
) -> str:
    words = {
        BenchmarkKind.LATENCY: _("Latency of %(version)s"),
        BenchmarkKind.ACCURACY: _("Accuracy of %(version)s on %(set)s"),
        BenchmarkKind.AGREEMENT: _("Agreement of %(version)s and %(other)s"),
        BenchmarkKind.COUNTS: _("Counts of %(version)s"),
    }
    return words[kind] % {
        "version": version.reference,
        "other": other.reference if other else "",
        "set": evaluation_set.name if evaluation_set else "",
    }


def _check_version(version: ModelVersion) -> None:
    if version.contract is None:
        raise Refused(
            "no_contract",
            _("Choose the contract of %(version)s first.") % {"version": version.reference},
            "version",
        )


def _check_set(evaluation_set: EvaluationSet) -> None:
    if not evaluation_set.ready:
        raise Refused(
            "not_ready",
            _("“%(name)s” has no picture that is done yet.") % {"name": evaluation_set.name},
            "evaluation_set",
        )
