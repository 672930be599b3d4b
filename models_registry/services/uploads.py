"""Receiving model files in parts, so that a broken connection costs one part and not the file."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import Job, JobKind, Upload, UploadState
from models_registry.runtime.contract import ContractInvalid, check_names
from models_registry.services.actor import Actor, user_id
from models_registry.services.audit import record
from models_registry.services.catalog import checked_name
from models_registry.services.jobs import job_create
from models_registry.storage import free_bytes, incoming_path

ENDINGS = (".onnx", ".zip")
KEEP_FREE_BYTES = 512 * 1024 * 1024
MAX_OPEN_UPLOADS = 20


def upload_begin(
    *,
    by: Actor,
    file_name: str,
    size_bytes: int,
    model_name: str = "",
    contract: dict[str, Any] | None = None,
    notes: str = "",
    licence: str = "",
    source: str = "",
) -> Upload:
    """Announce a file of so many bytes. Raises ``Refused`` before a byte is sent in vain."""
    file_name = PurePosixPath(file_name.replace("\\", "/")).name[:200]
    if not file_name.lower().endswith(ENDINGS):
        raise Refused(
            "not_onnx",
            _("Expected an .onnx file or a .zip package, got “%(name)s”.") % {"name": file_name},
            "file_name",
        )
    _check_size(size_bytes)
    if contract is not None:
        try:
            contract = check_names(contract)
        except ContractInvalid as error:
            raise Refused("contract_invalid", str(error), "contract") from error
    if Upload.objects.filter(state=UploadState.RECEIVING).count() >= MAX_OPEN_UPLOADS:
        raise Refused(
            "too_many_uploads",
            _("%(most)d uploads are not finished yet. Finish or delete one first.")
            % {"most": MAX_OPEN_UPLOADS},
        )
    upload = Upload.objects.create(
        file_name=file_name,
        size_bytes=size_bytes,
        model_name=checked_name(model_name or suggested_name(file_name)),
        contract=contract,
        notes=notes,
        licence=licence[:120],
        source=source[:300],
        created_by_id=user_id(by),
    )
    path = incoming_path(upload.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return upload


def upload_append(*, upload: Upload, offset: int, content: bytes) -> Upload:
    """Add bytes that begin at ``offset``. Raises ``Conflict`` naming the offset that is expected.

    What arrived before a connection broke stays: the next part begins there.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update().get(pk=upload.pk)
        _check_receiving(upload)
        path = incoming_path(upload.pk)
        stored = path.stat().st_size if path.exists() else 0
        if offset != stored:
            raise Conflict(
                "offset",
                _("Expected the part that begins at byte %(stored)d, got one at %(offset)d.")
                % {"stored": stored, "offset": offset},
                "offset",
            )
        if stored + len(content) > upload.size_bytes:
            raise Refused(
                "too_large",
                _("Expected %(size)d bytes in all, got more.") % {"size": upload.size_bytes},
            )
        with path.open("ab") as file:
            file.write(content)
        upload.received_bytes = stored + len(content)
        upload.save(update_fields=["received_bytes", "updated_at"])
    return upload


def upload_finish(*, upload: Upload, by: Actor) -> Job:
    """All bytes are there: have them inspected. Raises ``Refused``."""
    with transaction.atomic():
        upload = Upload.objects.select_for_update().get(pk=upload.pk)
        _check_receiving(upload)
        if upload.received_bytes != upload.size_bytes:
            raise Conflict(
                "incomplete",
                _("Expected %(size)d bytes, got %(received)d so far.")
                % {"size": upload.size_bytes, "received": upload.received_bytes},
            )
        upload.state = UploadState.INSPECTING
        upload.save(update_fields=["state", "updated_at"])
        record(by=by, action="uploaded", subject=upload.file_name, detail=upload.model_name)
        return job_create(
            by=by,
            kind=JobKind.INSPECT,
            title=_("Inspect %(name)s") % {"name": upload.file_name},
            parameters={"upload": str(upload.pk)},
        )


def upload_discard(*, upload: Upload, by: Actor) -> None:
    """Forget an upload. Raises ``Refused`` while it is being inspected."""
    if upload.state == UploadState.INSPECTING:
        raise Conflict("inspecting", _("It is being inspected; wait for the verdict."))
    incoming_path(upload.pk).unlink(missing_ok=True)
    upload.delete()


def suggested_name(file_name: str) -> str:
    """A lineage's name from a file's: ``YOLOX_nano.416.onnx`` → ``yolox-nano-416``."""
    stem = PurePosixPath(file_name).stem.lower()
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:60].strip("-")
    return name if name and name != "motion" else "model"


def _check_size(size_bytes: int) -> None:
    most = settings.MODEL_UPLOAD_MAX_BYTES
    if not 0 < size_bytes <= most:
        raise Refused(
            "empty" if size_bytes <= 0 else "too_large",
            _("Expected a file of 1 byte to %(most)d MB, got %(size)d bytes.")
            % {"most": most // 1_000_000, "size": size_bytes},
            "size_bytes",
        )
    if free_bytes() < size_bytes + KEEP_FREE_BYTES:
        raise Refused(
            "disk_full",
            _("The gateway's disk has no room for %(size)d MB more. Delete old versions first.")
            % {"size": size_bytes // 1_000_000 + 1},
            "size_bytes",
        )


def _check_receiving(upload: Upload) -> None:
    if upload.state != UploadState.RECEIVING:
        raise Conflict("already_finished", _("This upload was finished before."))
