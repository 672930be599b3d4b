"""Bringing files into the registry as an operator's program does."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from rest_framework.response import Response
from rest_framework.test import APIClient

from models_registry.jobs.work import work
from models_registry.models import ModelVersion, Upload
from models_registry.services.uploads import upload_append, upload_begin, upload_finish
from tests.onnx_zoo import build, yolox_output

UPLOADS = "/api/v1/uploads/"


def zoo_model(side: int = 224) -> bytes:
    """A detector in YOLOX's layout, whose file says all that must be known."""
    return build({"output": yolox_output(side=side)}, side=side)


def package(**files: bytes | str) -> bytes:
    """A zip with a file per argument, ``model_onnx=…`` as ``model.onnx``."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return content.getvalue()


def uploaded(content: bytes, file_name: str = "zoo.onnx", **given: Any) -> Upload:
    """A file announced, received, inspected: the upload with its verdict."""
    upload = upload_begin(by=None, file_name=file_name, size_bytes=len(content), **given)
    upload_append(upload=upload, offset=0, content=content)
    upload_finish(upload=upload, by=None)
    assert work() == 1
    return Upload.objects.get(pk=upload.pk)


def accepted(content: bytes, file_name: str = "zoo.onnx", **given: Any) -> ModelVersion:
    """The version that a file becomes."""
    upload = uploaded(content, file_name, **given)
    assert upload.version is not None, f"{upload.code}: {upload.message}"
    return upload.version


def begin(client: APIClient, file_name: str, size_bytes: int, **given: Any) -> Response:
    return client.post(UPLOADS, {"file_name": file_name, "size_bytes": size_bytes, **given})


def send(client: APIClient, upload_id: str, offset: int | str, content: bytes) -> Response:
    return client.generic(
        "PATCH",
        f"{UPLOADS}{upload_id}/content/",
        content,
        content_type="application/octet-stream",
        HTTP_UPLOAD_OFFSET=str(offset),
    )
