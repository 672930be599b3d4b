"""The weights that a training began with, mixed into those that it ends with.

A short training on other pictures forgets some of what the net knew. Halfway between both lies
one that knows most of both, at no cost to whoever runs it (Wortsman et al. 2022).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models_registry.training.start import PREFIX, constants_of, put_constants, unusable


def blend(path: Path, start: Path, share: float) -> None:
    """Rewrites ``path``, an exported net: of each of its weights ``share`` (0–1) is that of the
    same name in ``start``. Raises ``TrainingFailed`` (``start_unusable``) for another network."""
    begun, mixed = constants_of(start), {}
    for name, own in constants_of(path).items():
        if not name.startswith(PREFIX):
            continue  # places of cells and other things that nobody learnt
        other = begun.get(name)
        if other is None or other.shape != own.shape:
            got = "nothing of that name" if other is None else str(other.shape)
            raise unusable(start.name, f"{name} {own.shape}", got)
        mixed[name] = ((1 - share) * own + share * other).astype(np.float32)
    put_constants(path, mixed)
