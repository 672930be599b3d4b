"""The built-in motion detector, as a plan and its scene want it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from models_registry.runtime.motion import LABELS, MotionDetector, MotionParameters
from models_registry.runtime.motion_kinds import VEHICLES
from models_registry.runtime.vouching import Witness
from sensing.domain.scene import Scene
from sensing.modules import build_modules
from sensing.worker.plan import DetectorSpec

MOTION = "motion"


def build_motion(spec: DetectorSpec, scene: Scene | None = None) -> MotionDetector:
    """The motion detector of a plan without a model file.

    The scene, when given, tells it which classes its modules look at: a shape says little, so a
    camera that only counts persons should not wonder about bicycles. Raises ``ValueError`` for an
    unknown name or parameter.
    """
    if spec.name != MOTION:
        raise ValueError(f'expected "{MOTION}" or a model file, got {spec.name!r}')
    return MotionDetector(motion_parameters(spec.parameters, scene))


def witness(spec: DetectorSpec, scene: Scene | None = None) -> Witness | None:
    """Motion beside a plan's model: see ``models_registry.runtime.vouching``. ``None`` where the
    plan wants the model ``alone``, and where no module looks at vehicles: of persons motion says
    nothing, and would cost more than the model."""
    parameters = motion_parameters({}, scene)
    if spec.alone or not set(parameters.classes) & set(VEHICLES):
        return None
    return Witness(MotionDetector(parameters))


def motion_parameters(given: dict[str, Any], scene: Scene | None = None) -> MotionParameters:
    """The plan's parameters with the scene's classes where the plan names none."""
    known = {field.name for field in fields(MotionParameters)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"expected parameters among {sorted(known)}, got {unknown}")
    values = dict(given)
    if "classes" not in values and scene is not None:
        values["classes"] = scene_classes(scene)
    if "classes" in values:
        values["classes"] = tuple(values["classes"])
    return MotionParameters(**values)


def scene_classes(scene: Scene) -> tuple[str, ...]:
    """The object classes that the scene's modules look at; all of them for a scene without any."""
    wanted: set[str] = set()
    for module in build_modules(scene, 1, 1):  # which classes they look at needs no picture size
        wanted |= module.classes
    return tuple(label for label in LABELS if label in wanted) or LABELS
