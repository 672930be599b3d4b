"""Compression as targets ``f(request, progress)`` of the sandbox: JSON and bytes in and out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.compression.recipe import Recipe, parse, run_recipe
from models_registry.compression.recipe import dry_run as expected_of
from models_registry.compression.step import Context, StepFailed

Progress = Callable[[float, str], None]
MOST_FEEDS = 512
MOST_THREADS = 64
ELEMENTS = frozenset({"float32", "float16", "float64", "uint8", "int8", "int32", "int64", "bool"})


def run(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Carries a recipe out.

    ``model`` (bytes), ``recipe``, ``calibration``: list of ``{input: {"dtype", "shape", "data"}}``
    with bytes as data, ``seed`` 0, ``threads`` 1 → ``{"steps": [{"kind", "model", "packed",
    "report"}]}``, files as bytes or null. Raises ``StepFailed`` where the request itself is wrong;
    a step that fails is reported, with what was done before it.
    """
    recipe = Recipe.from_json(request.get("recipe"))
    threads = _whole(request, "threads", 1, 1, MOST_THREADS)
    context = Context(
        calibration=_feeds(request.get("calibration", [])),
        progress=progress,
        seed=_whole(request, "seed", 0, 0, 2**32 - 1),
    )
    steps = [
        {"kind": x.kind, "model": x.model, "packed": x.packed, "report": finite(x.as_json())}
        for x in run_recipe(_model(request), recipe, context, threads=threads)
    ]
    return {"steps": steps}


def dry_run(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Predicts a recipe: ``model``, ``recipe`` → ``{"steps": [{"kind", "title", "size_bytes",
    "macs", "notes", "code", "message"}]}``. Raises ``StepFailed`` as ``run``."""
    recipe = Recipe.from_json(request.get("recipe"))
    progress(0.0, "predicting")
    rows = []
    for x in expected_of(parse(_model(request)), recipe):
        told = x.prediction
        rows.append(
            {
                "kind": x.kind,
                "title": x.title,
                "size_bytes": told.size_bytes if told else None,
                "macs": told.macs if told else None,
                "notes": list(told.notes) if told else [],
                "code": x.code,
                "message": x.message,
            }
        )
    return {"steps": rows}


def finite(value: Any) -> Any:
    """JSON has no infinities: they become null; numpy's numbers become Python's."""
    if isinstance(value, dict):
        return {str(name): finite(x) for name, x in value.items()}
    if isinstance(value, list | tuple):
        return [finite(x) for x in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _model(request: Mapping[str, Any]) -> bytes:
    model = request.get("model")
    if not isinstance(model, bytes) or not model:
        raise StepFailed("parameters_invalid", "model: expected the bytes of a file")
    return model


def _feeds(documents: object) -> list[dict[str, NDArray[Any]]]:
    if not isinstance(documents, list) or len(documents) > MOST_FEEDS:
        raise StepFailed("parameters_invalid", f"calibration: expected at most {MOST_FEEDS} inputs")
    return [_feed(x, f"calibration[{at}]") for at, x in enumerate(documents)]


def _feed(document: object, place: str) -> dict[str, NDArray[Any]]:
    if not isinstance(document, dict) or not document:
        raise StepFailed("parameters_invalid", f"{place}: expected tensors by input name")
    return {str(name): _tensor(x, f"{place}.{name}") for name, x in document.items()}


def _tensor(document: object, place: str) -> NDArray[Any]:
    try:
        assert isinstance(document, dict)
        assert document["dtype"] in ELEMENTS
        values = np.frombuffer(document["data"], np.dtype(document["dtype"]))
        return values.reshape([int(x) for x in document["shape"]])
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise StepFailed(
            "parameters_invalid", f"{place}: expected dtype, shape and data that fit each other"
        ) from error


def _whole(request: Mapping[str, Any], name: str, otherwise: int, least: int, most: int) -> int:
    value = request.get(name, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise StepFailed("parameters_invalid", f"{name}: expected {least} to {most}, got {value!r}")
    return value
