"""Asking for a recount, judging its marks, ending it, deleting its strip."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.services.actor import Actor, user_id
from sensing.models import (
    Calibration,
    Camera,
    PicturePolicyChoice,
    Recount,
    RecountKind,
    RecountState,
    Site,
)
from sensing.recount.arriving import close, note_detector
from sensing.recount.review import checked_changes, merged
from sensing.recount.storage import CLIP_NAME, delete_strip, recount_dir
from sensing.selectors.site import current_site
from sensing.sources import allowed_files

logger = logging.getLogger(__name__)

MOST_MINUTES = 30
MAX_CLIP_BYTES = 1024**3
WAITS_S = 3.0
"""A strip begins a moment after it was asked for: its worker has to hear of it first."""


def recount_record(
    *, by: Actor, camera: Camera, line_ids: list[str], minutes: int, request_key: uuid.UUID
) -> Recount:
    """Have a camera's worker record the next minutes. Asked for twice with one key, it is one
    recount. Raises ``Refused``."""
    if (twin := Recount.objects.filter(request_key=request_key).first()) is not None:
        return twin
    _check_allowed(camera)
    if not 1 <= minutes <= MOST_MINUTES:
        raise Refused(
            "minutes",
            _("Expected 1 to %(most)d minutes, got %(got)d.")
            % {"most": MOST_MINUTES, "got": minutes},
            "minutes",
        )
    if camera.paused:
        raise Refused("paused", _("This camera is paused: resume it first."), "camera")
    begins = timezone.now() + timedelta(seconds=WAITS_S)
    recount = _new(by, camera, line_ids, request_key)
    recount.kind, recount.state = RecountKind.LIVE, RecountState.RECORDING
    recount.starts_at, recount.duration_s = begins, minutes * 60.0
    note_detector(recount)
    try:
        with transaction.atomic():
            recount.save()
    except IntegrityError as error:
        twin = Recount.objects.filter(request_key=request_key).first()
        if twin is not None:
            return twin
        raise Refused(
            "recording", _("A recount is being recorded on this camera already."), "camera"
        ) from error
    logger.info("recount %d of camera %d asked for by %s", recount.pk, camera.pk, by)
    return recount


def recount_of_clip(
    *,
    by: Actor,
    camera: Camera,
    line_ids: list[str],
    clip: str | UploadedFile[Any],
    request_key: uuid.UUID,
    starts_at: datetime | None = None,
) -> Recount:
    """Have a strip made of a recorded clip: the name of a file that cameras may read, '' for the
    camera's own recording, or an upload, which is deleted once its strip is made. The caller tells
    the jobs process. Raises ``Refused``."""
    if (twin := Recount.objects.filter(request_key=request_key).first()) is not None:
        return twin
    _check_allowed(camera)
    recount = _new(by, camera, line_ids, request_key)
    recount.kind, recount.state = RecountKind.CLIP, RecountState.WAITING
    recount.starts_at = starts_at
    if isinstance(clip, UploadedFile):
        if not clip.size or clip.size > MAX_CLIP_BYTES:
            raise Refused("clip", _("Expected a video of at most 1 GB that is not empty."), "clip")
        recount.clip_name = Path(clip.name or "clip").name[:255]
    else:
        recount.clip, recount.clip_name = _named_clip(camera, clip)
    try:
        with transaction.atomic():
            recount.save()
            if isinstance(clip, UploadedFile):
                _store_upload(recount, clip)
    except IntegrityError:
        return Recount.objects.get(request_key=request_key)
    except OSError as error:
        delete_strip(recount.pk)
        raise Refused("disk", _("The clip could not be stored: %(e)s") % {"e": error}) from error
    logger.info("recount %d of a clip asked for by %s", recount.pk, by)
    return recount


def recount_stop(*, recount: Recount, by: Actor) -> Recount:
    """End a recording early with what there is. Raises ``Refused`` when it is over."""
    with transaction.atomic():
        row = Recount.objects.select_for_update().get(pk=recount.pk)
        if row.state != RecountState.RECORDING:
            raise Refused("state", _("This recording is over already."))
        start, now = row.starts_at or timezone.now(), timezone.now()
        close(row, min(now, start + timedelta(seconds=row.duration_s)))
        row.save()
    logger.info("recording of recount %d ended by %s", row.pk, by)
    return row


def recount_review(
    *, recount: Recount, by: Actor, revision: int, changes: Mapping[str, Any]
) -> Recount:
    """Keep judgements and added crossings: mark → judgement, None takes one back.

    Raises ``Refused`` for what makes no sense and ``Conflict`` when somebody else saved meanwhile.
    """
    with transaction.atomic():
        row = Recount.objects.select_for_update().get(pk=recount.pk)
        if row.state != RecountState.READY:
            raise Refused("state", _("This recount has no strip to judge by yet."))
        checked = checked_changes(row, changes)
        if row.revision != revision:
            # The same again, such as after an answer that was lost on its way, is no conflict.
            if merged(row.review, checked) == row.review:
                return row
            raise Conflict("conflict", _("Somebody else has changed this recount. Load it again."))
        row.review = merged(row.review, checked)
        row.revision += 1
        row.reviewed_by_id, row.reviewed_at = user_id(by), timezone.now()
        row.save(update_fields=["review", "revision", "reviewed_by", "reviewed_at"])
    return row


def recount_strip_delete(*, recount: Recount, by: Actor) -> None:
    """Delete the pixels at once; marks, judgements and certificates stay."""
    with transaction.atomic():
        row = Recount.objects.select_for_update().get(pk=recount.pk)
        if row.state in (RecountState.RECORDING, RecountState.MAKING, RecountState.WAITING):
            raise Refused("state", _("This strip is still being made: end it first."))
        row.strip_deleted_at = row.strip_deleted_at or timezone.now()
        row.save(update_fields=["strip_deleted_at"])
    delete_strip(row.pk)
    logger.info("strip of recount %d deleted by %s", row.pk, by or "the gateway")


def recount_delete(*, recount: Recount, by: Actor) -> None:
    """Delete a recount with its strip; its certificates stay."""
    pk = recount.pk
    recount.delete()
    delete_strip(pk)
    logger.info("recount %d deleted by %s", pk, by)


def strips_prune(*, now: datetime) -> int:
    """Delete strips that are older than the site keeps them. Returns how many."""
    limit = now - timedelta(days=current_site().keep_strips_days)
    old = Recount.objects.filter(
        created_at__lt=limit,
        strip_deleted_at=None,
        state__in=(RecountState.READY, RecountState.FAILED),
    )
    rows = list(old.only("pk", "state"))
    for recount in rows:
        recount_strip_delete(recount=recount, by=None)
    return _strays() + len(rows)


def _strays() -> int:
    """Folders of recounts that are gone: their camera was deleted."""
    root = recount_dir(0).parent
    if not root.is_dir():
        return 0
    known = {str(pk) for pk in Recount.objects.values_list("pk", flat=True)}
    strays = [p.name for p in root.iterdir() if p.name.isdecimal() and p.name not in known]
    for name in strays:
        delete_strip(int(name))
    return len(strays)


def _check_allowed(camera: Camera) -> None:
    site: Site = current_site()
    if not site.audit_strips:
        raise Refused(
            "strips_off",
            _("Audit strips are switched off on this site. An admin can allow them on this page."),
        )
    if camera.pictures == PicturePolicyChoice.NONE:
        raise Refused(
            "private",
            _("%(name)s gives numbers only, for privacy: no strip of it is recorded.")
            % {"name": camera.name},
            "camera",
        )


def _new(by: Actor, camera: Camera, line_ids: list[str], request_key: uuid.UUID) -> Recount:
    known = {str(line["id"]): line for line in camera.scene.lines}
    gone = [line_id for line_id in line_ids if line_id not in known]
    if gone:
        raise Refused(
            "line", _("There is no line %(line)s any more.") % {"line": gone[0][:40]}, "lines"
        )
    if not line_ids:
        raise Refused("line", _("Choose at least one counting line."), "lines")
    return Recount(
        camera=camera,
        request_key=request_key,
        lines=[known[line_id] for line_id in dict.fromkeys(line_ids)],
        anchor=camera.scene.anchor,
        analysed_fps=camera.analysed_fps,
        scene_revision=camera.scene.revision,
        calibration=Calibration.objects.filter(camera=camera, retired_at=None).first(),
        created_by_id=user_id(by),
    )


def _named_clip(camera: Camera, name: str) -> tuple[str, str]:
    if not name:
        if camera.kind not in ("file", "sim"):
            raise Refused("clip", _("Choose a clip: this camera plays none itself."), "clip")
        return camera.url, camera.url if camera.kind == "sim" else Path(camera.url).name
    for path in allowed_files():
        if Path(path).name == name:
            return path, name
    raise Refused("clip", _("There is no clip %(name)s.") % {"name": name[:120]}, "clip")


def _store_upload(recount: Recount, clip: UploadedFile[Any]) -> None:
    folder = recount_dir(recount.pk)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = folder / f".{CLIP_NAME}.part"
    with half.open("wb") as file:
        for chunk in clip.chunks():
            file.write(chunk)
    os.replace(half, folder / CLIP_NAME)
