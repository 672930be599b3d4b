"""Accuracy counts what the labels cover, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models_registry.benchmarking.accuracy import for_accuracy, measure, spread
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import EvaluationSet, load_set
from models_registry.benchmarking.set_import import ImportWishes, import_set
from models_registry.runtime.detector import load_detector
from tests.models_registry.benchmarking.pictures import labelled, model, stored_set
from tests.onnx_zoo import Seen
from tests.shared_data import SHARED, needs_shared_data

CAR, PERSON = (30.0, 40.0, 110.0, 130.0), (150.0, 60.0, 190.0, 170.0)
ELSEWHERE = (10.0, 180.0, 60.0, 220.0)


def test_what_is_labelled_and_seen_is_found(tmp_path: Path) -> None:
    made = stored_set(
        tmp_path / "set",
        [[labelled("car", CAR), labelled("person", PERSON)], [labelled("car", CAR)]],
        ["person", "car"],
    )
    result = measure(load_detector(model(tmp_path)), made, tmp_path / "set")
    # The zoo's car is where it is labelled on both pictures, its person on one of two.
    assert result.images == 2
    assert result.classes["car"].ap50 == pytest.approx(1.0)
    assert result.classes["car"].objects == result.classes["car"].found == 2
    assert result.classes["person"].ap50 == pytest.approx(1.0)  # hit first, alarm on picture two
    assert result.classes["person"].best.precision == pytest.approx(0.5)  # type: ignore[union-attr]
    assert result.mean_ap50 == pytest.approx(1.0)


def test_a_class_that_the_labels_do_not_cover_is_not_an_error(tmp_path: Path) -> None:
    made = stored_set(tmp_path / "set", [[labelled("car", CAR)]], ["car"])
    result = measure(load_detector(model(tmp_path)), made, tmp_path / "set")
    assert list(result.classes) == ["car"]
    assert result.classes["car"].ap50 == pytest.approx(1.0)
    assert "person" in result.classes_masked
    assert "car" not in result.classes_masked


def test_a_vehicle_taken_for_another_kind_is_still_a_vehicle(tmp_path: Path) -> None:
    made = stored_set(
        tmp_path / "set",
        [[labelled("truck", CAR), labelled("bus", ELSEWHERE)]],
        ["truck", "bus", "car"],
    )
    result = measure(load_detector(model(tmp_path)), made, tmp_path / "set")
    assert result.classes["truck"].ap50 == 0
    assert result.classes["car"].ap50 is None  # covered, but no car is there
    assert result.classes["car"].found == 1
    assert result.any_vehicle is not None
    assert result.any_vehicle.objects == 2
    assert result.any_vehicle.ap50 == pytest.approx(51 / 101)
    assert result.vehicle_classes == ("car", "bus", "truck")


def test_a_class_that_the_model_cannot_name_has_no_figure(tmp_path: Path) -> None:
    made = stored_set(
        tmp_path / "set", [[labelled("van", CAR), labelled("car", CAR)]], ["van", "car"]
    )
    result = measure(load_detector(model(tmp_path)), made, tmp_path / "set")
    assert result.classes["van"].ap50 is None
    assert result.classes["van"].objects == 1
    assert result.classes_unknown_to_model == ("van",)
    assert result.mean_ap50 == result.classes["car"].ap50


def test_weak_boxes_count_down_to_the_floor(tmp_path: Path) -> None:
    path = model(tmp_path, [Seen(CAR, 2, 0.05)])
    made = stored_set(tmp_path / "set", [[labelled("car", CAR)]], ["car"])
    in_use = load_detector(path)
    measured = load_detector(path, for_accuracy(in_use.contract))
    assert measure(in_use, made, tmp_path / "set").classes["car"].ap50 == 0
    assert measure(measured, made, tmp_path / "set").classes["car"].ap50 == pytest.approx(1.0)


def test_fewer_pictures_are_spread_over_the_set(tmp_path: Path) -> None:
    made = stored_set(tmp_path / "set", [[labelled("car", CAR)]] * 9, ["car"])
    assert spread(made.images, 3) == (made.images[0], made.images[4], made.images[8])
    assert spread(made.images, 9) == spread(made.images, None) == made.images
    told: list[float] = []
    result = measure(
        load_detector(model(tmp_path)),
        made,
        tmp_path / "set",
        max_images=3,
        progress=lambda share, words: told.append(share),
    )
    assert result.images == 3
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_an_empty_set_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match="expected a set with pictures") as no:
        measure(load_detector(model(tmp_path)), EvaluationSet(("car",), ()), tmp_path)
    assert no.value.code == "nothing_to_measure"


NAMES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
# (folder, classes that its labels cover, any vehicle's AP50 as the data's own description says)
SHARED_SETS = [
    ("cctv/valid", NAMES[1:], 0.34),
    ("openimages/test", ("car", "motorcycle", "bus", "truck"), 0.59),
]


@needs_shared_data
@pytest.mark.parametrize(("folder", "covered", "stated"), SHARED_SETS, ids=lambda x: str(x)[:15])
def test_a_real_detector_comes_near_the_figure_that_others_measured(
    tmp_path: Path, folder: str, covered: tuple[str, ...], stated: float
) -> None:
    wishes = ImportWishes(class_names=NAMES, classes_covered=covered)
    import_set(SHARED / "detection" / folder, tmp_path, wishes, lambda share, words: None)
    path = SHARED / "models" / "yolox_nano_416.onnx"
    detector = load_detector(path, for_accuracy(load_detector(path).contract))
    result = measure(detector, load_set(tmp_path), tmp_path)
    assert result.any_vehicle is not None
    assert result.any_vehicle.ap50 == pytest.approx(stated, abs=0.05)
    assert len(json.loads((tmp_path / "annotations.json").read_text())["images"]) == result.images
