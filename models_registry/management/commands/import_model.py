"""Bring a model file or package into the registry: manage.py import_model FILE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.errors import Refused
from models_registry.jobs.work import work
from models_registry.models import Upload, UploadState
from models_registry.rejections import rejection_advice
from models_registry.services.catalog import alias_set
from models_registry.services.uploads import upload_append, upload_begin, upload_finish
from models_registry.storage import CHUNK_BYTES


class Command(BaseCommand):
    help = "Inspects a model file (.onnx) or package (.zip) and keeps it as a version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--model", default="", help="lineage; default: named after the file")
        parser.add_argument("--contract", type=Path, help="JSON file; may be partial")
        parser.add_argument("--alias", default="", help="let this alias name the version")
        parser.add_argument("--licence", default="")
        parser.add_argument("--source", default="", help="where the model comes from")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            upload = self._receive(path, options)
            upload_finish(upload=upload, by=None)
            work()
            upload.refresh_from_db()
            if upload.state != UploadState.ACCEPTED or upload.version is None:
                advice = rejection_advice(upload.code)
                raise CommandError(f"{upload.code}: {upload.message} {advice}".strip())
            version = upload.version
            self.stdout.write(f"{version.reference}{' (was there already)' * upload.known}")
            if version.contract is None:
                self.stdout.write("Its contract is not certain: choose it on the model's page.")
            elif options["alias"]:
                alias = alias_set(version=version, by=None, name=options["alias"])
                self.stdout.write(f"{alias.reference} → {version.reference}")
        except Refused as refused:
            raise CommandError(f"{refused.code}: {refused.message}") from refused
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error

    def _receive(self, path: Path, options: dict[str, Any]) -> Upload:
        contract = None
        if options["contract"]:
            try:
                contract = json.loads(options["contract"].read_text())
            except ValueError as error:
                raise CommandError(f"{options['contract']}: expected JSON, got {error}") from error
        upload = upload_begin(
            by=None,
            file_name=path.name,
            size_bytes=path.stat().st_size,
            model_name=options["model"],
            contract=contract,
            licence=options["licence"],
            source=options["source"],
        )
        with path.open("rb") as file:
            offset = 0
            while part := file.read(CHUNK_BYTES):
                upload_append(upload=upload, offset=offset, content=part)
                offset += len(part)
        return upload
