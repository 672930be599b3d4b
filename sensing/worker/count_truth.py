"""What an annotated clip says should be counted, checked before anything runs on it."""

from __future__ import annotations

from typing import Any

from sensing.domain.scene import Scene, SceneInvalid, parse_scene
from sensing.modules import MODULE_KINDS, check_modules

MAX_EVENTS = 20_000


class CountsImpossible(Exception):
    """``truth_invalid`` or ``clip_unusable``; the message says what was expected and came."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def truth_scene(truth: Any) -> Scene:
    """The lines and zones that a ground-truth document draws. Raises ``CountsImpossible``."""
    try:
        scene = parse_scene(truth, MODULE_KINDS)
        check_modules(scene)
    except SceneInvalid as problem:
        raise CountsImpossible("truth_invalid", f"ground truth: {problem}") from problem
    if not scene.lines and not scene.zones:
        raise CountsImpossible("truth_invalid", "ground truth: expected lines or zones, got none")
    for name in ("crossings", "visits"):
        entries = truth.get(name, [])
        if not isinstance(entries, list) or len(entries) > MAX_EVENTS:
            raise CountsImpossible(
                "truth_invalid", f"ground truth, {name}: expected a list of at most {MAX_EVENTS}"
            )
    return scene
