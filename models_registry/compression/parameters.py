"""The parameters of a step: their bounds, their words for a form, and the check at birth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models_registry.compression.step import StepFailed

TYPE_NAMES: dict[type, str] = {int: "integer", float: "number", bool: "boolean", str: "choice"}

ARTICLES = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a step; bounds are inclusive. ``choices`` for text, ``optional`` allows null."""

    name: str
    type: type
    default: Any
    min: float | None = None
    max: float | None = None
    help: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False

    def as_json(self) -> dict[str, Any]:
        """What a form needs."""
        return {
            "name": self.name,
            "type": TYPE_NAMES[self.type],
            "default": self.default,
            "min": self.min,
            "max": self.max,
            "help": self.help,
            "choices": list(self.choices),
            "optional": self.optional,
        }


def check(step: Any) -> None:
    """A step's fields against its parameters. Raises ``StepFailed`` (``parameters_invalid``)."""
    for parameter in step.parameters:
        fault = _fault(parameter, getattr(step, parameter.name))
        if fault:
            raise StepFailed("parameters_invalid", f"{step.kind}.{parameter.name}: {fault}")


def fields(step: Any) -> Sequence[dict[str, Any]]:
    """A step class's parameters as JSON."""
    return [x.as_json() for x in step.parameters]


def _fault(parameter: Parameter, given: object) -> str:
    value: Any = given
    if value is None and parameter.optional:
        return ""
    # A bool is an int to Python, but "true" is no number of channels.
    fits = isinstance(value, (int, float) if parameter.type is float else parameter.type)
    if not fits or (isinstance(value, bool) and parameter.type is not bool):
        return f"expected {ARTICLES[parameter.type]}, got {value!r}"
    if parameter.choices and value not in parameter.choices:
        return f"expected one of {', '.join(parameter.choices)}, got {value!r}"
    # Written so that NaN is refused as well.
    if parameter.min is not None and not value >= parameter.min:
        return f"expected at least {parameter.min:g}, got {value!r}"
    if parameter.max is not None and not value <= parameter.max:
        return f"expected at most {parameter.max:g}, got {value!r}"
    return ""
