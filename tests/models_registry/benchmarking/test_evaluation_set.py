"""A stored evaluation set is read back as it was written, or refused with the fault's place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from models_registry.benchmarking.errors import EvaluationSetInvalid, MeasurementFailed
from models_registry.benchmarking.evaluation_set import (
    EvaluationSet,
    LabelledImage,
    load_set,
    save_annotations,
)
from models_registry.benchmarking.set_writer import SetWriter, clipped
from tests.models_registry.benchmarking.pictures import jpeg, labelled, png, stored_set

CAR = (30.0, 40.0, 110.0, 130.0)


def test_a_set_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path)
    content = png(3, 64, 48)
    image = writer.add(content, [labelled("car", CAR), labelled("person", CAR, crowd=True)])
    assert image is not None
    assert (image.width, image.height) == (64, 48)
    assert image.file == f"images/{hashlib.sha256(content).hexdigest()}.png"
    assert (tmp_path / image.file).read_bytes() == content
    made = writer.finish(["Car", "motorbike", "car"])
    assert made.classes_covered == ("car", "motorcycle")
    again = load_set(tmp_path)
    assert again.classes_covered == made.classes_covered
    assert [box.crowd for box in again.images[0].boxes] == [False, True]
    assert again.images[0].boxes[0].xyxy == pytest.approx(made.images[0].boxes[0].xyxy, abs=1e-6)
    assert again.boxes_per_class() == {"car": 1, "motorcycle": 0}
    assert again.to_json() == json.loads((tmp_path / "annotations.json").read_text())


def test_the_same_picture_stands_in_a_set_once(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path)
    assert writer.add(jpeg(1), [labelled("car", CAR)]) is not None
    assert writer.add(jpeg(1), []) is None
    assert len(writer) == len(list((tmp_path / "images").iterdir())) == 1


def test_a_set_without_labels_yet_is_no_set(tmp_path: Path) -> None:
    SetWriter(tmp_path).add(jpeg(1), [])
    with pytest.raises(EvaluationSetInvalid, match=r"cannot read annotations\.json"):
        load_set(tmp_path)


def test_what_is_no_picture_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match="expected a JPEG or PNG"):
        SetWriter(tmp_path).add(b"GIF89a", [])
    assert list((tmp_path / "images").iterdir()) == []


def test_corrected_labels_replace_the_old_ones_at_once(tmp_path: Path) -> None:
    made = stored_set(tmp_path, [[labelled("car", CAR)]], ["car"])
    image = made.images[0]
    boxes = (labelled("truck", CAR),)
    corrected = LabelledImage(image.file, image.width, image.height, boxes)
    save_annotations(tmp_path, EvaluationSet(("car", "truck"), (corrected,)))
    assert load_set(tmp_path).boxes_per_class() == {"car": 0, "truck": 1}
    assert sorted(x.name for x in tmp_path.iterdir()) == ["annotations.json", "images"]


def document(**changes: Any) -> dict[str, Any]:
    box = {"class": "car", "xyxy": [0.1, 0.1, 0.5, 0.5], **changes.pop("box", {})}
    image = {"file": "images/a.jpg", "width": 10, "height": 10, "boxes": [box]}
    image |= changes.pop("image", {})
    return {"classes_covered": ["car"], "images": [image], **changes}


WRONG = {
    "no object": ([], r"annotations.json: expected a JSON object"),
    "covered is text": (document(classes_covered="car"), "classes_covered: expected a list"),
    "images missing": (document(images=None), "images: expected a list, got None"),
    "path upwards": (document(image={"file": "../x.jpg"}), r"images\[0\].file: expected a path"),
    "absolute path": (document(image={"file": "/x.jpg"}), r"images\[0\].file: expected a path"),
    "no width": (document(image={"width": 0}), r"images\[0\].width: expected a number of pixels"),
    "no class": (document(box={"class": ""}), r"boxes\[0\].class: expected a name"),
    "three corners": (document(box={"xyxy": [0, 0, 1]}), "expected four numbers"),
    "text": (document(box={"xyxy": [0, 0, 1, "1"]}), "expected four numbers"),
    "inverted": (document(box={"xyxy": [0.5, 0, 0.4, 1]}), "0 ≤ x1 < x2 ≤ 1"),
    "pixels": (document(box={"xyxy": [0, 0, 100, 100]}), "0 ≤ x1 < x2 ≤ 1"),
    "thinner than is stored": (document(box={"xyxy": [0.5, 0, 0.5000001, 1]}), "x1 < x2"),
    "endless side": (document(image={"height": 10**9}), r"height: expected a number of pixels"),
    "no float": (document(box={"xyxy": [0, 0, 10**400, 1]}), "0 ≤ x1 < x2 ≤ 1"),
    "not a number": (document(box={"xyxy": [0, 0, float("nan"), 1]}), "0 ≤ x1 < x2 ≤ 1"),
}


@pytest.mark.parametrize(("written", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_document_is_refused_with_the_place(
    tmp_path: Path, written: object, message: str
) -> None:
    (tmp_path / "annotations.json").write_text(json.dumps(written))
    with pytest.raises(EvaluationSetInvalid, match=message) as no:
        load_set(tmp_path)
    assert no.value.code == "labels_invalid"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "annotations.json").write_bytes(content)
    with pytest.raises(EvaluationSetInvalid, match="expected JSON"):
        load_set(tmp_path)


def test_boxes_are_cut_at_the_edges() -> None:
    assert clipped((-5, 10, 50, 120), 100, 100) == (0.0, 0.1, 0.5, 1.0)
    assert clipped((100, 10, 120, 20), 100, 100) is None
