from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sensing.domain.scene import parse_scene
from sensing.simulation import default_scene, parse_simulation_url
from sensing.simulation.clip import staged_world
from sensing.simulation.truth import contains, truth_document, visible_share
from sensing.simulation.world import Stretch, World

URLS = [
    "sim://road?seed=1",
    "sim://road?seed=2&stop_and_go=1",
    "sim://road?seed=9&fps=25&duration=40",
    "sim://plaza?seed=11",
    "sim://plaza?seed=5&flow=25&duration=60&loop=0",
]


def _staged(url: str) -> tuple[World, dict[str, Any]]:
    world, scene = staged_world(parse_simulation_url(url))
    return world, truth_document(world, scene)


def _box(world: World, track: int, frame: int) -> np.ndarray:
    """The box of a track on a clip frame, in pixels."""
    stretch = _stretch(world, track)
    index = int(stretch.indices[frame - stretch.first_frame])
    assert (stretch.number, index) in world.shown(frame)
    return world.boxes[stretch.number][index]


def _stretch(world: World, track: int) -> Stretch:
    return next(stretch for stretch in world.stretches if stretch.track == track)


def _side(line: dict[str, Any], box: np.ndarray, world: World) -> float:
    """Positive on the right of the arrow as seen on screen."""
    size = (world.camera.width, world.camera.height)
    (x1, y1), (x2, y2) = np.array(line["points"]) * size
    x, y = (box[:2] + box[2:]) / 2
    return float((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1))


@pytest.mark.parametrize("url", URLS)
def test_every_crossing_has_its_object_at_the_line_on_that_frame(url: str) -> None:
    world, truth = _staged(url)
    lines = {line["id"]: line for line in truth["lines"]}
    assert len(truth["crossings"]) >= 5
    for crossing in truth["crossings"]:
        line, frame = lines[crossing["line"]], crossing["frame"]
        before = _side(line, _box(world, crossing["track"], frame - 1), world)
        after = _side(line, _box(world, crossing["track"], frame), world)
        assert (
            (before < 0 <= after) if crossing["direction"] == "forward" else (after < 0 <= before)
        )
        assert (frame - 1) / world.spec.fps <= crossing["time_s"] <= frame / world.spec.fps
        assert crossing["visible"] >= 0


@pytest.mark.parametrize("url", URLS)
def test_visits_are_the_frames_on_which_the_box_centre_is_in_the_zone(url: str) -> None:
    world, truth = _staged(url)
    size = (world.camera.width, world.camera.height)
    assert all(v["leave_s"] - v["enter_s"] < 2 for v in truth["brief_visits"])
    for visit in truth["visits"] + truth["brief_visits"]:
        zone = next(zone for zone in truth["zones"] if zone["id"] == visit["zone"])
        polygon = np.array(zone["points"]) * size
        boxes = np.array(
            [_box(world, visit["track"], f) for f in range(visit["enter"], visit["leave"] + 1)]
        )
        assert contains(polygon, (boxes[:, :2] + boxes[:, 2:]) / 2).all()
        assert ("cut" in visit) == (visit["enter"] == 0 or visit["leave"] == world.frames - 1)
    assert bool(truth["visits"]) == (world.spec.kind == "plaza")


def test_towards_the_camera_is_forward_and_away_from_it_backward() -> None:
    world, truth = _staged("sim://road?seed=1")
    for crossing in truth["crossings"]:
        heading = world.paths[_stretch(world, crossing["track"]).number].heading[0]
        assert (heading < 0) == (crossing["direction"] == "forward")


def test_a_looping_clip_repeats_exactly_and_nothing_happens_at_its_seam() -> None:
    for url in ("sim://road?seed=3", "sim://road?seed=3&stop_and_go=1", "sim://plaza?seed=11"):
        world, truth = _staged(url)
        assert world.period == world.frames
        assert world.shown(0) == world.shown(world.frames)
        moments = [crossing["frame"] for crossing in truth["crossings"]]
        assert min(moments) > 2
        assert max(moments) < world.frames - 2


def test_the_picture_moves_on_smoothly_over_the_seam() -> None:
    world, _ = _staged("sim://road?seed=3&stop_and_go=1")
    for number, index in world.shown(0):
        before = [i for n, i in world.shown(world.frames - 1) if n == number]
        assert index == 0 or index - 1 in before


def test_vehicles_cross_once_each_and_all_are_visible_in_moderate_traffic() -> None:
    world, truth = _staged("sim://road?duration=300&seed=6")
    assert truth["hidden_crossings"] == []
    paths = [_stretch(world, crossing["track"]).number for crossing in truth["crossings"]]
    assert sorted(paths) == list(range(len(world.paths)))
    assert min(crossing["visible"] for crossing in truth["crossings"]) > 0.3


def test_speed_in_truth_is_metres_per_second_along_the_road() -> None:
    world, truth = _staged("sim://road?seed=1&speed_limit=72")
    for crossing in truth["crossings"]:
        stretch = _stretch(world, crossing["track"])
        index = int(stretch.indices[crossing["frame"] - stretch.first_frame])
        y = world.paths[stretch.number].positions[index - 3 : index + 4 : 6, 1]
        driven = abs(float(y[1] - y[0])) / 6 * world.spec.fps
        assert crossing["speed_mps"] == pytest.approx(driven, abs=0.3)


def test_the_homography_leads_from_the_scene_to_metres() -> None:
    world, truth = _staged("sim://road?seed=1")
    pixels, _ = world.camera.project(np.array([[1.75, 30.0, 0.0]]))
    x, y, w = np.array(truth["homography"]) @ (
        pixels[0, 0] / world.camera.width,
        pixels[0, 1] / world.camera.height,
        1.0,
    )
    assert (x / w, y / w) == pytest.approx((1.75, 30.0))


def test_truth_is_plain_json_and_a_scene() -> None:
    for url in URLS[:1] + URLS[3:4]:
        _, truth = _staged(url)
        document = json.loads(json.dumps(truth))
        scene = parse_scene(document)
        assert scene == parse_scene(default_scene(parse_simulation_url(url)))
        assert scene.lines
        assert {"fps", "tolerance_frames", "crossings", "visits"} <= set(document)


def test_boxes_of_every_frame_can_be_asked_for() -> None:
    world, scene = staged_world(parse_simulation_url("sim://plaza?seed=1&duration=10"))
    listed = truth_document(world, scene, boxes=True)["boxes"]
    size = np.array([world.camera.width, world.camera.height] * 2)
    stretch = max(listed, key=lambda entry: len(entry["xyxy"]))
    at = next(i for i, box in enumerate(stretch["xyxy"]) if box is not None)
    box = _box(world, stretch["track"], stretch["first_frame"] + at)
    np.testing.assert_allclose(np.array(stretch["xyxy"][at]) * size, box, atol=0.01)


def test_a_nearer_vehicle_hides_the_one_behind_it() -> None:
    world, _ = _staged("sim://road?seed=2&stop_and_go=1")
    shares = [
        visible_share(world, frame, number, index)
        for frame in range(0, world.frames, 60)
        for number, index in world.shown(frame)
        if not np.isnan(world.boxes[number][index]).any()
    ]
    assert max(shares) == 1.0
    assert 0.0 < min(shares) < 0.9
