"""A recording with known crossings, and cameras that watch it with models built in code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensing.worker.messages import Facts
from sensing.worker.plan import CameraPlan, DetectorSpec, SourceSpec
from tests.cameras import write_clip
from tests.models_registry.runtime.finder_models import CONTRACT, save_finder

FPS = 15.0
PASSAGES = 2
SCENE = {
    "lines": [{"name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}],
    "modules": [{"kind": "vehicle_traffic"}],
}


def write_passages(path: Path, passages: int = PASSAGES) -> Path:
    """A light box passes from left to right every 3 s, and goes all the way out each time."""
    return write_clip(path, frames=45 * passages, fps=FPS)


def spec(folder: Path, fault: str = "", *, version: int = 1, **more: Any) -> DetectorSpec:
    """A finder model of the fault as a plan names it; ``class_id`` and ``rounds`` are the model's,
    the rest the spec's."""
    made = {name: more.pop(name) for name in ("class_id", "rounds") if name in more}
    path = save_finder(folder, fault, **made)
    return DetectorSpec(path.stem, str(path), CONTRACT, version=version, **more)


def camera(clip: Path, detector: DetectorSpec, *, loop: bool = False, **more: Any) -> CameraPlan:
    source = SourceSpec("file", str(clip), loop)
    return CameraPlan(5, "Street", source, SCENE, detector, analysed_fps=FPS, **more)


def with_detector(plan: CameraPlan, detector: DetectorSpec) -> CameraPlan:
    return replace(plan, detector=detector)


def counted(said: list[object]) -> Counter[tuple[str, str, str]]:
    """Crossings by line, direction and class."""
    return Counter(
        (crossing.line_id, crossing.direction, crossing.object_class)
        for message in said
        if isinstance(message, Facts)
        for crossing in message.crossings
    )


def counts_by_run(said: list[object]) -> list[Counter[tuple[str, str, str]]]:
    """The same for each pass of the recording, but the last, which was cut."""
    runs: dict[str, list[object]] = {}
    for message in said:
        if isinstance(message, Facts):
            runs.setdefault(message.run_id, []).append(message)
    return [counted(messages) for messages in runs.values()][:-1]


TRUTH = Counter({("road", "backward", "car"): PASSAGES})
"""Of each pass."""
