"""Train a small detector on what a large one sees: manage.py distill RECIPE.toml."""

from __future__ import annotations

from models_registry.management.commands.train import Command as Train


class Command(Train):
    help = "As train, the recipe's teacher (any ONNX detector) softening the labels' targets too."
    distil = True
