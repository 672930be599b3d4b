from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from sensing.domain.results import Crossing
from sensing.domain.scene import ModuleSetting, Scene, SceneInvalid, parse_scene
from sensing.domain.tracking import Tracks
from sensing.modules import (
    MODULE_KINDS,
    MODULES,
    SensingModule,
    build_modules,
    check_modules,
    parameter_schema,
)
from sensing.modules.person_count import PersonCount, PersonCountParameters
from sensing.modules.vehicle_traffic import VehicleTraffic, VehicleTrafficParameters
from tests.sensing.domain.paths import HEIGHT, LABELS, WIDTH, straight, tracks

PERSON, CAR = LABELS.index("person"), LABELS.index("car")

SCENE = parse_scene(
    {
        "lines": [
            {"name": "upper", "points": [[0.1, 0.4], [0.9, 0.4]]},
            {"name": "lower", "points": [[0.1, 0.6], [0.9, 0.6]]},
        ],
        "zones": [
            {"name": "middle", "points": [[0.3, 0.45], [0.7, 0.45], [0.7, 0.55], [0.3, 0.55]]}
        ],
    }
)


def with_modules(*modules: tuple[str, dict[str, Any]]) -> Scene:
    settings = tuple(ModuleSetting(kind, parameters) for kind, parameters in modules)
    return dataclasses.replace(SCENE, modules=settings)


def walk(module: SensingModule, label: str, steps: int = 81) -> list[tuple[str, ...]]:
    """What a module reports of one object that goes down through everything."""
    facts = []
    for frame, (time_s, centres) in enumerate(straight((500, 300), (500, 700), steps)):
        facts.append(module.step(tracks(centres, time_s, label=label), time_s, frame))
    facts.append(module.finish(steps / 10))
    return [
        (c.line_id, c.direction, c.object_class, c.size) for fact in facts for c in fact.crossings
    ] + [(v.zone_id, v.object_class) for fact in facts for v in fact.visits]


def test_the_registry_names_each_kind_once() -> None:
    assert (
        {module.kind for module in MODULES} == MODULE_KINDS == {"vehicle_traffic", "person_count"}
    )
    assert all(module.title for module in MODULES)


def test_a_scene_without_modules_key_switches_on_what_its_lines_and_zones_need() -> None:
    built = build_modules(SCENE, WIDTH, HEIGHT)
    assert [module.kind for module in built] == ["vehicle_traffic", "person_count"]


@pytest.mark.parametrize(
    ("label", "size"),
    [("car", "small"), ("truck", "large"), ("bus", "large"), ("motorcycle", "small")],
)
def test_vehicle_traffic_counts_each_line_by_class_and_size(label: str, size: str) -> None:
    assert walk(VehicleTraffic(SCENE, WIDTH, HEIGHT), label) == [
        ("upper", "forward", label, size),
        ("lower", "forward", label, size),
    ]


def test_a_van_counts_as_a_car() -> None:
    seen = [
        dataclasses.replace(tracks(centres, time_s), labels=("van",) * len(LABELS))
        for time_s, centres in straight((500, 300), (500, 700), 41)
    ]
    module = VehicleTraffic(SCENE, WIDTH, HEIGHT)
    crossings = [
        c for frame, row in enumerate(seen) for c in module.step(row, frame / 10, frame).crossings
    ]
    assert [c.object_class for c in crossings] == ["car", "car"]


def test_each_module_looks_only_at_its_own_classes() -> None:
    assert walk(VehicleTraffic(SCENE, WIDTH, HEIGHT), "person") == []
    assert walk(PersonCount(SCENE, WIDTH, HEIGHT), "car") == []


def test_person_count_reports_lines_and_visits() -> None:
    module = PersonCount(SCENE, WIDTH, HEIGHT, PersonCountParameters(minimum_stay_s=1.0))
    assert walk(module, "person") == [
        ("upper", "forward", "person", ""),
        ("lower", "forward", "person", ""),
        ("middle", "person"),
    ]


def test_person_count_reports_occupancy_on_every_frame() -> None:
    module = PersonCount(SCENE, WIDTH, HEIGHT)
    assert module.step(tracks({1: (500, 500)}, 0.0, label="person"), 0.0, 0).occupancy == {
        "middle": 1
    }
    assert module.step(tracks({}, 0.1), 0.1, 1).occupancy == {"middle": 0}


def test_a_module_keeps_to_the_lines_and_classes_it_was_given() -> None:
    (module,) = build_modules(
        with_modules(("vehicle_traffic", {"lines": ["lower"], "classes": ["truck"]})), WIDTH, HEIGHT
    )
    assert module.classes == {"truck"}
    assert walk(module, "car") == []
    (module,) = build_modules(
        with_modules(("vehicle_traffic", {"lines": ["lower"], "classes": ["truck"]})), WIDTH, HEIGHT
    )
    assert walk(module, "truck") == [("lower", "forward", "truck", "large")]


def test_doubtful_objects_can_be_left_out() -> None:
    sure = VehicleTraffic(SCENE, WIDTH, HEIGHT, VehicleTrafficParameters(minimum_confidence=0.95))
    assert walk(sure, "car") == []


def test_a_class_that_changes_its_mind_is_counted_by_one_module_only() -> None:
    modules = build_modules(with_modules(("vehicle_traffic", {}), ("person_count", {})), 1000, 1000)
    found = []
    for frame, (time_s, centres) in enumerate(straight((500, 300), (500, 700), 41)):
        label = "person" if centres[1][1] < 450 else "bicycle"
        for module in modules:
            found += module.step(tracks(centres, time_s, label=label), time_s, frame).crossings
    assert sorted((c.line_id, c.object_class) for c in found) == [
        ("lower", "bicycle"),
        ("upper", "person"),
    ]


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("vehicle_traffic", {"speed": 1}, "speed: expected one of lines, classes"),
        ("vehicle_traffic", {"lines": "upper"}, "lines: expected a list of texts, got 'upper'"),
        (
            "vehicle_traffic",
            {"lines": ["left"]},
            "lines: expected some of upper, lower, got 'left'",
        ),
        ("vehicle_traffic", {"classes": ["cat"]}, "classes: expected some of car, .*got 'cat'"),
        ("vehicle_traffic", {"classes": []}, "classes: expected at least one, got none"),
        (
            "vehicle_traffic",
            {"minimum_confidence": 2},
            "minimum_confidence: expected 0 to 1, got 2",
        ),
        ("vehicle_traffic", {"minimum_confidence": "x"}, "expected a number, got 'x'"),
        ("vehicle_traffic", {"minimum_confidence": True}, "expected a number, got True"),
        ("vehicle_traffic", {"minimum_confidence": 10**400}, "expected a number, got 1000"),
        ("person_count", {"minimum_stay_s": -1}, "minimum_stay_s: expected 0 to 600 s, got -1"),
        ("person_count", {"reentry_s": float("nan")}, "reentry_s: expected a number, got nan"),
        ("person_count", {"zones": ["hall"]}, "zones: expected some of middle, got 'hall'"),
        (
            "face",
            {},
            r"modules\[0\].kind: expected one of person_count, vehicle_traffic, got 'face'",
        ),
    ],
)
def test_nonsense_is_refused_with_the_field_what_was_expected_and_what_came(
    kind: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(SceneInvalid, match=message):
        check_modules(with_modules((kind, parameters)))
    with pytest.raises(SceneInvalid, match=message):
        build_modules(with_modules((kind, parameters)), WIDTH, HEIGHT)


def test_all_problems_are_told_at_once_and_a_kind_is_on_once() -> None:
    scene = with_modules(
        ("vehicle_traffic", {"lines": ["left"]}), ("face", {}), ("vehicle_traffic", {})
    )
    with pytest.raises(SceneInvalid) as refusal:
        check_modules(scene)
    assert [where for where, _ in refusal.value.problems] == [
        "modules[0].parameters",
        "modules[1].kind",
        "modules[2].kind",
    ]


def test_parameters_made_in_code_are_checked_too() -> None:
    with pytest.raises(ValueError, match="reentry_s: expected 0 to 600 s, got 601"):
        PersonCountParameters(reentry_s=601)


@pytest.mark.parametrize("kind", sorted(MODULE_KINDS))
def test_the_schema_describes_every_parameter_and_is_json(kind: str) -> None:
    rows = parameter_schema(kind)
    assert json.loads(json.dumps(rows)) == rows
    assert all(row["help"] for row in rows)
    assert {row["type"] for row in rows} <= {"number", "boolean", "list"}
    values = {row["name"]: row["default"] for row in rows}
    check_modules(with_modules((kind, values)))


def test_unknown_kinds_have_no_schema() -> None:
    with pytest.raises(KeyError):
        parameter_schema("face")


def test_modules_that_remember_together_count_what_each_alone_counts() -> None:
    scene = with_modules(("vehicle_traffic", {}), ("person_count", {"reentry_s": 1.5}))
    together = build_modules(scene, WIDTH, HEIGHT)
    alone = [VehicleTraffic(scene, WIDTH, HEIGHT), PersonCount(scene, WIDTH, HEIGHT)]
    down, up = straight((400, 300), (400, 700), 81), straight((600, 700), (600, 300), 81)
    found: dict[str, list[object]] = {"together": [], "alone": []}
    for frame, ((time_s, first), (_, second)) in enumerate(zip(down, up, strict=True)):
        row = tracks({1: first[1], 2: second[1]}, time_s)
        row = dataclasses.replace(row, class_id=np.array([CAR, PERSON], np.int32))
        for name, modules in (("together", together), ("alone", alone)):
            found[name] += [
                crossing
                for module in modules
                for crossing in module.step(row, time_s, frame).crossings
            ]
    assert found["together"] == found["alone"]
    assert len(found["alone"]) == 4
    visits = [module.finish(8.1).visits for module in (together[1], alone[1])]
    assert visits[0] == visits[1]


def test_a_module_that_misses_frames_of_those_it_remembers_with_says_so() -> None:
    vehicles, persons = build_modules(
        with_modules(("vehicle_traffic", {}), ("person_count", {})), WIDTH, HEIGHT
    )
    for frame in range(2):
        vehicles.step(tracks({1: (500, 500)}, frame / 10), frame / 10, frame)
    with pytest.raises(ValueError, match="expected a follower that saw all 2 frames, got 0"):
        persons.step(tracks({1: (500, 500)}, 0.2), 0.2, 2)


def test_two_modules_never_give_two_passes_of_one_track_the_same_number() -> None:
    modules = build_modules(with_modules(("vehicle_traffic", {}), ("person_count", {})), 1000, 1000)
    there, back = straight((500, 300), (500, 500), 21), straight((500, 500), (500, 300), 21)
    facts = []
    for frame, (_, centres) in enumerate(there + back):
        label, time_s = "person" if frame < 21 else "bicycle", frame / 10
        row = tracks(centres, time_s, label=label)
        facts += [x for module in modules for x in module.step(row, time_s, frame).crossings]
    assert [(x.object_class, x.track_id, x.nth) for x in facts] == [
        ("person", 1, 0),
        ("bicycle", 1, 1),
    ]


def test_modules_survive_frames_without_tracks() -> None:
    for module in build_modules(SCENE, WIDTH, HEIGHT):
        nothing = module.step(empty(), 0.0, 0)
        assert (nothing.crossings, nothing.visits) == ((), ())
        assert module.finish(1.0).crossings == ()


def empty() -> Tracks:
    return Tracks(
        np.zeros(0, np.int64),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.int32),
        (),
        np.zeros(0, np.bool_),
        np.zeros(0),
    )


def test_modules_that_share_a_memory_survive_an_empty_picture() -> None:
    modules = build_modules(with_modules(("vehicle_traffic", {}), ("person_count", {})), 1000, 1000)
    found = []
    frames = [
        *straight((500, 300), (500, 700), 41),
        *[(4.1 + k / 10, {}) for k in range(60)],  # until nothing is remembered any more
        *[(t + 11.0, {2: c[1]}) for t, c in straight((500, 300), (500, 700), 41)],
    ]
    for index, (time_s, centres) in enumerate(frames):
        seen = tracks(centres, time_s, label="car")
        for module in modules:
            found += module.step(seen, time_s, index).crossings
    assert [(c.track_id, c.line_id) for c in found] == [
        (1, "upper"), (1, "lower"), (2, "upper"), (2, "lower"),
    ]  # fmt: skip


ONE_LINE = {"lines": [{"name": "door", "points": [[0.1, 0.5], [0.9, 0.5]], "one_way": "backward"}]}


def over_the_door(
    module: SensingModule, ys: list[float], label: str, step_s: float = 0.1
) -> list[Crossing]:
    found: list[Crossing] = []
    for k, y in enumerate(ys):
        seen = tracks({1: (500.0, y)}, k * step_s, label=label)
        found += module.step(seen, k * step_s, k).crossings
    return [*found, *module.finish(len(ys) * step_s).crossings]


DOWN = [400.0 + 10 * k for k in range(21)]
UP = DOWN[::-1]


def test_who_comes_straight_back_has_turned_back_once() -> None:
    scene = parse_scene(ONE_LINE)
    marks = [
        (c.direction, c.turn_back)
        for c in over_the_door(PersonCount(scene, WIDTH, HEIGHT), DOWN + UP + DOWN, "person")
    ]
    # In, out and in again is once in: the third undoes nothing.
    assert marks == [("forward", False), ("backward", True), ("forward", False)]


def test_who_comes_back_later_is_another_entry() -> None:
    scene = parse_scene(ONE_LINE)
    wait = [600.0] * 40
    for seconds, back in ((3.0, False), (10.0, True), (0.0, False)):
        module = PersonCount(scene, WIDTH, HEIGHT, PersonCountParameters(turn_back_s=seconds))
        marks = [c.turn_back for c in over_the_door(module, DOWN + wait + UP, "person")]
        assert marks == [False, back]


def test_vehicles_that_drive_against_a_one_way_line_are_marked() -> None:
    scene = parse_scene(ONE_LINE)
    found = over_the_door(VehicleTraffic(scene, WIDTH, HEIGHT), DOWN + UP, "car")
    assert [(c.direction, c.wrong_way, c.turn_back) for c in found] == [
        ("forward", True, False),
        ("backward", False, False),
    ]
    persons = over_the_door(PersonCount(scene, WIDTH, HEIGHT), DOWN, "person")
    assert [c.wrong_way for c in persons] == [False]
