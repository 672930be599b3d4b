from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from sensing.models import Calibration, DriftChoice
from sensing.services.calibrations import calibration_save
from tests.sensing.calibrating import direction_marks, point_marks, seen
from tests.sensing.rows import make_camera


def address(camera: Any, rest: str = "") -> str:
    return f"/api/v1/cameras/{camera.pk}/calibration/{rest}"


def test_marks_are_put_and_read_back_with_what_follows_from_them(operator: APIClient) -> None:
    camera = make_camera()
    assert operator.get(address(camera)).status_code == 404
    put = operator.put(address(camera), point_marks())
    assert put.status_code == 200, put.json()
    answer = operator.get(address(camera)).json()
    assert answer == put.json()
    assert answer["document"]["points"] == point_marks()["points"]
    assert (answer["method"], answer["marks"], answer["created_by"]) == (
        "points",
        6,
        "the-operator",
    )
    assert answer["figures"]["camera_height_m"] == pytest.approx(8.0, abs=0.01)
    assert answer["drift"]["state"] == "unwatched"
    assert answer["still_kept"] is False
    again = operator.put(address(camera), answer["document"]).json()
    assert again["figures"] == answer["figures"]


def test_a_preview_stores_nothing(operator: APIClient) -> None:
    camera = make_camera()
    answer = operator.post(address(camera, "preview/"), direction_marks()).json()
    assert answer["ok"]
    assert len(answer["grid"]) > 4
    assert {line["line"] for line in answer["lines"]} == {"gate"}
    assert not Calibration.objects.exists()


def changed(place: int, **values: Any) -> dict[str, Any]:
    document = point_marks()
    document["points"][place] |= values
    return document


@pytest.mark.parametrize(
    ("document", "code", "marks", "where"),
    [
        ([], "invalid", [], ""),
        ({"method": "guess", "frame": [1280, 720]}, "invalid", [], "method"),
        (point_marks() | {"frame": [0, 720]}, "invalid", [], ""),
        (point_marks() | {"frame": None}, "invalid", [], "frame"),
        (changed(1, image="x"), "invalid", [], "points[1].image"),
        (changed(2, road_m=[1e9, 0]), "invalid", [2], "points[2]"),
        (changed(1, image=seen(-3.5, 18.0)), "duplicated", [0, 1], "points[0], points[1]"),
        (point_marks((0, 18), (0, 25), (0, 40), (0, 60)), "collinear", [0, 1, 2, 3], None),
        (direction_marks() | {"along": []}, "too_few", [], ""),
        (direction_marks() | {"lengths": [{"image": 3}]}, "invalid", [], "lengths[0].image"),
        (
            direction_marks() | {"lengths": [{"image": [[0.5, 0.5], [0.5, 0.5]], "length_m": 2}]},
            "duplicated",
            [4],
            "lengths[0]",
        ),
    ],
)  # fmt: skip
def test_marks_that_cannot_be_are_answered_at_the_marks(
    operator: APIClient, document: Any, code: str, marks: list[int], where: str | None
) -> None:
    camera = make_camera()
    answer = operator.put(address(camera), document)
    assert answer.status_code == 400
    refusal = answer.json()
    assert refusal["code"] == "calibration_invalid"
    first = refusal["problems"][0]
    assert (first["code"], first["marks"]) == (code, marks)
    if where is not None:
        assert first["where"] == where
        assert refusal["fields"][where or "document"][0] == first["what"]
    tried = operator.post(address(camera, "preview/"), document)
    assert tried.status_code == 200
    assert tried.json() == {"ok": False, "problems": refusal["problems"]}


def test_keep_still_is_yes_or_no(operator: APIClient) -> None:
    answer = operator.put(address(make_camera()), point_marks() | {"keep_still": "yes"})
    assert answer.status_code == 400
    assert answer.json()["field"] == "keep_still"


def test_a_viewer_sees_and_changes_nothing(viewer: APIClient) -> None:
    camera = make_camera()
    calibration_save(camera=camera, by=None, document=point_marks())
    assert viewer.get(address(camera)).status_code == 200
    assert viewer.put(address(camera), point_marks()).status_code == 403
    assert viewer.delete(address(camera)).status_code == 403
    assert viewer.post(address(camera, "confirm/")).status_code == 403


def test_a_moved_camera_is_confirmed_and_a_calibration_removed(operator: APIClient) -> None:
    camera = make_camera()
    calibration_save(camera=camera, by=None, document=point_marks())
    Calibration.objects.update(drift=DriftChoice.MOVED, drift_px=6.0)
    assert operator.get(address(camera)).json()["drift"]["state"] == "moved"
    confirmed = operator.post(address(camera, "confirm/")).json()
    assert confirmed["drift"]["state"] == "unwatched"
    assert confirmed["drift"]["confirmed_at"] is not None
    assert operator.delete(address(camera)).status_code == 204
    assert operator.delete(address(camera)).status_code == 404


def test_the_history_is_filtered_by_camera_newest_first(viewer: APIClient) -> None:
    gate, yard = make_camera("Gate"), make_camera("Yard")
    for camera in (gate, yard, gate):
        calibration_save(camera=camera, by=None, document=point_marks())
    rows = viewer.get("/api/v1/calibrations/", {"camera": gate.pk}).json()["results"]
    assert [row["camera"] for row in rows] == [gate.pk, gate.pk]
    assert rows[0]["id"] > rows[1]["id"]
    assert [row["retired_at"] is None for row in rows] == [True, False]
    assert len(viewer.get("/api/v1/calibrations/").json()["results"]) == 3
    assert viewer.get("/api/v1/calibrations/?camera=x").status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"speed_unit": "knots"},
        {"car_units": {"car": -1}},
        {"car_units": {"spaceship": 1}},
        {"car_units": {"car": "NaN"}},
        {"car_units": {"car": 99}},
        {"car_units": [1]},
    ],
)
def test_units_that_cannot_be_are_refused(admin: APIClient, change: dict[str, Any]) -> None:
    answer = admin.patch("/api/v1/site/", change)
    assert answer.status_code == 400, answer.json()
    assert next(iter(change)) in str(answer.json())


def test_an_admin_changes_the_units_of_the_site(admin: APIClient) -> None:
    units = {"speed_unit": "mph", "car_units": {"bus": 3.0, "car": 1.0}}
    assert admin.patch("/api/v1/site/", units).status_code == 200
    found = admin.get("/api/v1/site/").json()
    assert {name: found[name] for name in units} == units
