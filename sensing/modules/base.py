"""What a sensing module is, and how its parameters are declared and checked.

A module is one file: its parameters as a frozen dataclass whose fields are made with
``parameter``, and a class that turns tracks into facts. The registry in the package's
``__init__`` names the class; nothing else needs to know it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar

from sensing.domain.memory import CameraMemories
from sensing.domain.results import SensedFacts
from sensing.domain.road import CameraRoad
from sensing.domain.scene import Scene, is_number
from sensing.domain.tracking import Tracks

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CameraView:
    """What the modules of one camera share: ``memories``, with which each track is measured once;
    ``road``, None where it is not calibrated; ``longest_gap_s``: a longer time between two frames
    was not observed. Modules with one view must each be given every frame."""

    memories: CameraMemories
    road: CameraRoad | None = None
    longest_gap_s: float = 1.0


class SensingModule(Protocol):
    """A kind of sensing switched on for one camera."""

    kind: ClassVar[str]
    title: ClassVar[str]
    Parameters: ClassVar[type]
    classes: frozenset[str]

    def __init__(
        self,
        scene: Scene,
        frame_width: int,
        frame_height: int,
        parameters: Any,
        *,
        view: CameraView | None = None,
    ) -> None:
        """Without a ``view`` the module has one to itself."""

    def step(self, tracks: Tracks, time_s: float, frame_index: int) -> SensedFacts:
        """The facts of one frame."""

    def finish(self, time_s: float) -> SensedFacts:
        """The facts that were still open when the run ended at ``time_s``."""


@dataclass(frozen=True, slots=True)
class _Limits:
    minimum: float | None
    maximum: float | None
    unit: str
    choices: tuple[str, ...]
    names: str  # "lines" or "zones": a list of ids of the scene
    help: str


def parameter(
    default: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    choices: Sequence[str] = (),
    names: str = "",
    help: str = "",
) -> Any:
    """A field of a parameters dataclass: a number in a range, a switch, or a tuple of names."""
    limits = _Limits(minimum, maximum, unit, tuple(choices), names, help)
    return field(default=default, metadata={"limits": limits})


def schema_of(parameters: type) -> list[dict[str, Any]]:
    """The parameters for forms and the API: name, type, default, minimum, maximum, unit, choices,
    help.

    ``type`` is ``number``, ``boolean`` or ``list``; ``names`` says whether a list holds ids of the
    scene's lines or zones.
    """
    rows: list[dict[str, Any]] = []
    for item in fields(parameters):
        limits = _limits(item)
        rows.append(
            {
                "name": item.name,
                "type": _type_of(item.default),
                "default": list(item.default) if isinstance(item.default, tuple) else item.default,
                "minimum": limits.minimum,
                "maximum": limits.maximum,
                "unit": limits.unit,
                "choices": list(limits.choices),
                "names": limits.names,
                "help": limits.help,
            }
        )
    return rows


def read_parameters(parameters: type[T], values: Mapping[str, Any], scene: Scene) -> T:
    """Make the dataclass from a scene's document.

    Raises ``ValueError`` that names the field, what was expected and what came.
    """
    known = {item.name: item for item in fields(parameters)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}")
    checked: dict[str, Any] = {
        name: _value(known[name], value, scene) for name, value in values.items()
    }
    return parameters(**checked)


def check_parameters(parameters: Any) -> None:
    """For a dataclass's ``__post_init__``: the same refusal when it is made in code."""
    for item in fields(parameters):
        _value(item, getattr(parameters, item.name), None)


def _value(item: Field[Any], value: Any, scene: Scene | None) -> Any:
    limits = _limits(item)
    kind = _type_of(item.default)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{item.name}: expected true or false, got {value!r}")
        return value
    if kind == "list":
        return _names(item.name, value, limits, scene)
    if not is_number(value):
        raise ValueError(f"{item.name}: expected a number, got {repr(value)[:40]}")
    low = -math.inf if limits.minimum is None else limits.minimum
    high = math.inf if limits.maximum is None else limits.maximum
    if not low <= value <= high:
        unit = f" {limits.unit}" if limits.unit else ""
        raise ValueError(f"{item.name}: expected {low:g} to {high:g}{unit}, got {value!r}")
    return int(value) if isinstance(item.default, int) else float(value)


def _names(name: str, value: Any, limits: _Limits, scene: Scene | None) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name}: expected a list of texts, got {value!r}")
    allowed: Sequence[str] | None = limits.choices or None
    if limits.names and scene is not None:
        allowed = [item.id for item in getattr(scene, limits.names)]
    strange = [item for item in value if allowed is not None and item not in allowed]
    if strange:
        raise ValueError(
            f"{name}: expected some of {', '.join(allowed or ()) or 'none'}, got {strange[0]!r}"
        )
    return tuple(dict.fromkeys(value))


def _limits(item: Field[Any]) -> _Limits:
    limits: _Limits = item.metadata["limits"]
    return limits


def _type_of(default: Any) -> str:
    if isinstance(default, bool):
        return "boolean"
    return "list" if isinstance(default, tuple) else "number"


def chosen(items: Sequence[T], ids: Sequence[str]) -> list[T]:
    """The lines or zones that a module looks at: those named, or all of them when none is."""
    return [item for item in items if not ids or item.id in ids]  # type: ignore[attr-defined]
