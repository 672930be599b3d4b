"""An uploaded set's files, whether they lie in a folder or in a zip; nothing is unpacked."""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from models_registry.benchmarking.errors import EvaluationSetInvalid

_ENCRYPTED = 0x1
_READ_ERRORS = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """The most that a set may hold. ``ratio``: unpacked to packed bytes of a whole zip; pictures
    hardly pack, and a zip of text alone stays far below."""

    files: int = 60_000
    total_bytes: int = 4 * 1024**3
    ratio: int = 200
    pictures: int = 20_000


class LabelSource(Protocol):
    """Files by their path within the set, with ``/`` between folders."""

    names: tuple[str, ...]

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Raises ``EvaluationSetInvalid`` (``too_large``, ``archive_unreadable``)."""
        ...


def open_source(path: Path, limits: SourceLimits) -> LabelSource:
    """Raises ``EvaluationSetInvalid`` (``archive_unsafe``, ``…_unreadable``, ``too_large``)."""
    return FolderSource(path, limits) if path.is_dir() else ZipSource(path, limits)


class FolderSource:
    """Links are left out: they may lead out of the folder."""

    def __init__(self, folder: Path, limits: SourceLimits) -> None:
        self._folder = folder
        names = []
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                names.append(path.relative_to(folder).as_posix())
            _at_most(len(names), limits.files, "files")
        self.names = tuple(sorted(names))

    def read(self, name: str, limit_bytes: int) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                content = file.read(limit_bytes + 1)
        except OSError as error:
            raise _unreadable(name, error.strerror) from error
        _at_most(len(content), limit_bytes, f"bytes in {name}")
        return content


class ZipSource:
    """Every member is checked before the first is read."""

    def __init__(self, path: Path, limits: SourceLimits) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _READ_ERRORS as error:
            raise EvaluationSetInvalid(
                "archive_unreadable", f"expected a folder or a zip, got {path.name}: {error}"
            ) from error
        members = [x for x in self._zip.infolist() if not x.is_dir()]
        _at_most(len(members), limits.files, "files")
        for member in members:
            _check(member)
        total = sum(x.file_size for x in members)
        _at_most(total, limits.total_bytes, "bytes once unpacked")
        packed = max(path.stat().st_size, 1)
        _at_most(total // packed, limits.ratio, "times the zip's size once unpacked")
        self._members = {x.filename: x for x in members}
        if len(self._members) < len(members):
            raise EvaluationSetInvalid("archive_unsafe", "expected each name once in the zip")
        self.names = tuple(sorted(x for x in self._members if not x.startswith("__MACOSX/")))

    def read(self, name: str, limit_bytes: int) -> bytes:
        _at_most(self._members[name].file_size, limit_bytes, f"bytes in {name}")
        try:
            with self._zip.open(self._members[name]) as file:
                # One more than stated: a member that lies about its size is cut off, not believed.
                content = file.read(limit_bytes + 1)
        except _READ_ERRORS as error:
            raise _unreadable(name, str(error)) from error
        _at_most(len(content), limit_bytes, f"bytes in {name}")
        return content


def _check(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    for wrong, why in (
        (path.is_absolute() or ".." in path.parts, "a path that leads out of the set"),
        ("\\" in member.filename or ":" in path.parts[0], "a path of another system"),
        (kind not in (0, stat.S_IFREG), "a link or device"),
        (bool(member.flag_bits & _ENCRYPTED), "an encrypted file"),
    ):
        if wrong:
            name = repr(member.filename)[:120]
            raise EvaluationSetInvalid("archive_unsafe", f"{name}: expected a file, got {why}")


def _at_most(got: int, limit: int, what: str) -> None:
    if got > limit:
        raise EvaluationSetInvalid("too_large", f"expected at most {limit} {what}, got {got}")


def _unreadable(name: str, why: str | None) -> EvaluationSetInvalid:
    return EvaluationSetInvalid("archive_unreadable", f"{name}: cannot be read: {why}")
