from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command

from sensing.simulation import RenderedClip, SimulationSpec, parse_simulation_url, render_clip
from sensing.simulation.clip import clip_key, staged_world
from sensing.simulation.film import Film

SMALL = "width=256&height=144&duration=4&fps=10&flow={}"
ROAD = "sim://road?" + SMALL.format(900)
PLAZA = "sim://plaza?" + SMALL.format(30)


def _spec(url: str) -> SimulationSpec:
    return parse_simulation_url(url)


def _frame(url: str, number: int = 8) -> np.ndarray:
    world, _ = staged_world(_spec(url))
    return Film(world).frame(number)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> RenderedClip:
    return render_clip(_spec(ROAD), tmp_path_factory.mktemp("clips"))


def test_the_clip_decodes_with_the_size_rate_and_number_of_frames_asked_for(
    road: RenderedClip,
) -> None:
    capture = cv2.VideoCapture(str(road.video_path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    capture.release()
    assert len(frames) == road.frames == 40
    assert frames[0].shape == (144, 256, 3)
    assert np.mean([frame.std() for frame in frames]) > 20


def test_what_is_decoded_is_what_was_rendered(road: RenderedClip) -> None:
    capture = cv2.VideoCapture(str(road.video_path))
    _, decoded = capture.read()
    capture.release()
    error = np.abs(decoded.astype(float) - _frame(ROAD, 0)).mean()
    assert error < 6  # grey levels: noise and the codec's softness, nothing moved


def test_a_clip_is_rendered_once_and_then_found(road: RenderedClip) -> None:
    before = os.stat(road.video_path).st_mtime_ns
    heard: list[float] = []
    again = render_clip(_spec(ROAD), road.video_path.parent, heard.append)
    assert again == road
    assert os.stat(again.video_path).st_mtime_ns == before
    assert heard == [1.0]


def test_several_callers_at_once_get_one_whole_clip(tmp_path: Path) -> None:
    spec = _spec(PLAZA + "&seed=2")
    clips: list[RenderedClip] = []
    callers = [
        threading.Thread(target=lambda: clips.append(render_clip(spec, tmp_path))) for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert len(clips) == 3
    assert len(set(clips)) == 1
    left = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert left == sorted([clips[0].video_path.name, clips[0].truth_path.name])


def test_leftovers_of_a_killed_render_do_no_harm(tmp_path: Path) -> None:
    spec = _spec(PLAZA + "&seed=3")
    leftover = tmp_path / f"plaza-{clip_key(spec)}.part.mp4"
    leftover.write_bytes(b"half a clip")
    clip = render_clip(spec, tmp_path)
    assert clip.video_path.stat().st_size > 10_000
    assert not leftover.exists()


def test_progress_rises_to_one(tmp_path: Path) -> None:
    heard: list[float] = []
    render_clip(_spec(PLAZA + "&seed=4"), tmp_path, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert all(0 <= share <= 1 for share in heard)


def test_the_truth_beside_the_clip_names_it(road: RenderedClip) -> None:
    truth = json.loads(road.truth_path.read_text())
    assert truth["video"] == road.video_path.name
    assert truth["frames"] == road.frames
    assert truth["simulation"]["flow"] == 900


@pytest.mark.parametrize("url", [ROAD, PLAZA])
def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(url: str) -> None:
    assert np.array_equal(_frame(url), _frame(url))
    assert not np.array_equal(_frame(url), _frame(url + "&seed=2"))


def test_every_weather_and_hour_looks_different() -> None:
    base = "sim://road?noise=0&width=192&height=108&duration=4&fps=10"
    names = ["", "&weather=rain", "&weather=snow", "&weather=fog", "&time=dusk", "&time=night"]
    looks = {name: _frame(base + name).astype(float) for name in names}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert np.abs(looks[one] - looks[other]).mean() > 6, (one, other)
    assert looks["&time=night"].mean() < looks["&time=dusk"].mean() < looks[""].mean()
    assert looks["&weather=snow"].mean() > looks[""].mean()
    top = slice(0, 27)  # fog takes contrast from what is far away
    assert looks["&weather=fog"][top].std() < 0.7 * looks[""][top].std()


def test_noise_has_the_deviation_asked_for() -> None:
    world, _ = staged_world(_spec("sim://plaza?flow=0&noise=4&width=256&height=144&duration=4"))
    film = Film(world)
    difference = film.frame(3).astype(float) - film.frame(4)
    assert difference.std() / np.sqrt(2) == pytest.approx(4.0, abs=0.6)


def test_truth_boxes_are_where_something_moves_in_the_picture() -> None:
    spec = _spec("sim://road?seed=1&noise=0&width=320&height=180")
    world, _ = staged_world(spec)
    film, empty = Film(world), Film(replace(world, paths=()))
    checked = 0
    for frame in range(0, world.frames, 45):
        there = film.frame(frame).astype(int) - empty.frame(frame)
        changed = np.abs(there).max(axis=2) > 8
        for number, index in world.shown(frame):
            x0, y0, x1, y1 = world.boxes[number][index]
            if x1 - x0 > 20 and x0 > 0 and x1 < 320 and y1 < 180:
                box = changed[round(y0) : round(y1), round(x0) : round(x1)]
                assert box.any(axis=0).mean() > 0.85
                assert box.any(axis=1).mean() > 0.85
                checked += 1
    assert checked >= 5


def test_the_command_writes_clip_and_truth_with_boxes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("render_simulation", PLAZA + "&seed=5", out=tmp_path, boxes=True)
    video, truth = capsys.readouterr().out.split()
    assert Path(video).is_file()
    assert json.loads(Path(truth).read_text())["boxes"]


def test_the_command_says_what_is_wrong_with_a_url(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="weather: expected one of clear, rain, snow, fog"):
        call_command("render_simulation", "sim://road?weather=hail", out=tmp_path)
