"""What the targets of ``runner`` are asked, read from plain JSON with bytes among it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import load_set
from models_registry.benchmarking.loading import Stated
from models_registry.benchmarking.stills import Frame, decode_still, drawn_stills, read_still

Request = Mapping[str, Any]
Progress = Callable[[float, str], None]
MOST_STILLS = 256
MOST_THREADS = 64


def model_of(request: Request) -> tuple[Path, Stated]:
    """``model_path`` and ``contract`` (complete, partial, or null)."""
    path, contract = request.get("model_path"), request.get("contract")
    if not isinstance(path, str) or not path:
        raise invalid("model_path", "a path", path)
    if contract is not None and not isinstance(contract, dict):
        raise invalid("contract", "a JSON object or null", contract)
    return Path(path), contract


def part_of(request: Request, name: str) -> Request:
    """A JSON object within the request."""
    value = request.get(name)
    if not isinstance(value, dict):
        raise invalid(name, "a JSON object", value)
    return value


def text_of(request: Request, name: str, otherwise: str | None = None) -> str:
    """A text; without ``otherwise`` it must be there."""
    value = request.get(name, otherwise)
    if not isinstance(value, str) or (otherwise is None and not value):
        raise invalid(name, "a text", value)
    return value


def number_of(request: Request, name: str, otherwise: float, low: float, high: float) -> float:
    """A number within bounds."""
    value = request.get(name, otherwise)
    if type(value) not in (int, float) or not low <= value <= high:
        raise invalid(name, f"a number {low:g}–{high:g}", value)
    return float(value)


def count_of(request: Request, name: str, otherwise: int, low: int, high: int) -> int:
    """A whole number within bounds."""
    value = request.get(name, otherwise)
    if type(value) is not int or not low <= value <= high:
        raise invalid(name, f"a whole number {low}–{high}", value)
    return value


def counts_of(request: Request, name: str, high: int) -> tuple[int, ...]:
    """Whole numbers, each once; ``[1]`` if nothing is said."""
    values = request.get(name, [1])
    whole = isinstance(values, list) and all(type(x) is int and 1 <= x <= high for x in values)
    if not isinstance(values, list) or not whole or not values:
        raise invalid(name, f"whole numbers 1–{high}", values)
    return tuple(dict.fromkeys(values))


def words_of(request: Request, name: str) -> tuple[str, ...]:
    """A list of words; empty if nothing is said."""
    values = request.get(name, [])
    if not isinstance(values, list) or not all(isinstance(x, str) and x.strip() for x in values):
        raise invalid(name, "a list of words", values)
    return tuple(values)


def stills_of(request: Request) -> list[Frame]:
    """``stills`` (JPEG or PNG bytes), ``still_paths``, or the pictures of ``set_dir``; without any
    of them drawn ones, of which ``drawn_width_px`` and ``drawn_height_px`` state the size."""
    if given := request.get("stills"):
        if not isinstance(given, list) or not all(isinstance(x, bytes) for x in given):
            raise invalid("stills", "a list of JPEG or PNG bytes", type(given).__name__)
        return [decode_still(x, f"still {i + 1}") for i, x in enumerate(given[:MOST_STILLS])]
    paths = [Path(x) for x in words_of(request, "still_paths")]
    if folder := request.get("set_dir"):
        images = load_set(Path(folder)).images
        paths += [Path(folder) / x.file for x in images]
    if paths:
        most = count_of(request, "max_images", 32, 1, MOST_STILLS)
        chosen = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).astype(int))
        return [read_still(paths[i]) for i in chosen]
    width = count_of(request, "drawn_width_px", 1280, 16, 8192)
    height = count_of(request, "drawn_height_px", 720, 16, 8192)
    return drawn_stills(8, width, height)


def invalid(name: str, expected: str, got: object) -> MeasurementFailed:
    """The request says something impossible."""
    return MeasurementFailed(
        "request_invalid", f"{name}: expected {expected}, got {repr(got)[:120]}"
    )


def plain(value: Any) -> Any:
    """Dataclasses, tuples and arrays as JSON values; what is no number becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {x.name: plain(getattr(value, x.name)) for x in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(x) for key, x in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(float(x)) for x in value]
    if isinstance(value, list | tuple):
        return [plain(x) for x in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
