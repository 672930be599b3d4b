"""How well a model file finds what a recipe's evaluation sources have labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_registry.benchmarking.accuracy import Accuracy, for_accuracy, measure
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import EvaluationSet
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.labelled import LabelledSource, as_evaluation_set

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Examination:
    """A set of labelled pictures by the name that figures are shown under."""

    name: str
    labels: EvaluationSet

    @classmethod
    def of(cls, source: LabelledSource, classes: tuple[str, ...]) -> Examination:
        """Reads each picture once. Raises ``TrainingFailed``."""
        try:
            return cls(source.name, as_evaluation_set(source, classes))
        except MeasurementFailed as error:
            raise TrainingFailed("picture_unreadable", f"{source.name}: {error.message}") from error


def examine(
    path: Path,
    examination: Examination,
    contract: ModelContract | dict[str, Any] | None = None,
    threads: int = 1,
) -> Accuracy:
    """The file as the gateway runs it, weak boxes let through. Raises ``TrainingFailed``."""
    try:
        detector = load_detector(path, contract, threads=threads, warm_up=False)
        detector = load_detector(
            path, for_accuracy(detector.contract), threads=threads, warm_up=False
        )
        return measure(detector, examination.labels, Path())
    except (ModelUnusable, MeasurementFailed) as error:
        raise TrainingFailed("model_unusable", f"{path.name}: {error}") from error
