"""A zip that an upload brings is checked before anything in it is read."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.label_source import SourceLimits
from models_registry.benchmarking.set_import import ImportSummary, ImportWishes, import_set
from tests.models_registry.benchmarking.pictures import jpeg, write_zip

SET: dict[str, bytes | str] = {
    "data.yaml": "names: [person, car]",
    "images/a.jpg": jpeg(1),
    "labels/a.txt": "1 0.5 0.5 0.2 0.4",
}


def read(path: Path, folder: Path, limits: SourceLimits | None = None) -> ImportSummary:
    return import_set(path, folder, ImportWishes(), lambda share, words: None, limits)


def test_what_is_no_fault_passes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "upload.zip", SET | {"__MACOSX/images/a.jpg": b"no picture"})
    assert read(path, tmp_path / "set").images == 1


def odd_member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (odd_member("../evil.txt"), "leads out of the set"),
        (odd_member("images/../../evil.txt"), "leads out of the set"),
        (odd_member("/etc/evil.txt"), "leads out of the set"),
        (odd_member("..\\evil.txt"), "a path of another system"),
        (odd_member("C:/evil.txt"), "a path of another system"),
        (odd_member("link", stat.S_IFLNK | 0o777), "a link or device"),
    ],
    ids=lambda x: x.filename if isinstance(x, zipfile.ZipInfo) else "",
)
def test_a_zip_that_would_leave_its_folder_is_refused(
    tmp_path: Path, member: zipfile.ZipInfo, message: str
) -> None:
    path = write_zip(tmp_path / "upload.zip", SET)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(EvaluationSetInvalid, match=message) as no:
        read(path, tmp_path / "set")
    assert no.value.code == "archive_unsafe"
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (SourceLimits(files=2), "at most 2 files"),
        (SourceLimits(total_bytes=1000), "at most 1000 bytes once unpacked"),
        (SourceLimits(ratio=1), "at most 1 times the zip's size"),
        (SourceLimits(pictures=0), "at most 0 pictures"),
    ],
)
def test_a_zip_that_is_too_large_is_refused(
    tmp_path: Path, limits: SourceLimits, message: str
) -> None:
    path = write_zip(tmp_path / "upload.zip", SET | {"padding": b"0" * 200_000})
    with pytest.raises(EvaluationSetInvalid, match=message) as no:
        read(path, tmp_path / "set", limits)
    assert no.value.code == "too_large"


@pytest.mark.parametrize("damage", ["no zip", "cut off", "wrong checksum"])
def test_a_damaged_zip_is_refused(tmp_path: Path, damage: str) -> None:
    path = write_zip(tmp_path / "upload.zip", SET)
    content = bytearray(path.read_bytes())
    if damage == "no zip":
        content = bytearray(b"PK is not enough")
    elif damage == "cut off":
        content = content[: len(content) // 2]
    else:
        content[45] ^= 0xFF  # in the packed bytes of data.yaml
    path.write_bytes(content)
    with pytest.raises(EvaluationSetInvalid) as no:
        read(path, tmp_path / "set")
    assert no.value.code == "archive_unreadable"
