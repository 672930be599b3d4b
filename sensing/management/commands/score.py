"""``manage.py score OUT_DIR GROUND_TRUTH.json``: how well an analysis agrees with the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sensing.worker.offline_score import as_document, as_text, score_directory
from sensing.worker.offline_truth import ScoreImpossible


class Command(BaseCommand):
    help = "Event precision, recall and F1 per line, and visits per zone, of an analysis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out_dir", type=Path, help="what `analyze` wrote")
        parser.add_argument("ground_truth", type=Path, help="JSON with fps, crossings and visits")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            scores = score_directory(options["out_dir"], options["ground_truth"])
        except ScoreImpossible as problem:
            raise CommandError(str(problem), returncode=2) from problem
        if options["json"]:
            self.stdout.write(json.dumps(as_document(scores), indent=1, ensure_ascii=False))
        else:
            self.stdout.write(as_text(scores))
