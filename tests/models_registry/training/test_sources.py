from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.training.crops import outline
from models_registry.training.errors import TrainingFailed
from models_registry.training.labelled import ANY_CLASS, as_evaluation_set
from models_registry.training.made_sets import no_renderer, source_folder
from models_registry.training.recipe import ROAD_USERS, SourceRecipe
from models_registry.training.sources import read_source
from tests.models_registry.benchmarking.pictures import jpeg

YOLO = SourceRecipe("street", "yolo", "x", names=("car", "van", "dog"), labelled=("car",))
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


def coco_folder(folder: Path, bbox: list[float]) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.jpg").write_bytes(jpeg(1, 200, 100))
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
    recipe = SourceRecipe("street", "coco", "x", labelled=("car",))
    source = read_source(recipe, ROAD_USERS, coco_folder(tmp_path, [20, 10, 100, 50]))
    objects = source.pictures[0].objects
    np.testing.assert_allclose(objects.xyxy[0], [0.1, 0.1, 0.6, 0.6], atol=1e-6)
    assert objects.ignored.tolist() == [False, True]
    labels = as_evaluation_set(source, ROAD_USERS)
    assert labels.classes_covered == ("car",)
    assert [x.crowd for x in labels.images[0].boxes] == [False, True]
    assert (labels.images[0].width, labels.images[0].height) == (200, 100)


def test_bad_coco_labels_are_refused_with_their_place(tmp_path: Path) -> None:
    recipe = SourceRecipe("street", "coco", "x", labelled=("car",))
    with pytest.raises(TrainingFailed, match=r"annotations\.json annotations\[0\]"):
        read_source(recipe, ROAD_USERS, coco_folder(tmp_path, [20, 10, -5, 50]))


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
