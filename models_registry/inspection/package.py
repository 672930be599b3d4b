"""An uploaded file: a bare ``.onnx``, or a zip of ``model.onnx``, ``model.json``, ``card.md``."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_registry.inspection.rejection import ModelRejected
from models_registry.runtime.contract import ContractInvalid, check_names

MODEL, CONTRACT, CARD = "model.onnx", "model.json", "card.md"
CONTRACT_BYTES, CARD_BYTES = 256 * 1024, 256 * 1024
# Weights hardly shrink; a file that shrank to a hundredth was made to fill the disk.
MOST_SHRUNK, SHRUNK_MATTERS_BYTES = 100, 16 * 1024 * 1024
MOST_ENTRIES = 64
_EXPECTED = f"expected a zip of {MODEL} with {CONTRACT} and, if wanted, {CARD} at its top"
_ANEW = "zip the plain files anew"
_SMALLER = "compress the model or choose a smaller one"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_SYSTEM_LEFTOVERS = ("__MACOSX/", ".DS_Store")


@dataclass(frozen=True, slots=True)
class Package:
    """``model``: where the ONNX file lies; ``contract``: the stated fields, possibly partial."""

    model: Path
    contract: dict[str, Any] | None = None
    card: str = ""


def is_zip(path: Path) -> bool:
    """Whether it begins as a zip does. Raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def read_package(path: Path, folder: Path, max_bytes: int) -> Package:
    """What was uploaded; of a zip, the model is unpacked into ``folder``.

    Raises ``ModelRejected``: ``empty``, ``too_large``, ``truncated``, ``bad_package``,
    ``path_traversal``, ``zip_bomb``, ``encrypted_package``, ``contract_invalid``.
    """
    size = path.stat().st_size
    if size == 0:
        raise ModelRejected("empty", "expected an ONNX file, got a file of 0 bytes; upload it anew")
    if size > max_bytes:
        raise ModelRejected(
            "too_large", f"expected at most {max_bytes} bytes, got {size}; {_SMALLER}"
        )
    if not is_zip(path):
        return Package(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, max_bytes)
            contract = _contract(_read(archive, entries.get(CONTRACT), CONTRACT_BYTES))
            card = _text(_read(archive, entries.get(CARD), CARD_BYTES))
            model = folder / MODEL
            with archive.open(entries[MODEL]) as source, model.open("wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
    except zipfile.BadZipFile as error:
        raise ModelRejected(
            "truncated", f"{_EXPECTED}, got a damaged one ({error}); upload it anew"
        ) from error
    except (zlib.error, EOFError, NotImplementedError, UnicodeError, RuntimeError) as error:
        raise ModelRejected("bad_package", f"{_EXPECTED}, it cannot be read: {error}") from error
    return Package(model, contract, card)


def _entries(archive: zipfile.ZipFile, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Its files by name, all of them checked before any is read."""
    found: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise ModelRejected("bad_package", f"{_EXPECTED}, got {len(infos)} entries")
    for info in infos:
        if any(x in info.filename for x in _SYSTEM_LEFTOVERS):
            continue  # what some systems add to every zip is not read
        _check_name(info)
        _check_size(info, max_bytes)
        if info.filename in found:
            raise ModelRejected("bad_package", f"{_EXPECTED}, got {info.filename} twice")
        found[info.filename] = info
    models = sorted(name for name in found if name.endswith(".onnx"))
    if len(models) > 1:
        raise ModelRejected("bad_package", f"{_EXPECTED}, got several models: {_list(models)}")
    if MODEL not in found:
        raise ModelRejected("bad_package", f"{_EXPECTED}, got {_list(sorted(found))}{_hint(found)}")
    if unknown := sorted(set(found) - {MODEL, CONTRACT, CARD}):
        raise ModelRejected("bad_package", f"{_EXPECTED}, got besides {_list(unknown)}")
    return found


def _check_name(info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        raise ModelRejected(
            "path_traversal",
            f"{_EXPECTED}, got an entry that points elsewhere: {_list([name])}; {_ANEW}",
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ModelRejected("path_traversal", f"{_EXPECTED}, got a link: {_list([name])}; {_ANEW}")
    if info.flag_bits & _ENCRYPTED:
        raise ModelRejected(
            "encrypted_package", f"expected a zip without a password, got one; {_ANEW}"
        )
    if info.compress_type not in _METHODS:
        raise ModelRejected(
            "bad_package", f"{_EXPECTED}, compressed the plain way; got method {info.compress_type}"
        )


def _check_size(info: zipfile.ZipInfo, max_bytes: int) -> None:
    grows = info.file_size / max(info.compress_size, 1)
    if grows > MOST_SHRUNK and info.file_size > SHRUNK_MATTERS_BYTES:
        raise ModelRejected(
            "zip_bomb",
            f"expected files that shrink to no less than 1/{MOST_SHRUNK}, {_list([info.filename])}"
            f" would grow from {info.compress_size} to {info.file_size} bytes",
        )
    limits = {CONTRACT: CONTRACT_BYTES, CARD: CARD_BYTES}
    limit = limits.get(info.filename, max_bytes)
    if info.file_size > limit:
        raise ModelRejected(
            "too_large",
            f"{_list([info.filename])}: expected at most {limit} bytes, got {info.file_size};"
            f" {_SMALLER}",
        )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, limit: int) -> bytes:
    if info is None:
        return b""
    with archive.open(info) as file:
        return file.read(limit)


def _contract(content: bytes) -> dict[str, Any] | None:
    try:
        return check_names(content) if content else None
    except ContractInvalid as error:
        raise ModelRejected("contract_invalid", f"{CONTRACT}: {error}") from error


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\x00", "")


def _hint(found: dict[str, zipfile.ZipInfo]) -> str:
    if any(name.endswith("data.pkl") for name in found):
        return "; this is a PyTorch checkpoint: export it to ONNX first"
    if any(name.endswith(MODEL) for name in found):
        return "; put the files at the top of the zip, not into a folder"
    return ""


def _list(names: list[str]) -> str:
    shown = ", ".join(repr(name[:80]) for name in names[:5]) or "nothing"
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
