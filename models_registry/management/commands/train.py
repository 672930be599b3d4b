"""Train a detector, or a classifier, by a recipe: manage.py train RECIPE.toml."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.errors import Refused
from models_registry.surroundings import surroundings
from models_registry.training.classifier_recipe import ClassifierRecipe, load_training
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe import Recipe

STOPPED = 130  # what a shell gives a program that Ctrl-C ended: no script takes it for done


class Command(BaseCommand):
    help = (
        "Trains a detector or classifier and writes it with contract, card and report."
        " Needs the train extra."
    )
    requires_system_checks: list[str] = []
    distil = False
    folder = "{}"  # where it writes by default, by the recipe's name

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", type=Path, help="TOML file, see docs/training.md")
        parser.add_argument("--data", type=Path, help="what its paths are relative to")
        parser.add_argument("--out", type=Path, help="default: in the data directory")
        parser.add_argument("--kept", type=Path, help="rendered pictures and answers of teachers")
        parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """What only some of the commands take."""
        parser.add_argument("--start", type=Path, help="exported file whose weights it begins with")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["recipe"]
        asked: list[int] = []
        # Once: stop after this step, with everything saved. Twice: at once.
        stop = _stop_once(asked, self._say)
        before = {x: signal.signal(x, stop) for x in (signal.SIGINT, signal.SIGTERM)}
        try:
            recipe = self.read(path)
            run = with_torch("run")
            trainings = settings.DATA_DIR / "training"
            places = run.Places(
                data=(options["data"] or path.parent).resolve(),
                out=options["out"] or trainings / self.folder.format(recipe.name),
                kept=options["kept"] or trainings / "kept",
            )
            model = self.trained(
                recipe,
                places,
                options,
                resume=options["resume"],
                render=render,
                said=self._say,
                stop=lambda: bool(asked),
            )
        except (TrainingFailed, Refused) as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except KeyboardInterrupt:
            self._say("stopped at once; what was last saved stays")
            raise SystemExit(STOPPED) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if model is None:
            raise SystemExit(STOPPED)
        self.stdout.write(str(model))

    def read(self, path: Path) -> Recipe | ClassifierRecipe:
        """Of the tasks that the command knows."""
        return load_training(path)

    def trained(self, recipe: Any, places: Any, options: dict[str, Any], **how: Any) -> Path | None:
        """The model file, ``None`` if it was stopped."""
        if isinstance(recipe, ClassifierRecipe):
            if options["start"]:
                raise TrainingFailed("recipe_invalid", "--start: expected a detector's recipe")
            del how["render"]  # a classifier learns from folders of pictures alone
            run = with_torch("classifier_run")
            told: Path | None = run.train_classifier(recipe, places, distil=self.distil, **how)
            return told
        if options["start"]:
            start = os.path.relpath(options["start"].resolve(), places.data)
            recipe = replace(recipe, network=replace(recipe.network, start=start))
        made: Path | None = with_torch("run").train(recipe, places, distil=self.distil, **how)
        return made

    def _say(self, words: str) -> None:
        self.stderr.write(words)
        self.stderr.flush()


def _stop_once(asked: list[int], say: Callable[[str], None]) -> Any:
    def stop(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        say("stopping after this step; once more stops at once")

    return stop


def render(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
    """What the gateway's own simulation shows. Raises ``Refused`` for an impossible URL."""
    for still in surroundings().simulated_stills(url, count):
        yield still.jpeg, still.boxes
