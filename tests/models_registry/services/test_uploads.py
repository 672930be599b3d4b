"""Receiving files: in parts, whole, broken off, too large, and what is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from models_registry.errors import Conflict, Refused
from models_registry.jobs.work import work
from models_registry.models import AuditEntry, DetectionModel, ModelVersion, Upload, UploadState
from models_registry.services.uploads import (
    suggested_name,
    upload_append,
    upload_begin,
    upload_discard,
    upload_finish,
)
from models_registry.storage import incoming_path, version_path
from tests.models_registry.uploading import accepted, package, uploaded, zoo_model
from tests.sensing.rows import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


def files(registry: Path) -> list[str]:
    return sorted(path.suffix for path in registry.rglob("*") if path.is_file())


def test_a_detector_becomes_the_first_version_of_a_lineage_named_after_its_file(
    registry: Path,
) -> None:
    version = accepted(zoo_model(), "Night Shift_v2.onnx", licence="MIT", source="our own")
    assert version.reference == "night-shift-v2:1"
    assert version.contract is not None
    assert version.contract["layout"] == "yolox"
    assert (version.model.licence, version.model.source) == ("MIT", "our own")
    assert version.inspection["opset"] == 13
    assert version_path(version.sha256).read_bytes() == zoo_model()
    assert files(registry) == [".onnx"]


def test_the_same_file_twice_is_one_version() -> None:
    first = accepted(zoo_model(), "a.onnx")
    again = uploaded(zoo_model(), "b.onnx")
    assert (again.version, again.known) == (first, True)
    assert ModelVersion.objects.count() == DetectionModel.objects.count() == 1


def test_another_file_under_the_name_of_a_lineage_is_its_next_version() -> None:
    accepted(zoo_model(), model_name="gate")
    assert accepted(zoo_model(160), model_name="gate").reference == "gate:2"


def test_a_package_brings_its_contract_and_its_card() -> None:
    content = package(
        model_onnx=zoo_model(),
        model_json='{"score_threshold": 0.25}',
        card_md="# Gate\nTrained on our yard.",
    )
    version = accepted(content, "gate.zip")
    assert version.contract is not None
    assert version.contract["score_threshold"] == 0.25
    assert version.card.startswith("# Gate")
    assert version_path(version.sha256).read_bytes() == zoo_model()


def test_a_contract_stated_with_the_upload_wins_over_the_packages() -> None:
    content = package(model_onnx=zoo_model(), model_json='{"score_threshold": 0.25}')
    version = accepted(content, "gate.zip", contract={"score_threshold": 0.5})
    assert version.contract is not None
    assert version.contract["score_threshold"] == 0.5


def test_what_is_no_model_is_rejected_in_words_and_leaves_no_file(registry: Path) -> None:
    upload = uploaded(b"this is a shopping list, not a model", "list.onnx")
    assert (upload.state, upload.code) == (UploadState.REJECTED, "not_onnx")
    assert "expected" in upload.message
    assert upload.version is None
    assert files(registry) == []
    assert AuditEntry.objects.filter(action="upload_rejected", subject="list.onnx").exists()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"file_name": "model.pt"}, "not_onnx"),
        ({"file_name": "onnx"}, "not_onnx"),
        ({"size_bytes": 0}, "empty"),
        ({"size_bytes": -5}, "empty"),
        ({"size_bytes": 10**15}, "too_large"),
        ({"model_name": "No Such Name!"}, "invalid"),
        ({"model_name": "motion"}, "reserved"),
        ({"contract": {"colour": "blue"}}, "contract_invalid"),
    ],
)
def test_an_announcement_that_cannot_end_well_is_refused_before_a_byte_is_sent(
    given: dict[str, Any], code: str, registry: Path
) -> None:
    whole: dict[str, Any] = {"file_name": "a.onnx", "size_bytes": 10} | given
    with pytest.raises(Refused) as refused:
        upload_begin(by=None, **whole)
    assert refused.value.code == code
    assert files(registry) == []


def test_a_path_in_a_file_name_is_cut_off() -> None:
    upload = upload_begin(by=None, file_name="..\\..\\etc/passwd.onnx", size_bytes=10)
    assert upload.file_name == "passwd.onnx"


def test_a_part_that_was_lost_is_asked_for_again() -> None:
    content = zoo_model()
    upload = upload_begin(by=None, file_name="a.onnx", size_bytes=len(content))
    upload_append(upload=upload, offset=0, content=content[:1000])
    with pytest.raises(Conflict, match="byte 1000"):
        upload_append(upload=upload, offset=2000, content=content[2000:])
    with pytest.raises(Conflict, match="byte 1000"):  # the same part sent twice
        upload_append(upload=upload, offset=0, content=content[:1000])
    upload_append(upload=upload, offset=1000, content=content[1000:])
    upload_finish(upload=upload, by=None)
    work()
    assert Upload.objects.get().state == UploadState.ACCEPTED


def test_more_bytes_than_announced_are_refused_and_nothing_of_them_is_kept() -> None:
    upload = upload_begin(by=None, file_name="a.onnx", size_bytes=10)
    upload_append(upload=upload, offset=0, content=b"12345")
    with pytest.raises(Refused, match="10 bytes in all"):
        upload_append(upload=upload, offset=5, content=b"678901")
    assert incoming_path(upload.pk).read_bytes() == b"12345"


def test_an_incomplete_file_is_not_inspected() -> None:
    upload = upload_begin(by=None, file_name="a.onnx", size_bytes=10)
    with pytest.raises(Conflict, match="got 0 so far"):
        upload_finish(upload=upload, by=None)


def test_a_finished_upload_takes_no_more_bytes() -> None:
    upload = upload_begin(by=None, file_name="a.onnx", size_bytes=3)
    upload_append(upload=upload, offset=0, content=b"abc")
    upload_finish(upload=upload, by=None)
    with pytest.raises(Conflict):
        upload_append(upload=upload, offset=3, content=b"d")
    with pytest.raises(Conflict):
        upload_discard(upload=Upload.objects.get(), by=None)


def test_a_discarded_upload_leaves_nothing(registry: Path) -> None:
    upload = upload_begin(by=None, file_name="a.onnx", size_bytes=3)
    upload_append(upload=upload, offset=0, content=b"abc")
    upload_discard(upload=upload, by=None)
    assert not Upload.objects.exists()
    assert files(registry) == []


def test_a_disk_without_room_refuses_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_registry.services.uploads.free_bytes", lambda: 600 * 1024 * 1024)
    with pytest.raises(Refused, match="no room for 101 MB"):
        upload_begin(by=None, file_name="a.onnx", size_bytes=100_000_001)


def test_uploads_that_nobody_finishes_do_not_pile_up() -> None:
    for number in range(20):
        upload_begin(by=None, file_name=f"{number}.onnx", size_bytes=3)
    with pytest.raises(Refused, match="20 uploads"):
        upload_begin(by=None, file_name="one-more.onnx", size_bytes=3)


def test_who_uploaded_is_written_down() -> None:
    user = make_user("ada", "admin")
    content = zoo_model()
    upload = upload_begin(by=user, file_name="a.onnx", size_bytes=len(content))
    upload_append(upload=upload, offset=0, content=content)
    upload_finish(upload=upload, by=user)
    work()
    acts = list(AuditEntry.objects.order_by("pk").values_list("who", "action", "subject"))
    assert acts == [("ada", "uploaded", "a.onnx"), ("ada", "version_added", "a:1")]


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("YOLOX_nano.416.onnx", "yolox-nano-416"),
        ("--.onnx", "model"),
        ("motion.onnx", "model"),
        ("車.onnx", "model"),
        ("x" * 90 + ".onnx", "x" * 60),
    ],
)
def test_a_lineage_is_named_after_the_file(file_name: str, name: str) -> None:
    assert suggested_name(file_name) == name
