"""The only place where rows become a worker's plan, credentials included."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any, cast

from sensing.directories import clips_dir, models_dir
from sensing.models import Camera, SensingModule
from sensing.sources import filled
from sensing.worker.plan import (
    CameraPlan,
    DetectorSpec,
    PicturePolicy,
    SourceKind,
    SourceSpec,
    WorkerPlan,
)

logger = logging.getLogger(__name__)

MOTION = "motion"


def worker_plan() -> WorkerPlan:
    """All cameras that should run now."""
    cameras = (
        Camera.objects.filter(paused=False)
        .select_related("scene")
        .prefetch_related("modules")
        .order_by("pk")
    )
    return WorkerPlan(
        cameras=tuple(camera_plan(camera) for camera in cameras), clips_dir=str(clips_dir())
    )


def camera_plan(camera: Camera) -> CameraPlan:
    """One camera's work; equal for equal rows."""
    return CameraPlan(
        camera_id=camera.pk,
        name=camera.name,
        source=camera_source(camera),
        scene=camera.scene.document(),
        detector=detector_spec(camera.detector),
        analysed_fps=camera.analysed_fps,
        pictures=cast(PicturePolicy, camera.pictures),
    )


def camera_source(camera: Camera) -> SourceSpec:
    """How to open a stored camera."""
    return filled(
        SourceSpec(
            kind=cast(SourceKind, camera.kind),
            location=camera.url,
            loop=camera.loop,
            username=camera.username,
            password=camera.password,
        )
    )


def detector_names() -> list[str]:
    """The names that a camera's ``detector`` may have, the built-in one first."""
    folder = models_dir()
    files = sorted(path.stem for path in folder.glob("*.onnx")) if folder.is_dir() else []
    return [MOTION, *(name for name in files if name != MOTION)]


def detector_spec(name: str) -> DetectorSpec:
    """The detector of this name. A file that has gone is named all the same: its worker says so."""
    if name == MOTION:
        return DetectorSpec(name=MOTION)
    path = models_dir() / f"{name}.onnx"
    return DetectorSpec(name=name, model_path=str(path), contract=_contract(name))


def _contract(name: str) -> dict[str, Any] | None:
    path = models_dir() / f"{name}.json"
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("contract %s cannot be read: %s", path, error)
        return None
    return document if isinstance(document, dict) else None


def plan_fingerprint() -> str:
    """Differs whenever ``worker_plan`` may differ; two queries, nothing is decrypted."""
    # The stored ciphertext is new with each save, so it is left out: ``updated_at`` stands for it.
    cameras = Camera.objects.order_by("pk").values_list(
        "pk", "updated_at", "paused", "scene__revision"
    )
    modules = SensingModule.objects.order_by("pk").values_list(
        "pk", "camera_id", "kind", "enabled", "parameters"
    )
    return hashlib.sha256(repr((list(cameras), list(modules))).encode()).hexdigest()
