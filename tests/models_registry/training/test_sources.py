from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.benchmarking.stills import read_still
from models_registry.training.crops import outline
from models_registry.training.errors import TrainingFailed
from models_registry.training.labelled import ANY_CLASS, as_evaluation_set
from models_registry.training.made_sets import no_renderer, source_folder
from models_registry.training.pictures import picture_size
from models_registry.training.recipe import ROAD_USERS, SourceRecipe
from models_registry.training.recipe_file import load_recipe
from models_registry.training.sources import read_source
from tests.models_registry.benchmarking.pictures import jpeg, stored_set
from tests.shared_data import ROOT, SHARED, needs_shared_data

YOLO = SourceRecipe("street", "yolo", "x", names=("car", "van", "dog"), labelled=("car",))
COCO = SourceRecipe("street", "coco", "x", labelled=("car",))
CAR = ROAD_USERS.index("car")


def yolo_folder(folder: Path, labels: dict[str, str]) -> Path:
    for name, lines in labels.items():
        for part, content in (("images", jpeg(len(name))), ("labels", lines.encode())):
            suffix = ".jpg" if part == "images" else ".txt"
            (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / part / f"{name}{suffix}").write_bytes(content)
    return folder


def test_yolo_labels_become_objects_of_our_classes(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path, {"a": "0 .5 .5 .2 .4\n1 .2 .2 .1 .1\n2 .8 .8 .1 .1\n", "bb": ""})
    recipe = replace(YOLO, rename={"van": "car"})
    source = read_source(recipe, ROAD_USERS, folder)
    first, second = source.pictures
    assert first.objects.kind.tolist() == [CAR, CAR]  # the dog plays no part
    np.testing.assert_allclose(first.objects.xyxy[0], [0.4, 0.3, 0.6, 0.7], atol=1e-6)
    assert len(second.objects) == 0
    assert first.labelled.tolist() == [name == "car" for name in ROAD_USERS]
    assert source.counts(ROAD_USERS)["car"] == 2
    assert source.share == 2.0


def test_what_is_to_be_ignored_counts_neither_way_for_any_class(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path, {"a": "1 .2 .2 .1 .1\n"})
    recipe = replace(YOLO, ignored=("van",))
    (picture,) = read_source(recipe, ROAD_USERS, folder).pictures
    assert picture.objects.kind.tolist() == [ANY_CLASS]
    assert picture.objects.ignored.tolist() == [True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("0 .5 .5 .2 .4\n0 .5 .5 .2\n", "labels/a.txt line 2: expected class x y w h"),
        ("7 .5 .5 .2 .4\n", "labels/a.txt line 1: expected a class 0–2"),
        ("0 5 .5 .2 .4\n", "labels/a.txt line 1"),
        ("0 .5 .5 0 .4\n", "line 1: expected a width and height above 0"),
        ("0 nan .5 .2 .4\n", "labels/a.txt line 1"),
    ],
)
def test_bad_yolo_labels_are_refused_with_file_and_line(
    tmp_path: Path, lines: str, words: str
) -> None:
    folder = yolo_folder(tmp_path, {"a": lines, "bb": "0 .5 .5 .2 .4\n"})
    with pytest.raises(TrainingFailed, match=words) as caught:
        read_source(YOLO, ROAD_USERS, folder)
    assert caught.value.code == "labels_invalid"
    assert "street" in caught.value.message


@pytest.mark.parametrize("lines", ["0 .5 .5 .2 .4\n", ""], ids=["car", "nothing there"])
def test_a_label_file_whose_picture_is_lost_is_told(tmp_path: Path, lines: str) -> None:
    folder = yolo_folder(tmp_path, {"a": lines, "bb": "", "ccc": "", "dddd": ""})
    (folder / "images" / "a.jpg").unlink()
    (folder / "images" / "bb.jpg").rename(folder / "images" / "bb.gif")
    (folder / "images" / "ccc.jpg").rename(tmp_path / "elsewhere.jpg")
    (folder / "images" / "ccc.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with pytest.raises(TrainingFailed) as caught:
        read_source(YOLO, ROAD_USERS, folder)
    assert caught.value.code == "labels_invalid"
    first, *others = caught.value.message.splitlines()
    assert first == "street: 3 labels that cannot be used:"
    assert [x.split(":")[0] for x in others] == [f"labels/{x}.txt" for x in ("a", "bb", "ccc")]
    assert "expected a JPEG or PNG of this name that is no link, found none" in others[0]


def test_text_that_is_no_label_needs_no_picture(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path, {"a": "0 .5 .5 .2 .4\n"})
    (folder / "labels" / "classes.txt").write_text("car\nvan\ndog\n")
    (folder / "train.txt").write_text("images/a.jpg\nimages/lost.jpg\n")
    (folder / "notes.txt").write_text("3 cars were labelled by hand\n")
    (folder / "matrix.txt").write_text("1 0 0\n0 1 0\n0 0 1\n")
    (folder / "empty.txt").write_text("")
    (folder / "labels" / "readme.txt").write_bytes(b"\xff\xfe")
    assert len(read_source(YOLO, ROAD_USERS, folder).pictures) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rename": {"lorryyy": "car"}}, r"rename: .* \(car, dog, van\), got lorryyy"),
        ({"ignored": ("vann",)}, r"ignored: expected words among the set's \(.* got vann"),
        ({"rename": {"van": "car"}, "ignored": ("van",)}, r"ignored: .* \(car, dog\), got van"),
        ({"labelled": ("car", "bus")}, r"labelled: .* \(car, dog, van\), got bus"),
    ],
)
def test_words_that_the_set_does_not_have_are_told(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    yolo, coco = yolo_folder(tmp_path / "yolo", {"a": ""}), tmp_path / "coco"
    categories = [{"id": number, "name": name} for number, name in enumerate(YOLO.names)]
    document = {"images": [], "annotations": [], "categories": categories}
    coco.mkdir()
    (coco / "annotations.json").write_text(json.dumps(document))
    for folder, recipe in ((yolo, YOLO), (coco, replace(YOLO, format="coco", names=()))):
        with pytest.raises(TrainingFailed, match=f"street: {words}") as caught:
            read_source(replace(recipe, **change), ROAD_USERS, folder)
        assert caught.value.code == "labels_invalid"


def test_a_stored_set_has_the_words_that_it_covers_or_labels(tmp_path: Path) -> None:
    van = LabelledBox("van", (0.1, 0.1, 0.5, 0.5))
    stored_set(tmp_path / "set", [[van]], ["car"])
    recipe = SourceRecipe("street", "set", "set", rename={"Van": "truck"}, labelled=("bus",))
    source = read_source(recipe, ROAD_USERS, tmp_path / "set")
    assert source.counts(ROAD_USERS)["truck"] == 1
    assert source.labelled_classes(ROAD_USERS) == ("bus",)  # looked for, though none is there
    with pytest.raises(TrainingFailed, match=r"ignored: .* \(car, truck\), got lorryy"):
        read_source(replace(recipe, ignored=("lorryy",)), ROAD_USERS, tmp_path / "set")


def coco_folder(
    folder: Path, bbox: Sequence[float] = (0, 0, 9, 9), content: bytes | None = None
) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.jpg").write_bytes(content or jpeg(1, 200, 100))
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": bbox, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 3, "bbox": [0, 0, 20, 20], "iscrowd": 1},
        ],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_coco_labels_are_read_and_a_crowd_counts_neither_way(tmp_path: Path) -> None:
    source = read_source(COCO, ROAD_USERS, coco_folder(tmp_path, [20, 10, 100, 50]))
    objects = source.pictures[0].objects
    np.testing.assert_allclose(objects.xyxy[0], [0.1, 0.1, 0.6, 0.6], atol=1e-6)
    assert objects.ignored.tolist() == [False, True]
    labels = as_evaluation_set(source, ROAD_USERS)
    assert labels.classes_covered == ("car",)
    assert [x.crowd for x in labels.images[0].boxes] == [False, True]
    assert (labels.images[0].width, labels.images[0].height) == (200, 100)


def test_bad_coco_labels_are_refused_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"annotations\.json annotations\[0\]"):
        read_source(COCO, ROAD_USERS, coco_folder(tmp_path, [20, 10, -5, 50]))


def with_segment(picture: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG with one more segment at its beginning."""
    return picture[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + picture[2:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (jpeg(1, 100, 50), r"images/a\.jpg: expected 200×100 pixels .* got 100×50"),
        (jpeg(1, 100, 200), "got 100×200"),
        (b"GIF89a", r"images/a\.jpg: expected a JPEG or PNG"),
    ],
)
def test_a_picture_of_another_size_than_its_labels_is_told(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(TrainingFailed, match=words) as caught:
        read_source(COCO, ROAD_USERS, coco_folder(tmp_path, content=content))
    assert caught.value.code == "labels_invalid"


@pytest.mark.parametrize(("order", "mark"), [("<", b"II"), (">", b"MM")])
@pytest.mark.parametrize("turn", range(1, 9))
def test_sizes_count_as_the_picture_stands_upright(
    tmp_path: Path, order: str, mark: bytes, turn: int
) -> None:
    head = struct.pack(f"{order}HIH", 42, 8, 2)
    fields = struct.pack(f"{order}HHIHH", 0x0100, 3, 1, 7, 0)
    fields += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, turn, 0)
    exif = b"Exif\0\0" + mark + head + fields + bytes(4)
    lying = jpeg(1, 200, 100) if turn < 5 else jpeg(1, 100, 200)
    folder = coco_folder(tmp_path, content=with_segment(lying, 0xE1, exif))
    (picture,) = read_source(COCO, ROAD_USERS, folder).pictures
    assert picture_size(picture.path) == (200, 100)
    assert read_still(picture.path).shape == (100, 200, 3)


def test_a_size_behind_long_profiles_is_found(tmp_path: Path) -> None:
    content = jpeg(1, 200, 100)
    for _ in range(3):
        content = with_segment(content, 0xE2, bytes(60_000))
    assert len(read_source(COCO, ROAD_USERS, coco_folder(tmp_path, content=content)).pictures) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1, 2]", "expected the lists"), ('{"images": [', "Expecting value: line 1")],
)
def test_annotations_that_are_none_are_told_with_the_reason(
    tmp_path: Path, text: str, words: str
) -> None:
    folder = coco_folder(tmp_path)
    (folder / "annotations.json").write_text(text)
    with pytest.raises(TrainingFailed, match=rf"found none\nannotations\.json: {words}"):
        read_source(COCO, ROAD_USERS, folder)


@needs_shared_data
@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("detector*.toml")))
def test_the_labels_of_the_recipes_that_ship_can_be_read(path: Path) -> None:
    recipe = load_recipe(path)
    for stated in (*recipe.sources, *recipe.evaluation):
        if stated.format == "yolo":
            assert read_source(stated, recipe.classes, SHARED / stated.path).pictures


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="expected a folder"):
        read_source(YOLO, ROAD_USERS, tmp_path / "none")
    with pytest.raises(TrainingFailed, match="street"):
        read_source(YOLO, ROAD_USERS, tmp_path)


def test_rendered_pictures_are_made_once_and_label_every_class(tmp_path: Path) -> None:
    asked = []

    def render(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
        asked.append(url)
        for number in range(count):
            box = LabelledBox("bus", (0.1, 0.1, 0.5, 0.5), crowd=number == 1)
            yield jpeg(number), (box,)

    recipe = SourceRecipe("sim", "simulation", urls=("sim://road",), count=3)
    for _ in range(2):
        folder = source_folder(recipe, tmp_path, tmp_path / "kept", render, print)
        source = read_source(recipe, ROAD_USERS, folder)
    assert asked == ["sim://road"]
    assert len(source.pictures) == 3
    assert source.pictures[0].labelled.all()
    assert [x.objects.ignored.tolist() for x in source.pictures] == [[False], [True], [False]]


def test_two_runs_at_once_make_a_set_once(tmp_path: Path) -> None:
    begun, asked = Event(), []

    def render(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
        asked.append(url)
        begun.set()
        yield jpeg(0), ()
        time.sleep(0.3)  # the other one is at the door by now
        yield jpeg(1), ()

    def pictures() -> int:
        folder = source_folder(recipe, tmp_path, tmp_path / "kept", render, print)
        return len(read_source(recipe, ROAD_USERS, folder).pictures)

    recipe = SourceRecipe("sim", "simulation", urls=("sim://road",), count=2)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(pictures)
        begun.wait()
        second = pool.submit(pictures)
        assert (first.result(), second.result()) == (2, 2)
    assert asked == ["sim://road"]


def test_every_nth_frame_of_a_video_becomes_a_still(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), number * 20, np.uint8))
    writer.release()
    recipe = SourceRecipe("clip", "stills", "clip.avi", every=4)
    folder = source_folder(recipe, tmp_path, tmp_path / "kept", _no_render, print)
    source = read_source(recipe, ROAD_USERS, folder)
    assert len(source.pictures) == 3
    assert not source.pictures[0].labelled.any()


def _no_render(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
    raise AssertionError(url)


def crops_folder(folder: Path) -> Path:
    """Light boxes on a grey road; of the third only a corner stands out."""
    for number, (x, y, w, h) in enumerate([(30, 20, 40, 60), (25, 25, 45, 50), (44, 44, 9, 9)]):
        noise = np.random.default_rng(number).integers(0, 12, (100, 100, 3))
        picture = np.asarray(90 + noise, np.uint8)
        picture[y : y + h, x : x + w] += 120
        (folder / "bike").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "bike" / f"{number}.png"), picture)
    return folder


CROPS = SourceRecipe(
    "single", "crops", "x", names=("bike",), labelled=("motorcycle",), rename={"bike": "motorcycle"}
)


def made(recipe: SourceRecipe, data: Path, kept: Path) -> Path:
    return source_folder(recipe, data, kept, no_renderer, lambda words: None)


def test_objects_are_cut_out_of_their_pictures(tmp_path: Path) -> None:
    crops_folder(tmp_path / "x")
    source = read_source(CROPS, ROAD_USERS, made(CROPS, tmp_path, tmp_path / "kept"))
    assert source.counts(ROAD_USERS)["motorcycle"] == len(source.pictures) == 2  # a part is none
    found = sorted(tuple(x.objects.xyxy[0].tolist()) for x in source.pictures)
    np.testing.assert_allclose(found, [(0.25, 0.25, 0.7, 0.75), (0.3, 0.2, 0.7, 0.8)], atol=0.021)
    assert source.labelled_classes(ROAD_USERS) == ("motorcycle",)


def test_a_class_without_pictures_is_told(tmp_path: Path) -> None:
    crops_folder(tmp_path / "x")
    with pytest.raises(TrainingFailed, match=r"single: expected pictures of one class in .*truck"):
        made(replace(CROPS, names=("bike", "truck")), tmp_path, tmp_path / "kept")
    (tmp_path / "x" / "bike" / "0.png").write_bytes(b"no picture")
    with pytest.raises(TrainingFailed, match=r"0\.png"):
        made(CROPS, tmp_path, tmp_path / "kept")


def test_a_picture_of_one_colour_shows_nothing() -> None:
    assert outline(np.full((80, 60, 3), 90, np.uint8)) is None
    assert outline(np.full((3, 3, 3), 90, np.uint8)) is None
