"""Measures a chain of versions the same way, so that their figures can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from models_registry.jobs.benchmark import RUNNER, side
from models_registry.jobs.report import Report
from models_registry.models import Benchmark, BenchmarkKind, EvaluationSet, Job, ModelVersion
from models_registry.sandbox import Limits, call
from models_registry.selectors.measurements import latest_latency
from models_registry.storage import set_dir, version_path

LIMITS = Limits(cpu_s=4 * 3600, wall_s=2 * 3600.0)
LATENCY_S = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """The accuracy of one version on the chosen set; None without a set."""

    accuracy: dict[str, Any] | None
    set_name: str = ""

    def change_from(self, before: Measured) -> dict[str, Any] | None:
        """Mean AP50 and that of each class, before and after, in 0–1; changes in points."""
        if self.accuracy is None or before.accuracy is None:
            return None
        old, new = before.accuracy, self.accuracy
        classes = {
            name: _change(old["classes"].get(name, {}).get("ap50"), figures.get("ap50"))
            for name, figures in new["classes"].items()
        }
        return {
            **_change(old["mean_ap50"], new["mean_ap50"]),
            "set": self.set_name,
            "images": new["images"],
            "classes": classes,
        }


class Measuring:
    """One job's way of measuring: the same set, the same pictures."""

    def __init__(self, job: Job, report: Report, start: float, *, steps: int) -> None:
        self._report, self._start, self._steps = report, start, steps
        self._done = 0
        self._set = EvaluationSet.objects.filter(pk=job.parameters["evaluation_set"]).first()
        self._max_images: int | None = job.parameters["max_images"]

    def of(self, version: ModelVersion) -> Measured:
        """Accuracy and latency, kept as benchmarks so that the compare page has them too."""
        width = (1.0 - self._start) / self._steps
        start = self._start + width * min(self._done, self._steps - 1)
        self._done += 1
        if not latest_latency([version.pk], 1):
            self._latency(version, start, start + 0.2 * width)
        if self._set is None:
            return Measured(None)
        accuracy = self._accuracy(version, self._set, start + 0.2 * width, start + width)
        return Measured(accuracy, self._set.name)

    def _latency(self, version: ModelVersion, start: float, end: float) -> None:
        parameters = {"threads": [1], "batch_sizes": [1], "seconds": LATENCY_S}
        result = self._call("measure_latency", version, parameters, start, end)
        Benchmark.objects.create(
            version=version, kind=BenchmarkKind.LATENCY, parameters=parameters, result=result
        )

    def _accuracy(
        self, version: ModelVersion, evaluation_set: EvaluationSet, start: float, end: float
    ) -> dict[str, Any]:
        key = evaluation_set.details.get("labels_key")
        parameters = {"max_images": self._max_images, "labels_key": key}
        known = (
            Benchmark.objects.filter(
                version=version,
                kind=BenchmarkKind.ACCURACY,
                evaluation_set=evaluation_set,
                parameters=parameters,
            )
            .exclude(result=None)
            .first()
        )
        if known is not None and known.result is not None:
            return dict(known.result)
        folder = set_dir(evaluation_set.pk)
        request = {"set_dir": str(folder), "max_images": self._max_images}
        result = self._call("measure_accuracy", version, request, start, end)
        Benchmark.objects.create(
            version=version,
            kind=BenchmarkKind.ACCURACY,
            parameters=parameters,
            evaluation_set=evaluation_set,
            result=result,
        )
        return result

    def _call(
        self, what: str, version: ModelVersion, request: dict[str, Any], start: float, end: float
    ) -> dict[str, Any]:
        part = self._report.part(start, end)
        name = _("measuring %(version)s") % {"version": version.reference}
        folders = [set_dir(self._set.pk)] if self._set else []
        result: dict[str, Any] = call(
            f"{RUNNER}:{what}",
            {**side(version), **request},
            limits=LIMITS,
            read_paths=[version_path(version.sha256), *folders],
            on_progress=lambda share, words: part(share, f"{name}: {words}"),
            cancelled=self._report.cancelled,
        )
        return result


def _change(before: float | None, after: float | None) -> dict[str, Any]:
    points = None if before is None or after is None else round(100 * (after - before), 2)
    return {"before": before, "after": after, "points": points}
