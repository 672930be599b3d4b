"""What a training has shown so far: the numbers behind its curves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from models_registry.benchmarking.accuracy import Accuracy


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Means over the steps since the last entry."""

    step: int
    loss: float
    class_loss: float
    box_loss: float
    cells_per_picture: float
    rate: float
    pictures_per_s: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The averaged weights after ``step`` on one evaluation source."""

    step: int
    source: str
    pictures: int
    mean_ap50: float | None
    any_vehicle_ap50: float | None
    ap50: dict[str, float | None]

    @classmethod
    def of(cls, step: int, source: str, accuracy: Accuracy) -> Evaluated:
        """The figures that are drawn as curves."""
        vehicle = accuracy.any_vehicle
        return cls(
            step=step,
            source=source,
            pictures=accuracy.images,
            mean_ap50=accuracy.mean_ap50,
            any_vehicle_ap50=vehicle.ap50 if vehicle else None,
            ap50={name: x.ap50 for name, x in accuracy.classes.items()},
        )

    def words(self) -> str:
        """One line."""
        classes = ", ".join(f"{name} {shown(value)}" for name, value in self.ap50.items())
        return (
            f"{self.source}: AP50 {shown(self.mean_ap50)},"
            f" any vehicle {shown(self.any_vehicle_ap50)} ({classes})"
        )


def shown(value: float | None) -> str:
    """As .123, or a dash."""
    return "–" if value is None else f"{value:.3f}".removeprefix("0")


def duration(seconds: float) -> str:
    """In the unit in which it has two or three figures."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 0.1 else "less than 0.1 s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.2f} h"


@dataclass(slots=True)
class History:
    """Grows while a training goes on; kept in its checkpoints. ``seconds`` of work, all runs."""

    steps: list[StepFigures] = field(default_factory=list)
    evaluations: list[Evaluated] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``from_json`` takes them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> History:
        """What ``to_json`` gave."""
        return cls(
            [StepFigures(**x) for x in document["steps"]],
            [Evaluated(**x) for x in document["evaluations"]],
            document["seconds"],
        )

    def score_at(self, step: int) -> float | None:
        """Mean over the evaluation sources of their mean AP50 after ``step``."""
        found = [x.mean_ap50 for x in self.evaluations if x.step == step]
        known = [x for x in found if x is not None]
        return sum(known) / len(known) if known else None
