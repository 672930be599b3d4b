"""``manage.py render_simulation URL --out DIR``: a simulated camera's clip and its exact truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sensing.simulation import RenderFailed, SimulationInvalid, parse_simulation_url, render_clip


class Command(BaseCommand):
    help = "Render a simulated camera (sim://road?… or sim://plaza?…) into a clip with its truth."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="for example sim://road?seed=3&duration=600&weather=rain")
        parser.add_argument(
            "--out", type=Path, default=Path(), metavar="DIR", help="where to write"
        )
        parser.add_argument(
            "--boxes", action="store_true", help="write every object's box on every frame too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            spec = parse_simulation_url(options["url"])
            clip = render_clip(spec, options["out"], self._show, boxes=options["boxes"])
        except (SimulationInvalid, RenderFailed, OSError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write("")
        self.stdout.write(str(clip.video_path))
        self.stdout.write(str(clip.truth_path))

    def _show(self, share: float) -> None:
        self.stderr.write(f"\rrendering {share:4.0%}", ending="")
        self.stderr.flush()
