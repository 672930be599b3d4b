"""What a classifier's file is, how it was made, and how far to trust it: its model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models_registry.training.card import plain, recipe_lines, table
from models_registry.training.classifier_recipe import ClassifierRecipe
from models_registry.training.history import duration
from models_registry.training.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Examined:
    """A finished file: ``learnt`` and ``held_out`` pictures, ``accuracy`` by weather."""

    classes: tuple[str, ...]
    learnt: int
    held_out: int
    accuracy: Mapping[str, float]
    file_bytes: int
    parameters: int
    macs: int
    seconds: float


def classifier_card(recipe: ClassifierRecipe, made: Examined, origin: Provenance) -> str:
    """Markdown."""
    network, schedule = recipe.network, recipe.schedule
    what = {
        "tells apart": ", ".join(made.classes),
        "input": f"{network.input_width} × {network.input_height} pixels, RGB",
        "parameters": f"{made.parameters:,}",
        "multiply-accumulates": f"{made.macs / 1e6:.1f} M",
        "file": f"{made.file_bytes:,} bytes (fp32)",
        "licence": recipe.licence or "not stated",
    }
    making = {
        "pictures": f"{made.learnt:,} learnt from, {made.held_out:,} held out: the last"
        f" {recipe.pictures.hold_out:.0%} of each class by file name",
        "steps": f"{schedule.steps:,} of {schedule.batch} pictures",
        "time": duration(made.seconds),
        "machine": f"{origin.machine['processor']}, {origin.machine['cores_usable']} cores",
        "torch": origin.torch,
        "code": origin.commit or "not a checkout",
        "seed": str(recipe.seed),
    }
    parts = [
        f"# {plain(recipe.name)}",
        recipe.notes,
        "## What it is",
        table(["", ""], [list(x) for x in what.items()]),
        "## How often it is right",
        table(["weather", "accuracy"], [[x, f"{y:.1%}"] for x, y in made.accuracy.items()]),
        "Of the pictures held out. All weather but clean is generated (docs/training.md).",
        "## How it was made",
        table(["", ""], [list(x) for x in making.items()]),
        "## Limits",
        recipe.limits or "Not stated by the recipe's author.",
        "## Recipe",
        "```\n" + recipe_lines(recipe.to_json()) + "\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
