"""A training's whole state in one file, replaced in one go."""

from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models_registry.training.errors import TrainingFailed

FILE = "checkpoint.pt"
PARTS = ("step", "recipe", "net", "average", "optimiser", "history")


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
