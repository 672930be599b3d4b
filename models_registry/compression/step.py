"""What one step of a compression recipe is given, what it predicts and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

Feeds = Mapping[str, NDArray[Any]]


class StepFailed(ValueError):
    """A step cannot be done on this graph; ``code`` is for programs, the message for people.

    Codes: ``parameters_invalid``, ``nothing_to_do``, ``needs_calibration``, ``graph_unsupported``,
    ``result_broken``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[StepFailed], tuple[str, str]]:
        """Pickling keeps the code: the error crosses from a child process to its parent."""
        return StepFailed, (self.code, self.message)


def no_progress(share: float, words: str) -> None:
    """For callers who do not watch."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may use besides the graph.

    ``calibration``: model inputs by name as the detector would feed them, from stills of the
    cameras that will use the model. ``progress`` takes a share 0–1 and words. ``seed``
    makes every random choice repeatable.
    """

    calibration: Sequence[Feeds] = ()
    progress: Callable[[float, str], None] = no_progress
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a dry run expects without touching a weight; ``macs`` None where it cannot be known."""

    size_bytes: int
    macs: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a step did or refused to do, for the report: ``subject`` is a node's name."""

    subject: str
    action: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The graph after a step. ``packed`` is the transport file of a packing step.

    ``figures`` are further numbers for the report by name (plain JSON values).
    """

    model: onnx.ModelProto
    changes: tuple[Change, ...] = ()
    packed: bytes | None = None
    figures: dict[str, Any] = field(default_factory=dict)


class Step(Protocol):
    """A frozen dataclass whose fields are the step's parameters (checked at construction,
    ``StepFailed("parameters_invalid", …)``). ``uses_stills``: it may look at calibration stills."""

    kind: ClassVar[str]
    title: ClassVar[str]
    uses_stills: ClassVar[bool]

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """Size and MACs to be expected. Raises ``StepFailed``."""
        ...

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """The changed copy; the given model stays as it is. Raises ``StepFailed``."""
        ...


def seeded(context: Context) -> np.random.Generator:
    """The random numbers of a step."""
    return np.random.default_rng(context.seed)
