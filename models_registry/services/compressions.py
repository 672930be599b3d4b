"""Ordering compressions of versions, and predicting them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import CompressionRun, EvaluationSet, JobKind, ModelVersion
from models_registry.sandbox import ChildFailed, Limits, call
from models_registry.services.actor import Actor
from models_registry.services.audit import record
from models_registry.services.jobs import job_create
from models_registry.storage import version_path
from models_registry.surroundings import surroundings

DRY_RUN_LIMITS = Limits(cpu_s=120, wall_s=90)
FIELDS_LIMITS = Limits(cpu_s=60, wall_s=60)
MOST_STILLS = 128
# What the steps themselves say is checked where they live, in the sandbox.
NEEDS_STILLS = ("int8",)


@cache
def step_kinds() -> tuple[dict[str, Any], ...]:
    """Every kind of step with its parameters. Asked of a child once: the libraries that know them
    are large, and no other request needs them in this process."""
    found: list[dict[str, Any]] = call(
        "models_registry.compression.on_stills:fields", None, limits=FIELDS_LIMITS
    )
    return tuple(found)


def compression_predict(*, version: ModelVersion, recipe: Any) -> list[dict[str, Any]]:
    """What each step is expected to give, without touching a weight. Raises ``Refused``."""
    path = version_path(version.sha256)
    if not path.is_file():
        raise Refused("file_missing", _("The version's file is gone."))
    try:
        answer = call(
            "models_registry.compression.jobs:dry_run",
            {"model": path.read_bytes(), "recipe": recipe},
            limits=DRY_RUN_LIMITS,
        )
    except ChildFailed as error:
        raise Refused(error.code, error.message, "recipe") from error
    steps: list[dict[str, Any]] = answer["steps"]
    return steps


def compression_start(
    *,
    version: ModelVersion,
    by: Actor,
    recipe: Any,
    calibration_set: EvaluationSet | None = None,
    cameras: Sequence[int] = (),
    stills: int = 32,
    evaluation_set: EvaluationSet | None = None,
    max_images: int | None = None,
) -> CompressionRun:
    """Carry a recipe out; each step becomes a child version. Raises ``Refused``.

    Calibration pictures come from a set or from cameras; ``evaluation_set`` is what parent and
    children are measured on, on ``max_images`` of its pictures.
    """
    if version.contract is None:
        raise Refused("no_contract", _("Choose the contract of this version first."), "version")
    if not 1 <= stills <= MOST_STILLS:
        raise Refused(
            "stills", _("Expected 1 to %(most)d stills.") % {"most": MOST_STILLS}, "stills"
        )
    if max_images is not None and max_images < 1:
        raise Refused("max_images", _("Expected at least one picture."), "max_images")
    _check_calibration(calibration_set, cameras)
    if evaluation_set is not None and not evaluation_set.ready:
        raise Refused("not_ready", _("This set has no picture that is done yet."), "evaluation_set")
    compression_predict(version=version, recipe=recipe)
    if calibration_set is None and not cameras and _kinds(recipe) & set(NEEDS_STILLS):
        raise Refused(
            "needs_calibration",
            _("Quantizing needs stills: choose an evaluation set or cameras for calibration."),
            "calibration_set",
        )
    with transaction.atomic():
        job = job_create(
            by=by,
            kind=JobKind.COMPRESS,
            title=_("Compress %(version)s") % {"version": version.reference},
            parameters={},
        )
        run = CompressionRun.objects.create(parent=version, recipe=recipe, job=job)
        job.parameters = {
            "run": run.pk,
            "calibration_set": calibration_set.pk if calibration_set else None,
            "cameras": list(cameras),
            "stills": stills,
            "evaluation_set": evaluation_set.pk if evaluation_set else None,
            "max_images": max_images,
        }
        job.save(update_fields=["parameters"])
        record(
            by=by,
            action="compression_started",
            subject=version.reference,
            detail=" → ".join(x["kind"] for x in recipe["steps"]),
        )
    return run


def compression_delete(*, run: CompressionRun, by: Actor) -> None:
    """Forget a run's reports; its versions stay. Raises ``Conflict`` while its job is not over."""
    if run.job is not None and run.job.open:
        raise Conflict("in_use", _("Cancel its job first."))
    with transaction.atomic():
        record(by=by, action="compression_deleted", subject=str(run))
        run.delete()


def _kinds(recipe: Any) -> set[str]:
    return {x["kind"] for x in recipe["steps"]}


def _check_calibration(calibration_set: EvaluationSet | None, cameras: Sequence[int]) -> None:
    if calibration_set is not None and cameras:
        raise Refused(
            "calibration",
            _("Choose an evaluation set or cameras for calibration, not both."),
            "cameras",
        )
    if calibration_set is not None and not calibration_set.images:
        raise Refused("not_ready", _("This set has no pictures yet."), "calibration_set")
    known = {x.pk: x for x in surroundings().cameras()} if cameras else {}
    for camera in cameras:
        if camera not in known:
            raise Refused("cameras", _("Choose cameras of this gateway."), "cameras")
        if known[camera].refusal or known[camera].must_blur:
            raise Refused(
                "private",
                _("%(name)s gives no clear pictures, for privacy.") % {"name": known[camera].name},
                "cameras",
            )
