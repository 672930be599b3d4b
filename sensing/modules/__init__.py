"""The kinds of sensing an operator can switch on. A new kind is one file, its test, and a word
here."""

from __future__ import annotations

from typing import Any

from sensing.domain.memory import CameraMemories
from sensing.domain.scene import Scene, SceneInvalid
from sensing.modules.base import CameraView, SensingModule, read_parameters, schema_of
from sensing.modules.person_count import PersonCount
from sensing.modules.vehicle_traffic import VehicleTraffic

__all__ = [
    "MODULES",
    "MODULE_KINDS",
    "CameraView",
    "SensingModule",
    "build_modules",
    "check_modules",
    "parameter_schema",
]

MODULES: tuple[type[SensingModule], ...] = (VehicleTraffic, PersonCount)
_BY_KIND = {module.kind: module for module in MODULES}
MODULE_KINDS: frozenset[str] = frozenset(_BY_KIND)


def build_modules(
    scene: Scene, frame_width: int, frame_height: int, view: CameraView | None = None
) -> list[SensingModule]:
    """The modules that a scene switches on, for frames of this size in px. They share a ``view``,
    so all of them must be given every frame.

    Raises ``SceneInvalid`` for an unknown kind, a kind named twice, or bad parameters.
    """
    view = view or CameraView(CameraMemories(scene.anchor))
    return [
        kind(scene, frame_width, frame_height, parameters, view=view)
        for kind, parameters in _settings(scene)
    ]


def check_modules(scene: Scene) -> None:
    """Raises ``SceneInvalid`` when ``build_modules`` would."""
    _settings(scene)


def parameter_schema(kind: str) -> list[dict[str, Any]]:
    """The parameters of a kind, for forms and the API: see ``base.schema_of``. ``KeyError`` if
    unknown."""
    return schema_of(_BY_KIND[kind].Parameters)


def _settings(scene: Scene) -> list[tuple[type[SensingModule], Any]]:
    problems: list[tuple[str, str]] = []
    settings: list[tuple[type[SensingModule], Any]] = []
    seen: set[str] = set()
    for i, setting in enumerate(scene.modules):
        kind = _BY_KIND.get(setting.kind)
        where = f"modules[{i}]"
        if kind is None:
            known = ", ".join(sorted(MODULE_KINDS))
            problems.append((f"{where}.kind", f"expected one of {known}, got {setting.kind!r}"))
        elif setting.kind in seen:
            problems.append(
                (f"{where}.kind", f"expected each kind once, got {setting.kind!r} twice")
            )
        else:
            seen.add(setting.kind)
            try:
                settings.append((kind, read_parameters(kind.Parameters, setting.parameters, scene)))
            except ValueError as refusal:
                problems.append((f"{where}.parameters", str(refusal)))
    if problems:
        raise SceneInvalid(problems)
    return settings
