"""Pictures of two kinds in one folder each, quick to tell apart, and recipes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models_registry.training.classifier_recipe import ClassifierRecipe, read_classifier_recipe

KINDS = ("lying", "standing")
SIDE = 40


def draw_kinds(root: Path, count: int = 20) -> Path:
    """``count`` pictures of stripes that lie and as many that stand, in any colour and width."""
    rng = np.random.default_rng(5)
    for kind in KINDS:
        (root / kind).mkdir(parents=True)
        for number in range(count):
            period, phase = rng.uniform(6, 12), rng.uniform(0, 6)
            waves = np.sin((np.arange(SIDE) + phase) * 2 * np.pi / period)
            stripes = np.broadcast_to(waves[:, None] if kind == "lying" else waves, (SIDE, SIDE))
            grain = rng.normal(0, 8, (SIDE, SIDE, 3))
            picture = 110 + stripes[..., None] * rng.uniform(20, 90, 3) + grain
            cv2.imwrite(
                str(root / kind / f"{number:03}.png"), picture.clip(0, 255).astype(np.uint8)
            )
    return root


def kinds_document(**schedule: Any) -> dict[str, Any]:
    return {
        "name": "kinds",
        "pictures": {"path": "kinds", "hold_out": 0.25},
        "network": {"input_width": 64, "input_height": 64, "stem": "bands", "width": 0.5},
        "augmentation": {"night": 0.0, "fog": 0.0, "blur": 0.0},
        "schedule": {
            "steps": 150,
            "batch": 16,
            "rate": 0.005,
            "warm_up_steps": 5,
            "average": 0.9,
            "precision": "float32",
            "evaluate_every": 1000,
            "threads": 1,
            **schedule,
        },
    }


def kinds_recipe(**parts: Any) -> ClassifierRecipe:
    """With whole tables replaced."""
    return read_classifier_recipe({**kinds_document(), **parts})
