"""Where a training reads and writes, made ready before anything long begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from models_registry.training.checkpoint import load_begun
from models_registry.training.errors import TrainingFailed
from models_registry.training.recipe import ScheduleRecipe


@dataclass(frozen=True, slots=True)
class Places:
    """``data``: what the recipe's paths are relative to. ``out``: model, card, report, checkpoint.
    ``kept``: rendered pictures and the teacher's answers, worth keeping from run to run."""

    data: Path
    out: Path
    kept: Path


def set_up(
    schedule: ScheduleRecipe, places: Places, target: Path | None = None, *, resume: bool = False
) -> None:
    """Device, threads and folders; ``target``: the file that is to be made.

    Raises ``TrainingFailed``: ``output_exists`` where a checkpoint lies that nobody asked to go on
    from, or a file of that name without one; ``output_unusable`` where nothing can be written.
    """
    if schedule.device == "cuda" and not torch.cuda.is_available():
        raise TrainingFailed(
            "recipe_invalid", "schedule.device: expected a CUDA device, found none"
        )
    if schedule.threads:
        torch.set_num_threads(schedule.threads)
    _try("--out", places.out)
    _try("--kept", places.kept)
    begun = load_begun(places.out, resume=resume) if target else None
    if target is not None and begun is None and target.exists():
        raise TrainingFailed(
            "output_exists",
            f"{target}: expected a folder without that file, which would be overwritten",
        )


def check_apart(target: Path, *read: Path) -> None:
    """Raises ``TrainingFailed`` (``output_exists``) where ``target`` is one of the files read."""
    if target.resolve() in [x.resolve() for x in read]:
        raise TrainingFailed("output_exists", f"{target}: expected another folder to write to")


def _try(option: str, folder: Path) -> None:
    """Better now than when the first hours are to be saved."""
    probe = folder / f".writable.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise TrainingFailed(
            "output_unusable",
            f"{option} {folder}: expected a folder to write to, got: {error.strerror}",
        ) from error
