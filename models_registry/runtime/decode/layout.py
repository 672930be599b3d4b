"""What every output layout offers: telling itself from the others, and reading boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import FloatArray, IntArray

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes above the contract's threshold: (N, 4) ``xyxy`` in pixels of the model's canvas."""

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray


@dataclass(frozen=True, slots=True)
class Probe:
    """What a dry run on a grey picture showed: concrete shapes and values, in declared order."""

    names: tuple[str, ...]
    outputs: tuple[NDArray[Any], ...]
    width: int
    height: int
    extra_inputs: tuple[str, ...] = ()
    pixel_range: float | None = None  # 255 or 1: what the first weights were made for, if they tell

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the outputs."""
        return [x.shape for x in self.outputs]

    def only(self) -> NDArray[Any] | None:
        """The output, if there is just one, or only raw maps of five axes (YOLOv5) beside it."""
        rest = self.outputs[1:]
        return self.outputs[0] if self.outputs and all(x.ndim == 5 for x in rest) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A layout's word that a model is its own.

    ``certainty`` 0–1; ``classes``: how many class scores there are, ``None`` when the outputs do
    not tell; ``fields``: the contract fields that are usual for this layout or were read off;
    ``unsure``: those among them that a person should confirm.
    """

    certainty: float
    classes: int | None
    reason: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()


Decoder = Callable[[Arrays], Boxes]


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """One row of the registry. ``build`` is called once, when a model is loaded, with the outputs
    of a dry run; it raises ``LayoutMismatch`` when they do not fit. Frames only meet its result.
    """

    name: str
    title: str
    suppresses: bool  # whether overlapping boxes are still to be suppressed
    recognise: Callable[[Probe], Claim | None]
    build: Callable[[ModelContract, Probe], Decoder]


class LayoutMismatch(ValueError):
    """Outputs do not have the shapes that a layout needs; says what was expected and got."""


def expect(holds: bool, expected: str, got: object) -> None:
    """Raises ``LayoutMismatch`` unless ``holds``."""
    if not holds:
        raise LayoutMismatch(f"expected {expected}, got {got}")


def corners(centre_x: Any, centre_y: Any, width: Any, height: Any) -> FloatArray:
    """Centres and sizes (N,) → (N, 4) corners."""
    half_width, half_height = width * np.float32(0.5), height * np.float32(0.5)
    xyxy = np.empty((len(centre_x), 4), np.float32)
    xyxy[:, 0] = centre_x - half_width
    xyxy[:, 1] = centre_y - half_height
    xyxy[:, 2] = centre_x + half_width
    xyxy[:, 3] = centre_y + half_height
    return xyxy
