"""``manage.py analyze`` and ``score`` as an operator runs them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.models_registry.runtime.region_models import save_lamp_finder
from tests.onnx_zoo import build
from tests.sensing.worker.drawn_video import SCENE, TRUTH, crossing_car, write_video
from tests.shared_data import SHARED, needs_shared_data


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "car.avi", crossing_car())


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(SCENE))
    return path


MOTION = ("--model", "motion")  # for drawn shapes, which no model has ever seen


def run(command: str, *arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused(command: str, *arguments: object) -> str:
    with pytest.raises(CommandError) as refusal:
        run(command, *arguments)
    assert refusal.value.returncode == 2
    return str(refusal.value)


def test_a_recording_is_counted_and_scores_against_its_truth(
    video: Path, scene: Path, tmp_path: Path
) -> None:
    out, err = run("analyze", video, "--scene", scene, *MOTION, "--out", tmp_path / "out")
    assert "Middle: 1 forward, 0 backward" in out
    assert err == ""  # no progress bar where nobody watches
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    scored = json.loads(run("score", tmp_path / "out", truth, "--json")[0])
    assert scored["lines"]["Middle"]["f1"] == 1.0
    assert "line Middle" in run("score", tmp_path / "out", truth)[0]


def test_a_crossing_the_other_way_scores_nothing(video: Path, scene: Path, tmp_path: Path) -> None:
    run("analyze", video, "--scene", scene, *MOTION, "--out", tmp_path / "out")
    crossing = {**TRUTH["crossings"][0], "direction": "backward"}
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({**TRUTH, "crossings": [crossing]}))
    text = run("score", tmp_path / "out", truth)[0]
    assert "missed  Middle backward" in text
    assert "surplus Middle forward" in text


def test_a_simulated_camera_is_rendered_and_scores_against_its_own_truth(tmp_path: Path) -> None:
    out, _ = run(
        "analyze", "sim://road?duration=24&width=320&height=180&seed=3", "--out", tmp_path / "sim"
    )
    truth = Path(out.splitlines()[0].removeprefix("truth: "))
    assert truth.parent == tmp_path / "sim"
    scored = json.loads(run("score", tmp_path / "sim", truth, "--json")[0])
    assert "Road" in scored["lines"]
    assert scored["total"]["f1"] > 0.6


def test_a_scene_that_is_none_is_refused_where(video: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene.json"
    scene.write_text(json.dumps({"lines": [{"name": "x", "points": [[0, 0], [2, 0]]}]}))
    message = refused("analyze", video, "--scene", scene, "--out", tmp_path / "out")
    assert "lines[0].points[1]: expected [x, y] within 0–1, got [2, 0]" in message
    scene.write_text("{")
    assert "expected JSON in" in refused("analyze", video, "--scene", scene)
    assert "expected a JSON file" in refused("analyze", video, "--scene", tmp_path / "none.json")
    assert "expected a scene for a recording" in refused("analyze", video)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_video_is_refused_and_writes_nothing(scene: Path, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_text("these are words")
    message = refused("analyze", video, "--scene", scene, "--out", tmp_path / "out")
    assert "expected a video that FFmpeg can read, got video.mp4" in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scene.json", "video.mp4"]


def test_a_model_that_detects_nothing_is_refused(video: Path, scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(build({"probabilities": np.full((1, 1000), 0.001, np.float32)}))
    message = refused("analyze", video, "--scene", scene, "--model", model)
    assert "expected" in message
    assert "got" in message
    missing = refused("analyze", video, "--scene", scene, "--model", tmp_path / "none.onnx")
    assert "none.onnx" in missing


@pytest.mark.parametrize("fps", ["0", "-3", "nan"])
def test_a_rate_that_is_none_is_refused(video: Path, scene: Path, fps: str) -> None:
    assert "--fps: expected" in refused("analyze", video, "--scene", scene, f"--fps={fps}")


def test_an_unknown_simulation_is_refused() -> None:
    assert "expected sim://road or sim://plaza" in refused("analyze", "sim://moon")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": 0}, "fps: expected a number above 0, got 0"),
        ({"tolerance_frames": "many"}, "tolerance_frames: expected a number above 0, got 'many'"),
        ({"crossings": {}}, "crossings: expected a list of objects"),
        ({"crossings": [{"line": "x", "frame": 1}]}, "expected a line among ['Middle'], got 'x'"),
        ({"crossings": [{"line": "Middle"}]}, "frame: expected a frame number, got None"),
        ({"fps": 10**400}, "fps: expected a number above 0, got 1000"),
        ({"crossings": [{"line": "Middle", "frame": 1}]}, "expected forward or backward, got None"),
        ({"crossings": [{"line": "Middle", "time_s": "x"}]}, "time_s: expected seconds, got 'x'"),
    ],
)
def test_a_truth_that_is_none_is_refused_in_words(
    video: Path, scene: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("{}")
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({**TRUTH, **change}))
    assert message in refused("score", out, truth)


def test_of_two_wrong_files_the_truth_is_named_first(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({**TRUTH, "fps": 0}))
    assert refused("score", tmp_path / "none", truth).startswith(f"{truth}: as ground truth, fps:")


@pytest.mark.django_db
def test_an_unknown_model_is_refused_with_the_names_that_exist(video: Path, scene: Path) -> None:
    message = refused("analyze", video, "--scene", scene, "--model", "nope")
    assert message == "--model: expected an ONNX file or one of motion; got 'nope'"


def test_a_folder_that_analyze_did_not_write_is_refused(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    assert "expected a JSON file" in refused("score", tmp_path, truth)
    (tmp_path / "summary.json").write_text("{}")
    assert "expected a folder written by analyze" in refused("score", tmp_path, truth)


@needs_shared_data
@pytest.mark.parametrize("clip", ["car_park_top_down", "suburban_street"])
def test_motion_counts_every_car_of_a_real_clip(clip: str, tmp_path: Path) -> None:
    truth = SHARED / "ground_truth" / f"{clip}.json"
    video = SHARED / json.loads(truth.read_text())["video"]
    run("analyze", video, "--scene", truth, *MOTION, "--out", tmp_path)
    scored = json.loads(run("score", tmp_path, truth, "--json")[0])
    assert scored["total"]["f1"] == 1.0


@needs_shared_data
@pytest.mark.parametrize("clip", ["car_park_top_down", "suburban_street"])
def test_the_detector_that_ships_counts_every_car_of_a_real_clip(clip: str, tmp_path: Path) -> None:
    """No frame of them was learnt from; in the car park motion has to vouch for each."""
    truth = SHARED / "ground_truth" / f"{clip}.json"
    video = SHARED / json.loads(truth.read_text())["video"]
    run("analyze", video, "--scene", truth, "--out", tmp_path)
    scored = json.loads(run("score", tmp_path, truth, "--json")[0])
    assert scored["total"]["f1"] == 1.0


@needs_shared_data
def test_yolox_nano_counts_the_busy_street(tmp_path: Path) -> None:
    truth = SHARED / "ground_truth" / "opendatacam_street.json"
    video = SHARED / json.loads(truth.read_text())["video"]
    model = SHARED / "models" / "yolox_nano_416.onnx"
    run("analyze", video, "--scene", truth, "--model", model, "--out", tmp_path)
    scored = json.loads(run("score", tmp_path, truth, "--json")[0])
    assert scored["total"]["f1"] >= 0.95


def test_a_calibrated_simulation_gives_speeds_near_its_truth(tmp_path: Path) -> None:
    url = "sim://road?seed=9&duration=16&fps=12.5&width=320&height=180&loop=0&flow=1200"
    out, _ = run("analyze", url, "--out", tmp_path)
    assert " speeds, on average " in out
    with (tmp_path / "crossings.csv").open(encoding="utf-8") as file:
        crossings = list(csv.DictReader(file))
    (truth_path,) = tmp_path.glob("road-*.json")
    truth = json.loads(truth_path.read_text(encoding="utf-8"))["crossings"]
    measured = [float(row["speed_mps"]) for row in crossings if row["speed_mps"]]
    assert len(measured) >= 2
    low = min(crossing["speed_mps"] for crossing in truth)
    high = max(crossing["speed_mps"] for crossing in truth)
    assert 0.8 * low < min(measured) <= max(measured) < 1.2 * high
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    totals = [line["speeds"] for ways in summary["lines"].values() for line in ways.values()]
    assert sum(total["count"] for total in totals) == len(measured)
    assert {total["v85_mps"] for total in totals} == {None}  # too few


def test_a_calibration_that_is_none_is_refused_in_words(
    video: Path, scene: Path, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    marks.write_text('{"method": "guess", "frame": [320, 180]}')
    told = refused("analyze", video, "--scene", scene, "--calibration", marks)
    assert "calibration was refused: method: expected one of points" in told
    missing = tmp_path / "none.json"
    told = refused("analyze", video, "--scene", scene, "--calibration", missing)
    assert told.startswith("--calibration: expected a JSON file")
    scene.write_text(json.dumps(SCENE | {"calibration": 3}))
    assert "expected an object, got int" in refused("analyze", video, "--scene", scene)


def test_attention_chooses_where_a_model_looks(video: Path, scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "lamps.onnx"
    contract = save_lamp_finder(model).to_json()
    model.with_suffix(".json").write_text(json.dumps(contract))
    asked = ("analyze", video, "--scene", scene, "--model", model, "--alone")
    costs = []
    for more in ((), ("--attention",)):
        run(*asked, "--out", tmp_path / "out", *more)
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        costs.append(set(summary["cpu_ms_per_frame"]))
    assert costs[1] - costs[0] == {"attention"}
    message = refused("analyze", video, "--scene", scene, *MOTION, "--attention")
    assert "--attention: expected a --model" in message
