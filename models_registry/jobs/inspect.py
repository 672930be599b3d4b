"""Inspects an uploaded file and makes it a version, or says why not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from models_registry.inspection.inspector import inspect
from models_registry.inspection.package import MODEL
from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.report import Inspection
from models_registry.jobs.report import JobFailed, Report
from models_registry.models import Job, ModelVersion, OriginChoice, Upload, UploadState
from models_registry.services.audit import record
from models_registry.services.catalog import model_describe, version_add
from models_registry.storage import incoming_path, registry_dir, store_file


def inspect_upload(job: Job, report: Report) -> dict[str, Any]:
    """The job of an upload: its verdict. Raises ``JobFailed`` for one that has gone."""
    upload = Upload.objects.filter(pk=job.parameters["upload"]).first()
    path = incoming_path(upload.pk) if upload else None
    if upload is None or path is None or not path.is_file():
        raise JobFailed("upload_gone", _("The uploaded file is no longer there."))
    # On the disk of the store, so that the model is moved there and not copied.
    with tempfile.TemporaryDirectory(dir=registry_dir(), prefix=".unpack-") as folder:
        try:
            inspection = inspect(
                path,
                stated=upload.contract,
                unpack_to=Path(folder),
                on_progress=report.progress,
                cancelled=report.cancelled,
            )
        except ModelRejected as rejected:
            _reject(upload, rejected)
            return {"verdict": "rejected", "code": rejected.code}
        except BaseException:
            _back_to_start(upload)
            raise
        unpacked = Path(folder) / MODEL
        store_file(unpacked if unpacked.is_file() else path, inspection.sha256)
    version, new = _accept(upload, inspection)
    path.unlink(missing_ok=True)
    return {"verdict": "accepted", "version": version.pk, "new": new}


def _accept(upload: Upload, inspection: Inspection) -> tuple[ModelVersion, bool]:
    document = inspection.to_json()
    contract, card = document.pop("contract"), document.pop("card")
    with transaction.atomic():
        version, new = version_add(
            by=upload.created_by,
            model_name=upload.model_name,
            sha256=inspection.sha256,
            size_bytes=inspection.size_bytes,
            contract=contract,
            inspection=document,
            origin=OriginChoice.UPLOADED,
            file_name=upload.file_name,
            notes=upload.notes,
            card=card,
        )
        model_describe(model=version.model, licence=upload.licence, source=upload.source)
        upload.state, upload.version, upload.known = UploadState.ACCEPTED, version, not new
        upload.code = upload.message = ""
        upload.save()
    return version, new


def _reject(upload: Upload, rejected: ModelRejected) -> None:
    with transaction.atomic():
        upload.state, upload.code = UploadState.REJECTED, rejected.code
        upload.message = rejected.message
        upload.save()
        record(
            by=upload.created_by,
            action="upload_rejected",
            subject=upload.file_name,
            detail=f"{rejected.code}: {rejected.message}"[:2000],
        )
    incoming_path(upload.pk).unlink(missing_ok=True)


def _back_to_start(upload: Upload) -> None:
    """Cancelled, or broken by a defect: the file stays and can be inspected again."""
    Upload.objects.filter(pk=upload.pk).update(state=UploadState.RECEIVING)
