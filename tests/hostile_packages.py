"""Zip packages and sparse files that are damaged, greedy or misleading."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

from models_registry.runtime.model_file import MAX_BYTES
from models_registry.sandbox.limits import MIB
from tests.hostile_graphs import good, relu, varint


def package(
    entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, mode: int = 0o644
) -> bytes:
    """A zip of these entries, their names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = method, mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def encrypted_package() -> bytes:
    """The flag is all that a reader sees of a password."""
    content = bytearray(package({"model.onnx": good()}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def lying_package() -> bytes:
    """Its directory says that the model has ten bytes."""
    content = bytearray(package({"model.onnx": good()}))
    directory = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, directory + 24, 10)
    return bytes(content)


def with_contract(contract: bytes) -> bytes:
    return package({"model.onnx": good(), "model.json": contract})


def zip_bomb() -> bytes:
    return package({"model.onnx": bytes(64 * MIB)})


def noise() -> bytes:
    return random.Random(3).randbytes(4096)


def long_doc_string(path: Path) -> None:
    """200 MB of zeros under the field "doc_string", before the graph."""
    _sparse(path, b"\x32" + varint(200_000_000), 200_000_000, relu().SerializeToString())


def beyond_the_limit(path: Path) -> None:
    _sparse(path, relu().SerializeToString(), MAX_BYTES, b"")


def _sparse(path: Path, head: bytes, hole_bytes: int, tail: bytes) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.seek(hole_bytes, io.SEEK_CUR)
        file.write(tail)
        file.truncate(len(head) + hole_bytes + len(tail))
