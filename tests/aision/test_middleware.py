from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse
from django.test import AsyncRequestFactory, RequestFactory

from aision.middleware import FILE_BLOCK_BYTES, StreamsMiddleware

pytestmark = pytest.mark.django_db


async def test_a_file_leaves_the_real_server_in_portions(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 4096)
    middleware = StreamsMiddleware(lambda request: FileResponse(path.open("rb")))  # type: ignore[arg-type, return-value]
    answer: Any = middleware(AsyncRequestFactory().get("/"))
    assert answer.is_async
    parts = [part async for part in answer]
    assert [len(part) for part in parts] == [FILE_BLOCK_BYTES] * 4
    assert b"".join(parts) == path.read_bytes()
    assert answer["Content-Length"] == str(path.stat().st_size)
    answer.close()


def test_the_plain_server_gets_what_it_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    middleware = StreamsMiddleware(lambda request: FileResponse(path.open("rb")))  # type: ignore[arg-type, return-value]
    answer: Any = middleware(RequestFactory().get("/"))
    assert not answer.is_async
    assert b"".join(answer) == b"weights"
    answer.close()
