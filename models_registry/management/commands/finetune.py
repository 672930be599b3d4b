"""Train a finished detector further: manage.py finetune MODEL.onnx RECIPE.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from models_registry.management.commands.train import Command as Train
from models_registry.training.extra import with_torch
from models_registry.training.fields import invalid
from models_registry.training.recipe import FinetuneRecipe, Recipe
from models_registry.training.recipe_file import load_recipe


class Command(Train):
    help = (
        "Trains a finished detector file further by a recipe's data and [finetune]: also one that"
        " was pruned, factorised or quantized to int8."
    )
    folder = "{}-further"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", type=Path, help="ONNX file; its contract lies beside it")
        super().add_arguments(parser)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """See ``Train``."""
        parser.add_argument("--parent", type=Path, help="file whose outputs it is to keep to")
        parser.add_argument("--steps", type=int, help="instead of those of [finetune]")

    def read(self, path: Path) -> Recipe:
        """See ``Train``."""
        return load_recipe(path)

    def trained(
        self, recipe: Recipe, places: Any, options: dict[str, Any], **how: Any
    ) -> Path | None:
        """See ``Train``."""
        if options["steps"] is not None:
            if options["steps"] < 1:
                raise invalid("--steps", "1 or more", options["steps"])
            further = recipe.finetune or FinetuneRecipe()
            recipe = replace(recipe, finetune=replace(further, steps=options["steps"]))
        made: Path | None = with_torch("finetune").finetune(
            options["model"], recipe, places, parent=options["parent"], **how
        )
        return made
