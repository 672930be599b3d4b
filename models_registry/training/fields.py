"""Tables of a recipe into dataclasses: every name known, every value of its type and in range."""

from __future__ import annotations

import math
import reprlib
import types
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from models_registry.training.errors import TrainingFailed

T = TypeVar("T")
NO_LIMITS: dict[str, tuple[float, float]] = {}
NO_CHOICES: dict[str, tuple[str, ...]] = {}


def invalid(place: str, expected: str, got: object) -> TrainingFailed:
    """What a recipe should have said at ``place``; ``got`` None: it said nothing there."""
    words = "none" if got is None else reprlib.repr(got)[:200]
    return TrainingFailed("recipe_invalid", f"{place}: expected {expected}, got {words}")


def read_table(kind: type[T], table: object, place: str) -> T:
    """``kind`` (a dataclass) from a TOML table. Raises ``TrainingFailed`` (``recipe_invalid``).

    ``kind.LIMITS`` bounds numbers from below and above, ``kind.CHOICES`` lists the words allowed. A
    list may be empty only where that, or nothing, is its default.
    """
    if not isinstance(table, dict):
        raise invalid(place, "a table", table)
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise invalid(place, f"fields among {sorted(known)}", unknown)
    required = {
        name
        for name, field in known.items()
        if field.default is MISSING and field.default_factory is MISSING
    }
    if missing := sorted(required - set(table)):
        raise invalid(place, f"the fields {sorted(required)}", f"none of {missing}")
    read = {name: _value(hints[name], value, f"{place}.{name}") for name, value in table.items()}
    limits, choices = getattr(kind, "LIMITS", NO_LIMITS), getattr(kind, "CHOICES", NO_CHOICES)
    for name, value in read.items():
        if value == () and known[name].default not in (MISSING, None, ()):
            raise invalid(f"{place}.{name}", "at least one value", table[name])
        low, high = limits.get(name, (-math.inf, math.inf))
        numbers = value if isinstance(value, tuple) else (value,)
        if name in limits and any(x is not None and not low <= x <= high for x in numbers):
            raise invalid(f"{place}.{name}", f"{low:g} to {high:g}", table[name])
        if name in choices and value not in choices[name]:
            raise invalid(f"{place}.{name}", f"one of {list(choices[name])}", value)
    return kind(**read)


def _value(hint: Any, value: object, place: str) -> Any:
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # only "X | None" occurs
        return _value(next(x for x in inside if x is not type(None)), value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise invalid(place, "a list", value)
        if inside[-1] is not Ellipsis and len(value) != len(inside):
            raise invalid(place, f"{len(inside)} values", value)
        return tuple(_value(inside[0], x, f"{place}[{i}]") for i, x in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise invalid(place, "a table", value)
        return {name: _value(inside[1], x, f"{place}.{name}") for name, x in value.items()}
    if hint is float and type(value) in (int, float) and math.isfinite(value):  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    if hint in (int, str, bool) and type(value) is hint:
        return value
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    raise invalid(place, words[hint], value)
