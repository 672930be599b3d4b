"""manage.py import_model, as an installer's script calls it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from models_registry.models import Alias, ModelVersion
from tests.models_registry.uploading import zoo_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


def import_model(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_model", str(path), *options, stdout=out)
    return out.getvalue()


def test_a_file_becomes_a_version_and_its_alias(tmp_path: Path) -> None:
    path = tmp_path / "gate.onnx"
    path.write_bytes(zoo_model())
    said = import_model(path, "--model", "north", "--alias", "production", "--licence", "MIT")
    assert said.splitlines() == ["north:1", "north@production → north:1"]
    assert Alias.objects.get().version == ModelVersion.objects.get()
    assert "was there already" in import_model(path)


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"a shopping list", [], "not_onnx"),
        (b"", [], "empty"),
        (b"x", ["--model", "No!"], "invalid"),
    ],
)
def test_a_file_that_is_refused_says_why(
    tmp_path: Path, content: bytes, options: list[str], words: str
) -> None:
    path = tmp_path / "gate.onnx"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        import_model(path, *options)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.onnx"):
        import_model(tmp_path / "nowhere.onnx")


def test_a_contract_that_is_no_json_is_named(tmp_path: Path) -> None:
    model, contract = tmp_path / "gate.onnx", tmp_path / "gate.json"
    model.write_bytes(zoo_model())
    contract.write_text("{oops")
    with pytest.raises(CommandError, match=r"gate\.json: expected JSON"):
        import_model(model, "--contract", str(contract))
