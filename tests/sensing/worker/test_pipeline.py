"""Detect, track and sense, frame by frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from models_registry.runtime.detections import Detections
from models_registry.runtime.motion import LABELS, MotionDetector
from sensing.domain.calibration_document import parse_calibration
from sensing.domain.results import Crossing, SensedFacts
from sensing.domain.scene import Scene, SceneInvalid, parse_scene
from sensing.simulation import parse_simulation_url, simulated_calibration
from sensing.simulation.world import build_world
from sensing.worker.detectors import build_detector
from sensing.worker.motion import scene_classes, witness
from sensing.worker.pipeline import Pipeline, Sensing, merge_facts
from sensing.worker.plan import DetectorSpec
from tests.sensing.worker.drawn_video import FPS, SCENE, crossing_car


def crossings(
    pipeline: Pipeline, first: int, frames: int, width: int, height: int
) -> list[Crossing]:
    scene = crossing_car(width, height)
    found: list[Crossing] = []
    for i in range(frames):
        time_s = (first + i) / FPS
        result = pipeline.step(scene.frame(i / FPS), time_s, first + i)
        assert result.time_s == time_s
        found += result.facts.crossings
    return found


def test_a_car_crosses_once_in_its_direction_at_its_time() -> None:
    pipeline = Pipeline(parse_scene(SCENE), MotionDetector())
    found = crossings(pipeline, 0, 62, 320, 180)
    found += pipeline.finish().crossings
    assert [(x.line_id, x.direction, x.object_class) for x in found] == [
        ("middle", "forward", "car")
    ]
    assert found[0].time_s == pytest.approx(2.96, abs=0.3)


def test_every_stage_tells_what_it_cost() -> None:
    pipeline = Pipeline(parse_scene(SCENE), MotionDetector())
    result = pipeline.step(crossing_car().frame(0.0), 0.0, 0)
    assert set(result.stage_ms) == {"detect", "track", "sense"}
    assert min(result.stage_ms.values()) >= 0.0


def test_a_new_resolution_keeps_the_scene_in_place_and_ids_unique() -> None:
    pipeline = Pipeline(parse_scene(SCENE), MotionDetector())
    before = crossings(pipeline, 0, 62, 320, 180)
    after = crossings(pipeline, 62, 62, 480, 360)
    assert len(before) == len(after) == 1
    assert before[0].track_id < after[0].track_id
    assert after[0].time_s == pytest.approx(62 / FPS + 2.96, abs=0.3)


def test_a_visit_under_way_ends_with_the_run() -> None:
    zone = {"id": "all", "name": "All", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    scene = parse_scene({"zones": [zone]})
    pipeline = Pipeline(scene, build_detector(DetectorSpec(), scene))
    drawn = crossing_car()
    most = 0
    for i in range(37):
        result = pipeline.step(drawn.frame(i / FPS), i / FPS, i)
        most = max(most, result.facts.occupancy.get("all", 0))
    visits = pipeline.finish().visits
    assert most == 1
    assert [(v.zone_id, v.object_class) for v in visits] == [("all", "person")]


def test_a_module_that_refuses_its_parameters_is_found_at_construction() -> None:
    scene = parse_scene({"modules": [{"kind": "vehicle_traffic", "parameters": {"speed": 3}}]})
    with pytest.raises(SceneInvalid, match="speed"):
        Pipeline(scene, MotionDetector())


def test_facts_of_several_modules_become_one() -> None:
    merged = merge_facts([SensedFacts(occupancy={"a": 1}), SensedFacts(occupancy={"b": 2})])
    assert merged.occupancy == {"a": 1, "b": 2}


def test_the_scene_tells_the_motion_detector_what_to_look_for() -> None:
    assert "person" not in scene_classes(parse_scene(SCENE))
    people = parse_scene({"lines": SCENE["lines"], "modules": [{"kind": "person_count"}]})
    assert scene_classes(people) == ("person",)
    assert scene_classes(Scene()) == LABELS
    assert witness(DetectorSpec(), people) is None  # of persons it says nothing to a model
    assert witness(DetectorSpec(), parse_scene(SCENE)) is not None


def test_a_detector_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="or a model file, got 'lidar'"):
        build_detector(DetectorSpec("lidar"))
    with pytest.raises(ValueError, match="got \\['speed'\\]"):
        build_detector(DetectorSpec(parameters={"speed": 1}))


def test_an_empty_scene_senses_nothing() -> None:
    pipeline = Pipeline(Scene(), MotionDetector())
    result = pipeline.step(np.zeros((90, 160, 3), np.uint8), 0.0, 0)
    assert result.facts == SensedFacts()


SPEC = parse_simulation_url("sim://road?width=640&height=360")


def simulated_boxes(seconds: float) -> Iterator[tuple[float, Detections, dict[int, float]]]:
    """Exact boxes of a simulated road at 10 fps, and the true speeds by direction of travel."""
    world = build_world(dataclasses.replace(SPEC, duration_s=seconds, fps=10.0, flow=900.0))
    for frame in range(world.frames):
        boxes, ids = [], []
        for stretch in world.stretches:
            k = frame - stretch.first_frame
            if 0 <= k < len(stretch.indices):
                box = world.boxes[stretch.number][stretch.indices[k]]
                path = world.paths[stretch.number]
                if np.isfinite(box).all() and box[3] - box[1] > 8 and path.object_class == "car":
                    boxes.append(box)
                    ids.append(float(path.speed_mps[stretch.indices[k]]))
        count = len(boxes)
        yield (
            frame / 10,
            Detections(
                np.array(boxes, np.float32).reshape(-1, 4), np.full(count, 0.9, np.float32),
                np.zeros(count, np.int32), ("car",),
            ),
            dict(enumerate(ids)),
        )  # fmt: skip


def test_a_calibrated_camera_tells_speeds_movements_and_headways() -> None:
    scene = parse_scene(
        {
            "lines": [
                {"name": "near", "points": [[0.08, 0.65], [0.97, 0.65]]},
                {"name": "far", "points": [[0.08, 0.5], [0.97, 0.5]]},
            ],
            "modules": [{"kind": "vehicle_traffic"}, {"kind": "person_count"}],
        }
    )
    calibration = parse_calibration(simulated_calibration(SPEC))
    sensing = Sensing(scene, calibration=calibration)
    speeds: dict[tuple[str, int, int], float] = {}
    crossings, moved, true = [], 0, []
    for index, (time_s, found, here) in enumerate(simulated_boxes(40.0)):
        facts = sensing.step(found, (SPEC.width, SPEC.height), time_s, index).facts
        crossings += facts.crossings
        speeds |= {(r.line_id, r.track_id, r.nth): r.speed_mps for r in facts.speeds}
        moved += len(facts.movements)
        true += list(here.values())
    facts = sensing.finish()
    speeds |= {(r.line_id, r.track_id, r.nth): r.speed_mps for r in facts.speeds}
    moved += len(facts.movements)
    assert len(crossings) >= 8
    assert len(speeds) >= 0.9 * len(crossings)
    # Cars keep to the limit, more or less; none is faster or slower than all true ones.
    assert min(true) - 0.5 < min(speeds.values()) <= max(speeds.values()) < max(true) + 0.5
    both = {c.track_id for c in crossings if c.line_id == "near"} & {
        c.track_id for c in crossings if c.line_id == "far"
    }
    assert moved == len(both) >= 3
    first = {(c.line_id, c.direction) for c in crossings}
    assert sum(c.headway_s is None for c in crossings) == len(first)
    # The speeds at both lines of one and the same car agree.
    pairs = [
        (speed, speeds["far", track, nth])
        for (line, track, nth), speed in speeds.items()
        if line == "near" and ("far", track, nth) in speeds
    ]
    assert max(abs(a - b) for a, b in pairs) < 1.0


def test_a_new_resolution_goes_on_with_the_calibration() -> None:
    scene = parse_scene(SCENE)
    sensing = Sensing(scene, calibration=parse_calibration(simulated_calibration(SPEC)))
    nothing = Detections(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), ("car",)
    )
    for index, size in enumerate([(640, 360), (1280, 720), (640, 360)]):
        assert sensing.step(nothing, size, index / 10, index).facts == SensedFacts()


def test_boxes_are_those_of_the_detector_that_found_them() -> None:
    sensing = Sensing(parse_scene(SCENE))
    nothing = Detections(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), ("car",)
    )
    shaded = [
        sensing.step(nothing, (640, 360), index / 10, index, detector=name).tracks.shaded
        for index, name in enumerate(["motion", "road@live", "motion"])
    ]
    assert shaded == [True, False, True]
