from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.runtime.attention import REGION_MODEL
from models_registry.runtime.attention_canvases import smaller_detectors
from models_registry.runtime.attention_habit import NAP_S, USED_TO, Habit
from models_registry.runtime.attention_regions import RegionModel
from models_registry.runtime.attention_windows import CONTEXT, Canvases, plan_windows
from models_registry.runtime.detector import load_detector
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.model_file import read_model
from tests.models_registry.runtime.finder_models import CONTRACT, save_finder
from tests.models_registry.runtime.region_models import save_difference_model, save_lamp_finder

CANVASES = Canvases(((128, 128), (256, 128)), (416, 256), 0.5)
SIZE = (832, 512)


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_windows_show_every_box_at_the_scale_of_the_whole_frame() -> None:
    asked = boxes((10, 10, 60, 60), (700, 400, 760, 500))
    windows = plan_windows(asked, CANVASES, SIZE)
    assert windows is not None
    assert len(windows) == 2
    for window in windows:
        x1, y1, x2, y2 = window.crop
        width, height = CANVASES.sizes[window.canvas]
        assert (x2 - x1, y2 - y1) == (width * 2, height * 2)
        assert 0 <= x1 < x2 <= SIZE[0]
        assert 0 <= y1 < y2 <= SIZE[1]
        assert any(np.allclose(box, window.core) for box in asked)


@pytest.mark.parametrize("box", [(300, 200, 420, 280), (0, 430, 100, 512), (760, 0, 832, 60)])
def test_a_window_shows_what_surrounds_a_box_as_far_as_the_frame_has_it(
    box: tuple[float, ...],
) -> None:
    windows = plan_windows(boxes(box), CANVASES, SIZE)
    assert windows is not None
    crop = windows[0].crop
    for axis in (0, 1):
        around = CONTEXT * (box[axis + 2] - box[axis])
        assert crop[axis] <= max(0, box[axis] - around) + 1
        assert crop[axis + 2] >= min(SIZE[axis], box[axis + 2] + around) - 1


def test_a_box_that_leaves_no_room_for_its_surroundings_calls_for_the_whole_frame() -> None:
    assert plan_windows(boxes((200, 150, 440, 400)), CANVASES, SIZE) is None


def test_near_boxes_share_a_window() -> None:
    windows = plan_windows(boxes((10, 10, 60, 60), (90, 10, 140, 60)), CANVASES, SIZE)
    assert windows is not None
    assert len(windows) == 1
    assert windows[0].core == (10, 10, 140, 60)


def test_what_touches_is_one_however_they_are_chained() -> None:
    chain = boxes((0, 0, 50, 50), (90, 0, 140, 50), (40, 0, 100, 50))
    windows = plan_windows(chain, replace(CANVASES, sizes=((128, 128),)), SIZE)
    assert windows is not None
    assert [x.core for x in windows] == [(0, 0, 140, 50)]


@pytest.mark.parametrize(
    "asked",
    [
        boxes((0, 0, 800, 60)),  # fits no window
        boxes(*((x, y, x + 10, y + 10) for x in (0, 270, 540, 800) for y in (0, 250, 500))),
        boxes(*((x, 0, x + 1, 1) for x in range(0, 100, 2))),  # too many to think about
    ],
)
def test_where_parts_cost_more_the_whole_frame_is_looked_at(asked: np.ndarray) -> None:
    assert plan_windows(asked, CANVASES, SIZE) is None


def test_without_windows_it_is_the_whole_frame() -> None:
    assert plan_windows(boxes((0, 0, 9, 9)), Canvases((), (416, 256), 1.0), (416, 256)) is None


def test_a_detector_on_a_smaller_canvas_finds_the_same(tmp_path: Path) -> None:
    contract = save_lamp_finder(tmp_path / "lamps.onnx")
    smaller = smaller_detectors(read_model(tmp_path / "lamps.onnx"), contract)
    assert {(x.contract.input_width, x.contract.input_height) for x in smaller} >= {(128, 128)}
    picture = np.full((256, 416, 3), 30, np.uint8)
    picture[64:96, 64:128] = 240
    whole = load_detector(tmp_path / "lamps.onnx", contract).detect(picture, 0.0)
    assert len(whole) > 1
    for detector in smaller:
        side = detector.contract
        found = detector.detect(picture[: side.input_height, : side.input_width], 0.0)
        assert np.allclose(found.xyxy, whole.xyxy)
        assert np.allclose(found.confidence, whole.confidence, atol=1e-6)


def test_further_canvases_are_used_for_frames_of_their_shape(tmp_path: Path) -> None:
    own = save_lamp_finder(tmp_path / "lamps.onnx")
    detector = load_detector(tmp_path / "lamps.onnx", replace(own, canvases=((320, 320),)))
    square = np.full((320, 320, 3), 30, np.uint8)
    square[288:320, 288:320] = 240  # 1:1 there; on the file's own canvas it would be .8 as large
    found = detector.detect(square, 0.0)
    assert [288.0, 288.0, 320.0, 320.0] in found.xyxy.tolist()
    assert found.confidence[0] == pytest.approx(0.7)  # not blurred by a resize
    assert detector.stage_ms["inference"] > 0
    wide = np.full((256, 416, 3), 30, np.uint8)
    wide[224:256, 384:416] = 240
    assert [384.0, 224.0, 416.0, 256.0] in detector.detect(wide, 0.0).xyxy.tolist()


def test_a_canvas_that_the_graph_cannot_have_is_told_at_once(tmp_path: Path) -> None:
    own = save_lamp_finder(tmp_path / "lamps.onnx")
    with pytest.raises(ModelUnusable, match="runs on a canvas of 100×72") as caught:
        load_detector(tmp_path / "lamps.onnx", replace(own, canvases=((100, 72),)))
    assert caught.value.code == "contract_mismatch"


def test_a_model_that_is_tied_to_its_size_gets_no_smaller_canvas(tmp_path: Path) -> None:
    contract = save_lamp_finder(tmp_path / "lamps.onnx")
    stretched = replace(contract, fit="stretch")
    assert smaller_detectors(read_model(tmp_path / "lamps.onnx"), stretched) == ()
    path = save_finder(tmp_path)
    known = load_detector(path, CONTRACT).contract
    asked = replace(known, input_name="other")
    assert smaller_detectors(read_model(path), asked) == ()


@pytest.mark.parametrize("faults", [{"mark_above": ""}, {"mark_above": "2"}, {"cell": 16}])
def test_a_file_that_is_no_region_model_is_refused(tmp_path: Path, faults: dict[str, str]) -> None:
    path = save_difference_model(tmp_path / "regions.onnx", **faults)  # type: ignore[arg-type]
    with pytest.raises(ModelUnusable, match="expected"):
        RegionModel(path)


def test_a_detector_is_no_region_model(tmp_path: Path) -> None:
    save_lamp_finder(tmp_path / "lamps.onnx")
    with pytest.raises(ModelUnusable, match="expected one"):
        RegionModel(tmp_path / "lamps.onnx")


def test_marks_lie_where_the_frame_changed_since_the_last_look(tmp_path: Path) -> None:
    model = RegionModel(save_difference_model(tmp_path / "regions.onnx"))
    picture = np.full((480, 832, 3), 60, np.uint8)
    model.see(picture)
    model.looked()
    assert not model.marks().any()
    picture[200:260, 400:480] = 200
    model.see(picture)
    marked = model.boxes(model.marks())
    assert len(marked) == 1
    assert (marked[0, :2] <= [400, 200]).all()
    assert (marked[0, 2:] >= [480, 260]).all()
    assert (marked[0, 2:] - marked[0, :2] <= [80 + 64, 60 + 64]).all()  # two cells at most
    assert (model.cells(boxes((400, 200, 480, 260))) >= model.marks()).all()
    model.looked(marked[0])
    assert not model.marks().any()


def test_cells_that_mean_nothing_rest_a_moment_and_objects_wake_them() -> None:
    habit, marked = Habit(2, 2), np.array([[True, False], [True, False]])
    nothing = np.zeros((2, 2), np.bool_)
    for look in range(USED_TO):
        assert habit.awake(marked, look * 0.1).sum() == 2
        habit.learn(marked, nothing, look * 0.1)
    last_s = (USED_TO - 1) * 0.1
    assert not habit.awake(marked, last_s + NAP_S / 2).any()
    assert habit.awake(marked, last_s + NAP_S * 1.1).sum() == 2
    habit.learn(nothing, np.array([[True, False], [False, False]]), last_s)
    assert habit.awake(marked, last_s + NAP_S / 2).tolist() == [[True, False], [False, False]]


def test_the_region_model_that_ships_is_small_and_tells_an_object_from_light(
    tmp_path: Path,
) -> None:
    assert REGION_MODEL.stat().st_size <= 64 * 1024
    model = RegionModel(REGION_MODEL)
    random = np.random.default_rng(1)
    road = np.full((360, 640, 3), 110, np.uint8)
    road[::40, :, :] = 150  # something to see
    model.see(road)
    model.looked()
    noisy = np.clip(road * 1.04 + random.normal(0, 2, road.shape), 0, 255).astype(np.uint8)
    model.see(noisy)
    assert model.marks().mean() < 0.02
    noisy[180:230, 300:390] = 40
    noisy[190:205, 315:375] = 180  # windows of a car
    model.see(noisy)
    assert model.marks()[model.cells(boxes((310, 190, 380, 220)))].any()
