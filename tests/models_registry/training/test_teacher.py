from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models_registry.training.errors import TrainingFailed
from models_registry.training.labelled import (
    LabelledPicture,
    LabelledSource,
    Objects,
    make_objects,
)
from models_registry.training.recipe import TeacherRecipe
from models_registry.training.teacher import load_teacher, merge, taught
from tests.models_registry.benchmarking.pictures import jpeg
from tests.onnx_zoo import build, yolox_output

CLASSES = ("person", "car", "bus")
LEFT, RIGHT = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.9, 0.9)
RECIPE = TeacherRecipe("teacher.onnx", least=0.1, sure=0.5, soften=0.0)


def merged(
    labels: Objects, seen: Objects, labelled: list[bool], soften: float = 0.0
) -> LabelledPicture:
    recipe = TeacherRecipe("teacher.onnx", least=0.1, sure=0.5, soften=soften)
    picture = LabelledPicture(Path("x.jpg"), labels, np.array(labelled))
    return merge(picture, seen, np.array([True, True, False]), recipe)


def test_a_class_that_nobody_labelled_is_filled_in() -> None:
    labels = make_objects([(LEFT, 1, 1.0, False)])
    seen = make_objects([(RIGHT, 0, 0.8, False), ((0.4, 0.1, 0.5, 0.2), 0, 0.3, False)])
    picture = merged(labels, seen, [False, True, False])
    assert picture.objects.kind.tolist() == [1, 0, 0]
    np.testing.assert_allclose(picture.objects.score, [1.0, 0.8, 0.3])
    assert picture.objects.ignored.tolist() == [False, False, True]  # the doubtful one
    assert picture.labelled.tolist() == [True, True, False]  # the teacher knows no bus


def test_where_a_class_is_labelled_the_labels_stand() -> None:
    seen = make_objects([(RIGHT, 1, 0.9, False)])
    picture = merged(make_objects([]), seen, [False, True, False])
    assert len(picture.objects) == 0


def test_a_labelled_object_is_not_there_twice_under_another_name() -> None:
    labels = make_objects([(LEFT, 1, 1.0, False)])
    picture = merged(labels, make_objects([(LEFT, 0, 0.9, False)]), [False, True, False])
    assert picture.objects.kind.tolist() == [1]


def test_a_distillation_softens_the_targets() -> None:
    labels = make_objects([(LEFT, 1, 1.0, False), (RIGHT, 1, 1.0, False), (RIGHT, 2, 1.0, False)])
    seen = make_objects([(LEFT, 1, 0.6, False)])
    picture = merged(labels, seen, [True, True, True], soften=0.5)
    # Seen at .6, not seen, and of a class that the teacher cannot know.
    np.testing.assert_allclose(picture.objects.score, [0.8, 0.5, 1.0])


def test_a_teacher_looks_once_and_its_word_is_kept(tmp_path: Path) -> None:
    # The zoo's model sees a car at .8 and a person at .6 on every picture.
    (tmp_path / "teacher.onnx").write_bytes(build({"output": yolox_output()}))
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    teacher = load_teacher(RECIPE, CLASSES, tmp_path)
    bare = LabelledPicture(tmp_path / "a.jpg", make_objects([]), np.zeros(3, np.bool_))
    source = LabelledSource("bare", (bare,), 1.0)
    said: list[str] = []
    for _ in range(2):
        picture = taught(teacher, source, tmp_path, said.append).pictures[0]
        assert sorted(picture.objects.kind.tolist()) == [0, 1]
        assert picture.labelled.all()
    assert len(said) == 1
    car = picture.objects.kind.tolist().index(1)
    np.testing.assert_allclose(picture.objects.xyxy[car] * 224, [30, 40, 110, 130], atol=0.5)


def test_a_teacher_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"teacher\.onnx"):
        load_teacher(RECIPE, CLASSES, tmp_path)
    (tmp_path / "teacher.onnx").write_bytes(build({"output": yolox_output()}))
    with pytest.raises(TrainingFailed, match="expected it to know one of"):
        load_teacher(RECIPE, ("submarine",), tmp_path)
