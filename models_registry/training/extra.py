"""The modules of this package that need torch, loaded when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any

from models_registry.training.errors import TrainingFailed


def with_torch(name: str) -> Any:
    """The module ``models_registry.training.<name>``. Raises ``TrainingFailed``."""
    try:
        return importlib.import_module(f"models_registry.training.{name}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TrainingFailed(
            "torch_missing",
            "expected PyTorch, which is not installed: install the train extra"
            " (pip install '.[train]')",
        ) from error
