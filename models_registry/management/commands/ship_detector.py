"""Make a finished training the detector that ships: manage.py ship_detector FOLDER."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.builtin import DETECTOR, PARENT, inspection_of
from models_registry.inspection.inspector import inspect
from models_registry.inspection.rejection import ModelRejected

ENDINGS = (".onnx", ".json", ".md")


class Command(BaseCommand):
    help = "Copies what a training by recipes/detector*.toml wrote to models_registry/builtin."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the --out of the training")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        files = [x.with_suffix(ending) for x in (PARENT, DETECTOR) for ending in ENDINGS]
        missing = [x.name for x in files if not (folder / x.name).is_file()]
        if missing:
            raise CommandError(f"{folder}: expected a finished training, missing {missing}")
        inspections = {model: _inspected(folder / model.name) for model in (PARENT, DETECTOR)}
        for model, text in inspections.items():  # all are sound: what ships is not left half new
            inspection_of(model).write_text(text)
        for file in files:
            shutil.copyfile(folder / file.name, file)
        self.stdout.write(f"{DETECTOR.name}: {DETECTOR.stat().st_size:,} bytes ship")


def _inspected(model: Path) -> str:
    contract = model.with_suffix(".json")
    try:
        found = inspect(model, stated=json.loads(contract.read_bytes())).to_json()
    except ModelRejected as error:
        raise CommandError(f"{model.name}: {error.code}: {error.message}") from error
    except ValueError as error:  # no JSON, or not in UTF-8
        raise CommandError(f"{contract.name}: expected a contract in JSON: {error}") from error
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
