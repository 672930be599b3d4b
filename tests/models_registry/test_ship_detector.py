"""A finished training becomes the detector that ships, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from models_registry.builtin import DETECTOR, PARENT, inspection_of
from models_registry.management.commands import ship_detector


@pytest.fixture
def builtin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ships, elsewhere, so that a test may replace it."""
    folder = Path(shutil.copytree(DETECTOR.parent, tmp_path / "builtin"))
    for name, path in (("DETECTOR", DETECTOR), ("PARENT", PARENT)):
        monkeypatch.setattr(ship_detector, name, folder / path.name)
    monkeypatch.setattr(ship_detector, "inspection_of", lambda x: folder / inspection_of(x).name)
    return folder


@pytest.fixture
def training(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DETECTOR.parent, tmp_path / "training"))


def contents(folder: Path) -> dict[str, bytes]:
    return {x.name: x.read_bytes() for x in folder.iterdir() if x.is_file()}


def test_a_finished_training_ships_with_what_inspection_says_of_it(
    builtin: Path, training: Path
) -> None:
    card = training / PARENT.with_suffix(".md").name
    card.write_text("# another\n")
    said = inspection_of(builtin / DETECTOR.name)
    said.write_text("{}")
    call_command("ship_detector", training)
    assert (builtin / card.name).read_text() == "# another\n"
    assert '"layout": "yolov8"' in said.read_text()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (f"{DETECTOR.stem}.json", b"{half", "expected a contract in JSON"),
        (f"{DETECTOR.stem}.json", b"\xff\xfe", "expected a contract in JSON"),
        (DETECTOR.name, b"no model", f"{DETECTOR.name}: "),
        (f"{PARENT.stem}.md", None, f"missing ..{PARENT.stem}.md"),
    ],
)
def test_a_training_that_is_not_sound_changes_nothing(
    name: str, content: bytes | None, words: str, builtin: Path, training: Path
) -> None:
    before = contents(builtin)
    if content is None:
        (training / name).unlink()
    else:
        (training / name).write_bytes(content)
    with pytest.raises(CommandError, match=words):
        call_command("ship_detector", training)
    assert contents(builtin) == before
