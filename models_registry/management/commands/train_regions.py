"""Train the region model of selective attention: manage.py train_regions RECIPE.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.errors import Refused
from models_registry.management.commands.train import render
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch


class Command(BaseCommand):
    help = "Trains a region model and writes it with its card. Needs the train extra."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", type=Path, help="TOML file, see docs/lightweight.md")
        parser.add_argument("--data", type=Path, help="what its paths are relative to")
        parser.add_argument("--out", type=Path, help="default: in the data directory")
        parser.add_argument("--kept", type=Path, help="rendered pictures and answers of teachers")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["recipe"]
        try:
            recipe = with_torch("regions_recipe").load_regions_recipe(path)
            regions = with_torch("regions")
            trainings = settings.DATA_DIR / "training"
            places = with_torch("run").Places(
                data=options["data"] or path.parent,
                kept=options["kept"] or trainings / "kept",
                out=options["out"] or trainings / recipe.name,
            )
            model = regions.train_regions(recipe, places, render, self._say)
        except (TrainingFailed, Refused) as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        self.stdout.write(str(model))

    def _say(self, words: str) -> None:
        self.stderr.write(words)
        self.stderr.flush()
