"""Making evaluation sets: waiting for a zip, of a simulated camera, of the site's cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from models_registry.benchmarking.classes import class_name
from models_registry.errors import Conflict, Refused
from models_registry.models import (
    OPEN_STATES,
    EvaluationSet,
    Job,
    JobKind,
    ModelVersion,
    SetOrigin,
)
from models_registry.services.actor import Actor, user_id
from models_registry.services.audit import record
from models_registry.services.jobs import job_create
from models_registry.storage import CHUNK_BYTES, free_bytes, registry_dir
from models_registry.surroundings import surroundings

MAX_ARCHIVE_BYTES = 2 * 1024**3
KEEP_FREE_BYTES = 512 * 1024**2
MAX_STILLS = 2000
MAX_SIMULATED_STILLS = 500
MAX_PERIOD_S = 7 * 86_400
MAX_CLASSES = 200


def archive_path(set_id: int) -> Path:
    """The zip of a set on its way in."""
    return registry_dir() / "incoming" / f"set-{set_id}.zip"


def set_create_upload(*, by: Actor, name: str, wishes: dict[str, Any]) -> EvaluationSet:
    """A set whose zip comes next (``set_receive``). Raises ``Refused``."""
    return _create(by, name, SetOrigin.UPLOADED, {"wishes": wishes})


def set_receive(
    *, evaluation_set: EvaluationSet, by: Actor, stream: BinaryIO, size_bytes: int
) -> Job:
    """Keep the zip and have it imported. Raises ``Refused``; then nothing of it is kept."""
    if evaluation_set.origin != SetOrigin.UPLOADED or evaluation_set.images:
        raise Conflict("not_awaited", _("This set does not wait for a zip."))
    if open_job(evaluation_set) is not None:
        raise Conflict("not_awaited", _("Its zip is being imported."))
    check_archive_size(size_bytes)
    path = archive_path(evaluation_set.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    received = 0
    try:
        with path.open("wb") as file:
            while part := stream.read(CHUNK_BYTES):
                received += len(part)
                if received > size_bytes:
                    break
                file.write(part)
        if received != size_bytes:
            raise Refused(
                "incomplete",
                _("Expected %(size)d bytes, got %(received)d.")
                % {"size": size_bytes, "received": received},
            )
        job = _job(by, evaluation_set, _("Import %(name)s"), {"make": "upload"})
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return job


def check_archive_size(size_bytes: int) -> None:
    """Raises ``Refused`` before a byte is sent in vain."""
    if not 0 < size_bytes <= MAX_ARCHIVE_BYTES:
        raise Refused(
            "empty" if size_bytes <= 0 else "too_large",
            _("Expected a zip of 1 byte to %(most)d MB, got %(size)d bytes.")
            % {"most": MAX_ARCHIVE_BYTES // 1_000_000, "size": size_bytes},
        )
    # Pictures hardly pack: once unpacked it takes about as much again.
    if free_bytes() < 2 * size_bytes + KEEP_FREE_BYTES:
        raise Refused("disk_full", _("The gateway's disk has no room for this set."))


def set_create_simulated(
    *, by: Actor, name: str, url: str, stills: int
) -> tuple[EvaluationSet, Job]:
    """A set of a simulated camera, labelled exactly. Raises ``Refused``."""
    _between("stills", stills, 1, MAX_SIMULATED_STILLS)
    surroundings().simulated_classes(url)
    with transaction.atomic():
        made = _create(by, name, SetOrigin.SIMULATED, {"url": url, "stills": stills})
        return made, _job(by, made, _("Render %(name)s"), {"make": "simulation"})


def set_create_on_site(
    *,
    by: Actor,
    name: str,
    cameras: Sequence[int],
    stills: int,
    period_s: int,
    consent: str,
    blur: bool = False,
    version: ModelVersion | None = None,
    classes: Sequence[str] = (),
) -> tuple[EvaluationSet, Job]:
    """Stills of cameras over a period, to be labelled in the browser. Raises ``Refused``.

    ``version`` proposes boxes, and finds whom to blur.
    """
    _between("stills", stills, 1, MAX_STILLS)
    _between("period_s", period_s, 0, MAX_PERIOD_S)
    if not consent.strip():
        raise Refused(
            "consent",
            _("Say who allowed these pictures to be kept, and for what."),
            "consent",
        )
    if version is not None and version.contract is None:
        raise Refused("no_contract", _("Choose the contract of this version first."), "version")
    if blur and version is None:
        raise Refused(
            "blur_blind",
            _("Choose a version that finds persons and vehicles: it says where to blur."),
            "version",
        )
    _check_cameras(cameras, blur)
    covered = checked_classes(classes or (version.labels if version else ()))
    details = {
        "cameras": list(cameras),
        "stills": stills,
        "period_s": period_s,
        "version": version.reference if version else None,
        "classes": covered,
    }
    with transaction.atomic():
        made = _create(by, name, SetOrigin.ON_SITE, details, consent=consent, blurred=blur)
        parameters = {"make": "on_site", "version": version.pk if version else None}
        return made, _job(by, made, _("Sample stills for %(name)s"), parameters)


def open_job(evaluation_set: EvaluationSet) -> Job | None:
    """The job that makes this set, while it waits or runs."""
    return (
        Job.objects.filter(
            kind=JobKind.EVALUATION_SET,
            state__in=OPEN_STATES,
            parameters__set=evaluation_set.pk,
        )
        .order_by("-pk")
        .first()
    )


def checked_classes(names: Sequence[str]) -> list[str]:
    """Names of classes, each once. Raises ``Refused``."""
    classes = list(dict.fromkeys(class_name(x) for x in names if x.strip()))
    if not classes or len(classes) > MAX_CLASSES or any(len(x) > 60 for x in classes):
        raise Refused(
            "classes",
            _("Name 1 to %(most)d classes that are labelled on every picture.")
            % {"most": MAX_CLASSES},
            "classes",
        )
    return classes


def checked_name(name: str, row: EvaluationSet | None = None) -> str:
    """A name for a set that no other has. Raises ``Refused``."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise Refused("name", _("Expected a name of 1 to 80 characters."), "name")
    others = EvaluationSet.objects.exclude(pk=row.pk) if row else EvaluationSet.objects.all()
    if others.filter(name=name).exists():
        raise _taken(name)
    return name


def _create(
    by: Actor,
    name: str,
    origin: SetOrigin,
    details: dict[str, Any],
    *,
    consent: str = "",
    blurred: bool = False,
) -> EvaluationSet:
    name = checked_name(name)
    try:
        with transaction.atomic():
            made = EvaluationSet.objects.create(
                name=name,
                origin=origin,
                details=details,
                consent=consent.strip(),
                blurred=blurred,
                created_by_id=user_id(by),
            )
    except IntegrityError as error:  # somebody took the name since it was looked for
        raise _taken(name) from error
    record(by=by, action="set_created", subject=name, detail=origin)
    return made


def _job(by: Actor, made: EvaluationSet, title: str, parameters: dict[str, Any]) -> Job:
    return job_create(
        by=by,
        kind=JobKind.EVALUATION_SET,
        title=title % {"name": made.name},
        parameters={"set": made.pk, **parameters},
    )


def _taken(name: str) -> Refused:
    return Refused("taken", _("There is a set “%(name)s” already.") % {"name": name}, "name")


def _check_cameras(cameras: Sequence[int], blur: bool) -> None:
    known = {x.pk: x for x in surroundings().cameras()}
    if not cameras or len(set(cameras)) != len(cameras) or not set(cameras) <= known.keys():
        raise Refused("cameras", _("Choose one or more of the gateway's cameras."), "cameras")
    for camera in (known[x] for x in cameras):
        if camera.refusal:
            raise Refused("private", camera.refusal, "cameras")
        if camera.must_blur and not blur:
            raise Refused(
                "private",
                _("%(name)s gives only blurred pictures: switch blurring on.")
                % {"name": camera.name},
                "cameras",
            )


def _between(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Refused(
            field,
            _("Expected a whole number from %(low)d to %(high)d, got %(value)d.")
            % {"low": low, "high": high, "value": value},
            field,
        )
