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
        try:
            for model in (PARENT, DETECTOR):
                contract = json.loads((folder / model.name).with_suffix(".json").read_text())
                found = inspect(folder / model.name, stated=contract).to_json()
                text = json.dumps(found, indent=1, sort_keys=True)
                inspection_of(model).write_text(f"{text}\n")
        except ModelRejected as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        for file in files:
            shutil.copyfile(folder / file.name, file)
        self.stdout.write(f"{DETECTOR.name}: {DETECTOR.stat().st_size:,} bytes ship")
