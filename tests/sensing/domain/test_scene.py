from __future__ import annotations

from typing import Any

import pytest

from sensing.domain.scene import SceneInvalid, parse_scene, scene_document

LINE = {"id": "a", "name": "A", "points": [[0.1, 0.5], [0.9, 0.5]]}
SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
BOW_TIE = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]


def test_a_scene_survives_being_written_and_read() -> None:
    document = {
        "anchor": "bottom",
        "lines": [LINE],
        "zones": [{"id": "z", "name": "Zone", "points": SQUARE}],
        "modules": [{"kind": "person_count", "parameters": {"minimum_stay_s": 3}}],
    }
    scene = parse_scene(document)
    assert parse_scene(scene_document(scene)) == scene
    assert scene.lines[0].p2 == (0.9, 0.5)
    assert scene.anchor == "bottom"


def test_unknown_keys_are_ignored_and_missing_ids_are_made_from_names() -> None:
    scene = parse_scene({"fps": 25, "lines": [{"name": "Near side", "points": LINE["points"]}]})
    assert scene.lines[0].id == "near-side"
    assert [module.kind for module in scene.modules] == ["vehicle_traffic"]


def line(**changes: Any) -> dict[str, Any]:
    return {"lines": [{**LINE, **changes}]}


def zone(points: Any) -> dict[str, Any]:
    return {"zones": [{"name": "Zone", "points": points}]}


@pytest.mark.parametrize(
    ("document", "where", "words"),
    [
        ([], "scene", "expected an object, got list"),
        ({"lines": {}}, "lines", "expected a list, got dict"),
        ({"anchor": "top"}, "anchor", 'expected "center" or "bottom"'),
        (line(points=[[0.5, 0.5], [0.5, 0.5]]), "lines[0].points", "at least 0.01 apart"),
        (line(points=[[0.5, 0.5]]), "lines[0].points", "expected 2 points, got 1 points"),
        (line(points=[[0, 0], [1, 1.01]]), "lines[0].points[1]", "within 0–1"),
        (line(points=[[0, 0], [1, float("nan")]]), "lines[0].points[1]", "within 0–1"),
        (line(points=[[0, 0], [1, 10**400]]), "lines[0].points[1]", "within 0–1"),
        (line(points=[[0, 0], [1, True]]), "lines[0].points[1]", "within 0–1"),
        (line(points=[[0, 0], [1, "1"]]), "lines[0].points[1]", "within 0–1"),
        (line(name=7), "lines[0].name", "expected a text of 1 to 80 characters"),
        (line(name="a\x00b"), "lines[0].name", "expected a text"),
        (line(name="a\ud800b"), "lines[0].name", "expected a text"),
        (line(id="no spaces"), "lines[0].id", "1 to 40 letters"),
        ({"lines": [LINE, LINE]}, "lines", "expected each id once, got 'a' twice"),
        ({"lines": [LINE] * 33}, "lines", "expected at most 32, got 33"),
        (zone(BOW_TIE), "zones[0].points", "edges do not cross"),
        (zone(SQUARE[:2]), "zones[0].points", "expected 3 to 32 points"),
        (zone([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]), "zones[0].points", "with an area"),
        ({"modules": [{"kind": "magic"}]}, "modules[0].kind", "expected one of person_count"),
        ({"modules": ["person_count"]}, "modules[0]", 'expected an object with a "kind"'),
    ],
)
def test_nonsense_is_refused_with_what_was_expected_and_where(
    document: Any, where: str, words: str
) -> None:
    with pytest.raises(SceneInvalid) as refused:
        parse_scene(document, known_modules={"person_count", "vehicle_traffic"})
    places = dict(refused.value.problems)
    assert words in places[where], refused.value.problems


def test_every_problem_is_named_at_once() -> None:
    document = {"lines": [{**LINE, "points": []}], "zones": [{"name": "Z", "points": BOW_TIE}]}
    with pytest.raises(SceneInvalid) as refused:
        parse_scene(document)
    assert len(refused.value.problems) == 2
