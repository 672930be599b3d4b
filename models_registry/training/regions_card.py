"""The card of a region model: what it marks, from what it was made, and its recipe."""

from __future__ import annotations

from dataclasses import dataclass

from models_registry.training.card import recipe_lines, table
from models_registry.training.history import duration
from models_registry.training.provenance import Provenance
from models_registry.training.regions_recipe import RegionsRecipe


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """``caught``: share of the ``objects`` of 4 pixels and more that came, went or moved between
    the pictures of a pair and have a marked cell; ``vain_cells``: share of the cells without any
    that is marked all the same; ``vain_pairs``: share of the pairs with such a cell."""

    threshold: float
    pairs: int
    objects: int
    caught: float
    vain_cells: float
    vain_pairs: float

    def words(self) -> str:
        """One line."""
        return (
            f"marked above {self.threshold}: {self.caught:.2%} of {self.objects} changed objects,"
            f" {self.vain_cells:.2%} of the cells without any, in {self.vain_pairs:.0%} of pairs"
        )


def regions_card(
    recipe: RegionsRecipe,
    figures: RegionFigures,
    facts: Provenance,
    *,
    file_bytes: int,
    parameters: int,
    macs: int,
    seconds: float,
) -> str:
    """Markdown."""
    net, schedule = recipe.network, recipe.schedule
    parts = [
        f"# {recipe.name}",
        recipe.notes,
        "## What it is",
        table(
            ["", ""],
            [
                [
                    "marks",
                    "cells of 8 × 8 pixels in which something of these changed since the"
                    " reference: " + ", ".join(recipe.classes),
                ],
                ["input", f"{net.input_width} × {net.input_height} grey, now and reference"],
                ["parameters", f"{parameters:,}"],
                ["multiply-accumulates per frame", f"{macs / 1e6:.2f} M"],
                ["file", f"{file_bytes:,} bytes (fp32)"],
                ["licence", recipe.licence or "not stated"],
            ],
        ),
        "## What it marks",
        figures.words()[0].upper() + figures.words()[1:] + f", of {figures.pairs} pairs of stills"
        " of the cameras under `evaluation`, none of which taught it. The threshold was set there.",
        "## How it was made",
        table(
            ["", ""],
            [
                ["steps", f"{schedule.steps:,} of {schedule.batch} pairs"],
                ["time", duration(seconds)],
                ["machine", f"{facts.machine['processor']}"],
                ["torch", facts.torch],
                ["code", facts.commit or "not a checkout"],
                ["seed", str(recipe.seed)],
            ],
        ),
        "## Limits",
        recipe.limits or "Not stated by the recipe's author.",
        "## Recipe",
        "```\n" + recipe_lines(recipe.to_json()) + "\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
