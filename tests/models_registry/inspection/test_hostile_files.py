"""Hostile files are refused with the right code; the gateway is unharmed and nothing is left."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models_registry.inspection.child import inspect_file
from models_registry.inspection.inspector import inspect
from models_registry.inspection.rejection import CODES, ModelRejected
from models_registry.runtime.model_file import MAX_BYTES
from tests.hostile_files import HOSTILE_FILES, HostileFile

# One of each code, those that need a sandbox, and those that would write elsewhere.
SANDBOXED = [
    x
    for i, x in enumerate(HOSTILE_FILES)
    if x.runs
    or x.code in {"path_traversal", "external_data"}
    or x.code not in {y.code for y in HOSTILE_FILES[:i]}
]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, watched: what stays in it was left behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def children() -> list[str]:
    tasks = Path("/proc/self/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]


def test_the_set_is_wide_enough() -> None:
    assert len(SANDBOXED) >= 25
    never = {"not_found", "crashed"}  # no file is meant to crash the inspection
    assert {x.code for x in SANDBOXED} == set(CODES) - never


@pytest.mark.parametrize("hostile", SANDBOXED, ids=lambda x: x.name)
def test_a_hostile_file_is_refused_and_nothing_is_left_of_it(
    hostile: HostileFile, tmp_path: Path, temporary: Path
) -> None:
    path = hostile.write(tmp_path)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    before, descriptors = children(), os.listdir("/proc/self/fd")
    with pytest.raises(ModelRejected) as refused:
        inspect(path, limits=hostile.limits, unpack_to=folder)
    assert refused.value.code == hostile.code, refused.value.message
    assert len(refused.value.message) > 40
    assert str(tmp_path) not in refused.value.message
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    assert list(folder.iterdir()) == []
    assert {x.name for x in tmp_path.iterdir()} == {path.name, "unpacked", "temporary"}


@pytest.mark.parametrize(
    "hostile", [x for x in HOSTILE_FILES if x not in SANDBOXED], ids=lambda x: x.name
)
def test_what_runs_in_the_sandbox_refuses_it_too(hostile: HostileFile, tmp_path: Path) -> None:
    """Harmless ones, without the time that a process takes."""
    path = hostile.write(tmp_path)
    request = {"path": str(path), "folder": str(tmp_path), "max_bytes": MAX_BYTES, "stated": None}
    answer = inspect_file(request, lambda share, words: None)
    code, message = answer["rejected"]
    assert code == hostile.code, message
    assert len(message) > 30


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelRejected, match="is none") as refused:
        inspect(tmp_path / "nowhere.onnx")
    assert refused.value.code == "not_found"
