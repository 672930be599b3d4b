"""A training's whole state in one file, replaced in one go."""

from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from models_registry.training.errors import TrainingFailed

FILE = "checkpoint.pt"
PARTS = ("step", "recipe", "net", "average", "optimiser", "history")
MAY_CHANGE = (
    *("evaluate_every", "save_every", "threads", "workers", "memory_mb", "device"),
    *("start_share", "adjust", "quantize", "notes", "limits", "licence"),
)
Parts = tuple[nn.Module, nn.Module, Optimizer]
"""Net, averaged net and optimiser."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``step``: how many are done; ``net``, ``average``, ``optimiser``: their state dicts."""

    step: int
    recipe: dict[str, Any]
    net: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]
    history: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """A reader sees the old one or the new one, never half of it, even when the power fails."""
    waiting = folder / f".{FILE}.{os.getpid()}"
    with waiting.open("wb") as file:
        torch.save({name: getattr(checkpoint, name) for name in PARTS}, file)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(folder / FILE)


def load(folder: Path) -> Checkpoint | None:
    """``None`` where there is none yet. Raises ``TrainingFailed`` (``checkpoint_invalid``)."""
    path = folder / FILE
    if not path.is_file():
        return None
    if not zipfile.is_zipfile(path):
        raise TrainingFailed(
            "checkpoint_invalid", f"{path}: expected a checkpoint, got other bytes"
        )
    try:
        # weights_only: a checkpoint from elsewhere must not be able to run code.
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingFailed("checkpoint_invalid", f"{path}: {error}"[:300]) from error
    if not isinstance(document, dict) or set(document) != set(PARTS):
        raise TrainingFailed("checkpoint_invalid", f"{path}: expected the parts {list(PARTS)}")
    return Checkpoint(**document)


def load_begun(folder: Path, *, resume: bool) -> Checkpoint | None:
    """As ``load``, and refused (``output_exists``) where nobody asked to go on."""
    found = load(folder)
    if found and not resume:
        raise TrainingFailed(
            "output_exists",
            f"{folder}: expected an empty folder, or --resume to go on after step {found.step}",
        )
    return found


def state_of(
    step: int, recipe: dict[str, Any], history: dict[str, Any], parts: Parts
) -> Checkpoint:
    """What ``restore`` puts back."""
    net, average, optimiser = (x.state_dict() for x in parts)
    return Checkpoint(step, recipe, net, average, optimiser, history)


def restore(found: Checkpoint, folder: Path, recipe: dict[str, Any], parts: Parts) -> None:
    """Raises ``TrainingFailed`` (``checkpoint_invalid``), naming what changed in the recipe."""
    changed = differences(found.recipe, recipe)
    if changed:
        raise TrainingFailed(
            "checkpoint_invalid",
            f"{folder}: expected the recipe that it was begun with, changed: {changed}",
        )
    for part, state in zip(parts, (found.net, found.average, found.optimiser), strict=True):
        part.load_state_dict(state)


def differences(old: dict[str, Any], new: dict[str, Any], place: str = "") -> list[str]:
    """Fields that would make the rest of the training another one."""
    found = []
    for name in sorted({*old, *new}):
        before, after = _plain(old.get(name)), _plain(new.get(name))
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{place}{name}.")
        elif before != after and name not in MAY_CHANGE:
            found.append(f"{place}{name}")
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
