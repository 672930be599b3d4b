"""A recipe on a version's file with stills as calibration, as targets of the sandbox.

Files travel in the child's writable folder: a chain of children may be larger than one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models_registry.benchmarking.loading import load
from models_registry.benchmarking.stills import read_still
from models_registry.compression.jobs import finite
from models_registry.compression.recipe import Recipe, parameters_of, run_recipe, step_fields
from models_registry.compression.report import StepReport
from models_registry.compression.step import Context, Feeds, StepFailed

Progress = Callable[[float, str], None]
MOST_STILLS = 128


def compress(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """``model_path``, ``contract``, ``recipe``, ``still_paths``, ``folder``, ``threads`` 1 →
    ``{"steps": [{"report", "model", "packed"}]}``, the last two names of files in ``folder`` or
    null. Raises ``StepFailed``; a step that fails is reported, with what was done before it."""
    cv2.setNumThreads(1)
    recipe = Recipe.from_json(request["recipe"])
    path, folder = Path(request["model_path"]), Path(request["folder"])
    feeds = calibration(path, request["contract"], request["still_paths"])
    context = Context(feeds, lambda share, words: progress(0.02 + 0.98 * share, words))
    steps: list[dict[str, Any]] = []
    try:
        for step in run_recipe(
            path.read_bytes(), recipe, context, threads=int(request.get("threads", 1))
        ):
            names = _written(folder, len(steps), {"model": step.model, "packed": step.packed})
            steps.append({"report": finite(step.as_json()), **names})
    except StepFailed:
        raise
    except Exception as error:  # noqa: BLE001 - a step's defect must not cost what was done before
        broken = recipe.steps[min(len(steps), len(recipe.steps) - 1)]
        size = _last_size(steps, path)
        message = f"{type(error).__name__}: {error}"
        report = StepReport(
            broken.kind, broken.title, parameters_of(broken), "failed", size, "defect", message
        )
        steps.append({"report": finite(report.as_json()), "model": None, "packed": None})
    return {"steps": steps}


def _written(
    folder: Path, number: int, contents: Mapping[str, bytes | None]
) -> dict[str, str | None]:
    names: dict[str, str | None] = {}
    for kind, content in contents.items():
        names[kind] = None if content is None else f"{number}.{kind}"
        if content is not None:
            (folder / f"{number}.{kind}").write_bytes(content)
    return names


def _last_size(steps: Sequence[Mapping[str, Any]], path: Path) -> int:
    sizes = [x["report"]["size_bytes"] for x in steps if x["report"]["size_bytes"]]
    return int(sizes[-1]) if sizes else path.stat().st_size


def fields(request: Mapping[str, Any], progress: Progress) -> list[dict[str, Any]]:
    """Every kind of step with its parameters, for forms."""
    return step_fields()


def calibration(path: Path, contract: dict[str, Any], stills: Sequence[str]) -> list[Feeds]:
    """What the detector would feed its model on these stills. Raises ``StepFailed``."""
    if len(stills) > MOST_STILLS:
        raise StepFailed(
            "parameters_invalid", f"expected at most {MOST_STILLS} stills, got {len(stills)}"
        )
    if not stills:
        return []
    loaded = load(path, contract)
    return [
        {name: np.array(value) for name, value in loaded.prepare(read_still(Path(x))).items()}
        for x in stills
    ]
