"""Train a detector by a recipe: manage.py train RECIPE.toml."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.errors import Refused
from models_registry.surroundings import surroundings
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe_file import load_recipe

STOPPED = 130  # what a shell gives a program that Ctrl-C ended: no script takes it for done


class Command(BaseCommand):
    help = "Trains a detector and writes it with contract, card and report. Needs the train extra."
    requires_system_checks: list[str] = []
    distil = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", type=Path, help="TOML file, see docs/training.md")
        parser.add_argument("--data", type=Path, help="what its paths are relative to")
        parser.add_argument("--out", type=Path, help="default: in the data directory")
        parser.add_argument("--kept", type=Path, help="rendered pictures and answers of teachers")
        parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["recipe"]
        asked: list[int] = []
        # Once: stop after this step, with everything saved. Twice: at once.
        before = {x: signal.signal(x, _stop_once(asked)) for x in (signal.SIGINT, signal.SIGTERM)}
        try:
            recipe = load_recipe(path)
            run = with_torch("run")
            trainings = settings.DATA_DIR / "training"
            places = run.Places(
                data=options["data"] or path.parent,
                out=options["out"] or trainings / recipe.name,
                kept=options["kept"] or trainings / "kept",
            )
            model = run.train(
                recipe,
                places,
                distil=self.distil,
                resume=options["resume"],
                render=render,
                said=self._say,
                stop=lambda: bool(asked),
            )
        except (TrainingFailed, Refused) as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if model is None:
            raise SystemExit(STOPPED)
        self.stdout.write(str(model))

    def _say(self, words: str) -> None:
        self.stderr.write(words)
        self.stderr.flush()


def _stop_once(asked: list[int]) -> Any:
    def stop(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    return stop


def render(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
    """What the gateway's own simulation shows. Raises ``Refused`` for an impossible URL."""
    for still in surroundings().simulated_stills(url, count):
        yield still.jpeg, still.boxes
