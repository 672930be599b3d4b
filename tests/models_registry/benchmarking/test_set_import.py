"""Uploaded sets are read in both formats, from folders and zips, or refused with file and line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.evaluation_set import load_set
from models_registry.benchmarking.set_import import ImportSummary, ImportWishes, import_set
from tests.models_registry.benchmarking.pictures import coco, jpeg, png, write_files, write_zip
from tests.shared_data import SHARED, needs_shared_data

Files = dict[str, bytes | str]
YAML = "train: images/train\nnames:\n  0: Person\n  1: car\n  2: motorbike\n"


def read(path: Path, folder: Path, **wishes: Any) -> ImportSummary:
    return import_set(path, folder, ImportWishes(**wishes), lambda share, words: None)


def yolo(lines: str = "1 0.5 0.5 0.2 0.4\n", **files: bytes | str) -> Files:
    return {
        "data.yaml": YAML,
        "images/train/a.jpg": jpeg(1),
        "labels/train/a.txt": lines,
        **files,
    }


def in_folder(tmp_path: Path, files: Files) -> Path:
    return write_files(tmp_path / "upload", files)


def in_zip(tmp_path: Path, files: Files) -> Path:
    return write_zip(tmp_path / "upload.zip", files)


@pytest.mark.parametrize("pack", [in_folder, in_zip], ids=["folder", "zip"])
def test_yolo_labels_are_read(tmp_path: Path, pack: Callable[[Path, Files], Path]) -> None:
    files = yolo(
        "1 0.5 0.5 0.2 0.4\n\n2 0.02 0.5 0.1 0.1\n1 0.1 0.1 0.3 0.1 0.3 0.5\n",
        **{
            "images/train/empty.png": png(2, 32, 16),
            "labels/train/empty.txt": "",
            "images/train/unlabelled.jpg": jpeg(3),
            "notes.txt": "not a label",
        },
    )
    summary = read(pack(tmp_path, files), tmp_path / "set")
    assert summary.format == "yolo"
    assert summary.images == 2
    assert summary.boxes_per_class == {"car": 2, "motorcycle": 1}
    assert summary.classes_covered == ("car", "motorcycle")
    assert summary.classes_without_boxes == ("person",)
    assert summary.left_out == {"images/train/unlabelled.jpg": "no label file"}
    made = load_set(tmp_path / "set")
    boxes = {image.width: image.boxes for image in made.images}
    assert boxes[32] == ()  # looked at, and nothing there
    corners = [box.xyxy for box in boxes[224]]
    assert corners[0] == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert corners[1] == pytest.approx((0.0, 0.45, 0.07, 0.55))  # cut at the edge
    assert corners[2] == pytest.approx((0.1, 0.1, 0.3, 0.5))  # around an outline


def test_the_operator_states_what_the_labels_cover(tmp_path: Path) -> None:
    path = in_folder(tmp_path, yolo())
    summary = read(path, tmp_path / "set", classes_covered=("person", "Motorbike"))
    assert summary.classes_covered == ("person", "motorcycle")
    assert summary.classes_not_covered == ("car",)
    assert summary.boxes_per_class == {"person": 0, "motorcycle": 0}


def test_classes_are_renamed_as_asked(tmp_path: Path) -> None:
    files = yolo() | {"data.yaml": "names: [a, 'delivery van']"}
    summary = read(in_folder(tmp_path, files), tmp_path / "set", rename={"Delivery van": "truck"})
    assert summary.boxes_per_class == {"truck": 1}


NAME_FILES: dict[str, Files] = {
    "yaml mapping": {"data.yaml": YAML},
    "yaml list": {"dataset.yml": "nc: 3\nnames: ['person', \"car\", motorbike]\n"},
    "yaml block list": {"data.yaml": "names:\n- person\n- car\n- motorbike\n"},
    "classes.txt beside the labels": {"labels/train/classes.txt": "person\ncar\nmotorbike\n\n"},
    "obj.names": {"obj.names": "person\r\ncar\r\nmotorbike\r\n"},
    "yaml without names, then classes.txt": {
        "hyperparameters.yaml": "lr: 0.1\n",
        "classes.txt": "person\ncar\nmotorbike",
    },
}


@pytest.mark.parametrize("names", NAME_FILES.values(), ids=NAME_FILES)
def test_class_names_are_found(tmp_path: Path, names: Files) -> None:
    files = yolo()
    del files["data.yaml"]
    summary = read(in_folder(tmp_path, files | names), tmp_path / "set")
    assert summary.boxes_per_class == {"car": 1}
    assert set(summary.classes_without_boxes) == {"person", "motorcycle"}


def test_one_split_of_several_is_taken(tmp_path: Path) -> None:
    files: Files = {
        "data.yaml": YAML,
        "test/images/a.jpg": jpeg(1),
        "test/labels/a.txt": "1 0.5 0.5 0.2 0.4",
        "train/images/b.jpg": jpeg(2),
        "train/labels/b.txt": "0 0.5 0.5 0.2 0.4",
    }
    path = in_folder(tmp_path, files)
    assert read(path, tmp_path / "test", split="test").boxes_per_class == {"car": 1}
    assert read(path, tmp_path / "all").images == 2


BAD_LINES = {
    "1 0.5 0.5 0.2": "expected class x y w h in 0–1, got '1 0.5 0.5 0.2'",
    "1 0.5 0.5 0.2 0.4 0.9": "expected class x y w h in 0–1",
    "car 0.5 0.5 0.2 0.4": "expected class x y w h in 0–1",
    "1 120 40 20 20": "expected class x y w h in 0–1, got '1 120 40 20 20'",
    "1 nan 0.5 0.2 0.4": "expected class x y w h in 0–1",
    "1 0.5 0.5 1e999 0.4": "expected class x y w h in 0–1",
    "3 0.5 0.5 0.2 0.4": "expected a class 0–2, got '3 0.5 0.5 0.2 0.4'",
    "-1 0.5 0.5 0.2 0.4": "expected a class 0–2",
    "1 0.5 0.5 0 0.4": "expected a width and height above 0",
    "1 1.005 0.5 0.001 0.4": "expected a box on the picture, it lies outside",
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.items())
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = in_folder(tmp_path, yolo(f"1 0.5 0.5 0.2 0.4\n\n{line}\n"))
    with pytest.raises(EvaluationSetInvalid) as no:
        read(path, tmp_path / "set")
    assert f"labels/train/a.txt line 3: {message}" in no.value.message
    assert not (tmp_path / "set" / "annotations.json").exists()


def test_all_bad_lines_are_counted_and_the_first_ones_shown(tmp_path: Path) -> None:
    path = in_folder(tmp_path, yolo("9 0.5 0.5 0.2 0.4\n" * 40))
    with pytest.raises(EvaluationSetInvalid, match="40 labels that cannot be read:") as no:
        read(path, tmp_path / "set")
    assert no.value.code == "labels_invalid"
    assert no.value.problems[-1] == "and 28 more"
    assert len(no.value.problems) == 13


def coco_files(**changes: Any) -> Files:
    annotation = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [20, 10, 40, 20]}
    crowd = {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 300, 50], "iscrowd": 1}
    image = {"id": 7, "file_name": "a.jpg", "width": 200, "height": 100}
    return {
        "annotations/instances.json": coco(
            [image | changes.get("image", {})],
            [annotation | changes.get("annotation", {}), crowd],
            {1: "person", 3: "Car"},
        ),
        "images/a.jpg": jpeg(1, 200, 100),
    }


@pytest.mark.parametrize("pack", [in_folder, in_zip], ids=["folder", "zip"])
def test_coco_labels_are_read(tmp_path: Path, pack: Callable[[Path, Files], Path]) -> None:
    files = coco_files() | {"annotations/captions.json": '{"images": [], "annotations": []}'}
    summary = read(pack(tmp_path, files), tmp_path / "set")
    assert summary.format == "coco"
    assert summary.classes_covered == ("person", "car")
    assert summary.boxes_per_class == {"person": 0, "car": 1}
    assert summary.crowd_regions == 1
    (image,) = load_set(tmp_path / "set").images
    assert image.boxes[0].xyxy == pytest.approx((0.1, 0.1, 0.3, 0.3))
    assert image.boxes[1].xyxy == pytest.approx((0, 0, 1, 0.5))
    assert [box.crowd for box in image.boxes] == [False, True]


BAD_COCO: dict[str, tuple[dict[str, Any], str]] = {
    "no box": ({"annotation": {"bbox": [1, 2]}}, r"annotations\[0\]: expected bbox"),
    "negative": ({"annotation": {"bbox": [1, 2, -5, 5]}}, "width and height above 0"),
    "huge": ({"annotation": {"bbox": [1, 2, 10**400, 5]}}, r"annotations\[0\]: expected bbox"),
    "no number": ({"annotation": {"bbox": [1, float("nan"), 5, 5]}}, "expected bbox"),
    "category": ({"annotation": {"category_id": 9}}, "expected the id of a category"),
    "image id": ({"annotation": {"image_id": 8}}, "expected the id of an image"),
    "no file": ({"image": {"file_name": "b.jpg"}}, "image 7: no file 'b.jpg'"),
    "outside": ({"image": {"file_name": "../../etc/passwd"}}, "image 7: no file"),
    "outside the picture": (
        {"annotation": {"bbox": [500, 10, 5, 5]}},
        r"annotations\[0\]: expected a box on the picture",
    ),
    "size differs": ({"image": {"width": 400}}, "expected 400×100 pixels .+ got 200×100"),
    "no size": ({"image": {"width": None}}, "expected its width and height"),
}


@pytest.mark.parametrize(("changes", "message"), BAD_COCO.values(), ids=BAD_COCO)
def test_a_bad_annotation_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = in_folder(tmp_path, coco_files(**changes))
    with pytest.raises(EvaluationSetInvalid, match=message):
        read(path, tmp_path / "set")


# Each line names the one before ten times: in full the last would have 10^25 words.
LAUGHS = "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
    for a, b in itertools.pairwise("abcdefghijklmnopqrstuvwxyz")
)

REFUSED_SETS: dict[str, tuple[Files, dict[str, Any], str, str]] = {
    "no class names": (
        {"images/a.jpg": jpeg(1), "labels/a.txt": ""},
        {},
        "classes_unknown",
        "expected data.yaml with names",
    ),
    "names with holes": (
        yolo() | {"data.yaml": "names: {0: a, 2: b}"},
        {},
        "classes_unknown",
        "numbered 0, 1, 2",
    ),
    "yaml with objects": (
        yolo() | {"data.yaml": "names: !!python/object/apply:os.getcwd []"},
        {},
        "classes_unknown",
        "data.yaml: could not determine a constructor",
    ),
    "yaml that would unfold without end": (
        yolo() | {"data.yaml": "a: &a [x, x]\n" + LAUGHS + "names: *z\n"},
        {},
        "classes_unknown",
        "data.yaml: expected names to be a list of words",
    ),
    "names not in UTF-8": (
        {"classes.txt": b"\xff\xfe\x00", "a.jpg": jpeg(1), "a.txt": ""},
        {},
        "labels_invalid",
        "classes.txt: expected text in UTF-8",
    ),
    "no pictures": ({"data.yaml": YAML}, {}, "empty", "expected JPEG or PNG pictures"),
    "no labels": (
        {"data.yaml": YAML, "a.jpg": jpeg(1)},
        {},
        "empty",
        "1 of them pictures without a label file",
    ),
    "a picture that is none": (
        yolo() | {"images/train/a.jpg": b"hello"},
        {},
        "picture_unreadable",
        "images/train/a.jpg: expected a JPEG or PNG",
    ),
    "a picture cut off": (
        yolo() | {"images/train/a.jpg": jpeg(1)[:2000]},
        {},
        "picture_unreadable",
        "images/train/a.jpg: expected a whole picture",
    ),
    "coco asked for": (yolo(), {"format": "coco"}, "format_unknown", "expected a JSON file"),
    "coco that does not parse": (
        {"a.json": '{"images": [', "b/b.json": "[1, 2]", "c.json": '{"images": []}'},
        {"format": "coco"},
        "format_unknown",
        "found none\na.json: Expecting value: line 1 column 13 (char 12)\n"
        "b/b.json: expected the lists ['images', 'annotations', 'categories']\n"
        "c.json: expected the lists",
    ),
    "coco that does not parse, of a split": (
        {"a.json": "[", "b/b.json": "[", "b/a.jpg": jpeg(1)},
        {"format": "coco", "split": "b"},
        "format_unknown",
        "found none\nb/b.json: Expecting value",
    ),
    "unknown format": (yolo(), {"format": "voc"}, "format_unknown", "expected yolo or coco"),
    "two annotation files": (
        coco_files() | {"again.json": coco([], [], {1: "car"})},
        {},
        "format_unknown",
        "got again.json, annotations/instances.json: name one",
    ),
    "named file is none": (
        coco_files() | {"x.json": "{"},
        {"annotations": "x.json"},
        "labels_invalid",
        "x.json",
    ),
}


@pytest.mark.parametrize(
    ("files", "wishes", "code", "message"), REFUSED_SETS.values(), ids=REFUSED_SETS
)
def test_a_set_that_cannot_be_used_is_refused(
    tmp_path: Path, files: Files, wishes: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(EvaluationSetInvalid) as no:
        read(in_folder(tmp_path, files), tmp_path / "set", **wishes)
    assert no.value.code == code
    assert message in no.value.message


def test_one_of_two_annotation_files_is_taken_by_name(tmp_path: Path) -> None:
    files = coco_files() | {"again.json": coco([], [], {1: "car"})}
    path = in_folder(tmp_path, files)
    assert read(path, tmp_path / "set", annotations="annotations/instances.json").images == 1


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    path = in_folder(tmp_path, yolo())
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg(9))
    (path / "images/train/b.jpg").symlink_to(secret)
    (path / "labels/train/b.txt").write_text("")
    assert read(path, tmp_path / "set").images == 1


def test_labels_whose_picture_is_lost_are_left_out_and_said(tmp_path: Path) -> None:
    files = yolo(
        **{
            "images/train/b.gif": b"GIF89a",
            "labels/train/b.txt": "0 0.5 0.5 0.2 0.4\n",
            "train.txt": "images/train/lost.jpg\n",
        }
    )
    summary = read(in_folder(tmp_path, files), tmp_path / "set")
    assert summary.images == 1
    assert summary.left_out == {"labels/train/b.txt": "no picture of this name"}


def test_the_same_picture_twice_is_left_out_and_said(tmp_path: Path) -> None:
    files = yolo() | {"images/train/b.jpg": jpeg(1), "labels/train/b.txt": ""}
    summary = read(in_folder(tmp_path, files), tmp_path / "set")
    assert summary.images == 1
    assert summary.left_out_count == 1
    assert "already" in summary.left_out["images/train/b.jpg"]


NAMES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")


@needs_shared_data
@pytest.mark.parametrize(
    ("folder", "images", "unseen"),
    [
        ("highway", 246, ("bicycle",)),
        ("cctv", 19, ("person", "motorcycle")),
        ("openimages", 63, ("person", "bicycle")),
    ],
)
def test_real_sets_are_read(
    tmp_path: Path, folder: str, images: int, unseen: tuple[str, ...]
) -> None:
    path = SHARED / "detection" / folder
    summary = read(path, tmp_path, class_names=NAMES, split="test")
    assert summary.images == images
    assert summary.classes_without_boxes == unseen
    stored = json.loads((tmp_path / "annotations.json").read_text())
    lines = [x for file in (path / "test/labels").iterdir() for x in file.read_text().split("\n")]
    assert sum(len(x["boxes"]) for x in stored["images"]) == sum(bool(x.strip()) for x in lines)
