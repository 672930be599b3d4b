from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from rest_framework.test import APIClient

from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS, pack_heat
from sensing.models import (
    Camera,
    QuarterCount,
    QuarterHeat,
    QuarterMovement,
    QuarterObserved,
    QuarterZone,
)
from tests.sensing.rows import NOON_S, make_camera

NOON_QUARTER = int(NOON_S // 900)
NOON_HOUR = {"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T13:00:00Z"}
ROOT = "/api/v1/statistics/"


def url(name: str, **query: Any) -> str:
    return f"{ROOT}{name}/?{urlencode(query, doseq=True)}"


def document(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return json.loads(b"".join(answer.streaming_content))


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def camera(db: None) -> Camera:
    """Noon: 5 in, 2 out over ``gate``; 4 visits to ``yard``; watched for half of the hour."""
    camera = make_camera("Door")
    common: dict[str, Any] = {"camera": camera, "quarter": NOON_QUARTER}
    for quarter in (0, 1):
        QuarterObserved.objects.create(
            camera=camera, quarter=NOON_QUARTER + quarter, observed_s=900
        )
    for direction, count in (("forward", 5), ("backward", 2)):
        QuarterCount.objects.create(
            **common, line_id="gate", object_class="person", direction=direction, count=count
        )
    QuarterZone.objects.create(**common, zone_id="yard", visits=4, occupied_s=900, occupancy_max=2)
    QuarterMovement.objects.create(
        **common,
        origin_line="gate",
        origin_direction="forward",
        destination_line="=gate",
        destination_direction="backward",
        object_class="car",
        count=3,
    )
    grid = np.zeros((HEAT_ROWS, HEAT_COLUMNS))
    grid[1, 2] = 12.5
    QuarterHeat.objects.create(**common, kind="person", cells=pack_heat(grid))
    return camera


def test_people_of_an_area_as_json_and_csv(viewer: APIClient, camera: Camera) -> None:
    found = document(viewer.get(url("people", **NOON_HOUR, bin=60)))
    assert found["lines"] == [{"camera": camera.pk, "line": "gate", "inward": "forward"}]
    assert (found["bin"], found["time_zone"], found["reset"]) == (60, "UTC", 3)
    assert found["results"] == [
        {
            "start": "2026-01-01T12:00:00+00:00",
            "end": "2026-01-01T13:00:00+00:00",
            "entries": 5,
            "exits": 2,
            "inside_mean": 3.0,
            "inside_most": 3,
            "inside_end": 3,
            "inside_doubtful": True,
            "observed_s": 1800.0,
            "down_s": 0.0,
            "possible_s": 3600.0,
            "coverage": "partial",
        }
    ]
    entry = f"{camera.pk}:gate:backward"
    [row] = rows(viewer.get(url("people", **NOON_HOUR, entry=entry, format="csv")))
    assert (row["entries"], row["exits"], row["inside_end"]) == ("2", "5", "-3")
    out = document(viewer.get(url("people", **NOON_HOUR, entry=f"{camera.pk}:gate:none")))
    assert out["lines"] == []


def test_people_in_zones_as_json_and_csv(viewer: APIClient, camera: Camera) -> None:
    found = document(viewer.get(url("people", **NOON_HOUR, of="zones", bin=15)))
    [zone] = found["zones"]
    assert (zone["zone"], zone["visits"], zone["mean"], zone["most"]) == ("yard", 4, 0.5, 2)
    assert (zone["stays"], zone["dwell_median_s"], zone["coverage"]) == (0, None, "partial")
    assert len(found["dwell_edges_s"]) == len(zone["dwell_histogram"]) + 1
    assert [row["visits"] for row in found["results"]] == [4, 0, None, None]
    lines = rows(viewer.get(url("people", **NOON_HOUR, of="zones", bin=15, format="csv")))
    assert [row["coverage"] for row in lines] == ["complete", "complete", "unknown", "unknown"]
    assert document(viewer.get(url("people", **NOON_HOUR, of="zones", zone="x")))["zones"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"entry": "gate:forward"}, "entry"),
        ({"entry": "1:gate:sideways"}, "entry"),
        ({"reset": 24}, "reset"),
        ({"of": "lines"}, "of"),
        ({"bin": 7}, "bin"),
        ({"bin": 5, "from": "2026-01-01", "to": "2026-01-03"}, "bin"),
        ({"bin": 15, "from": "2000-01-01T00:00Z", "to": "2099-01-01T00:00Z"}, "bin"),
        ({"from": "2026-01-02T00:00Z", "to": "2026-01-01T00:00Z"}, "to"),
        ({"class": "person"}, "class"),
    ],
)
def test_bad_questions_about_people_are_refused_in_words(
    viewer: APIClient, db: None, query: dict[str, Any], field: str
) -> None:
    answer = viewer.get(url("people", **query))
    assert answer.status_code == 400
    assert answer.json()["field"] in {field, "from"}
    assert len(answer.json()["message"]) > 20


def test_movements_as_json_and_csv(viewer: APIClient, camera: Camera) -> None:
    found = document(viewer.get(url("movements", **NOON_HOUR)))
    [row] = found["results"]
    assert (row["from_line"], row["to_direction"], row["class"]) == ("gate", "backward", "car")
    assert (row["count"], row["share_percent"]) == (3, 100.0)
    [watched] = found["cameras"]
    assert (watched["observed_s"], watched["possible_s"]) == (1800.0, 3600.0)
    assert watched["coverage"] == "partial"
    assert document(viewer.get(url("movements", **NOON_HOUR, **{"class": "bus"})))["results"] == []
    [line] = rows(viewer.get(url("movements", **NOON_HOUR, format="csv")))
    assert list(line) == [
        *("camera", "camera_name", "from_line", "from_direction", "to_line", "to_direction"),
        *("class", "count", "share_percent"),
    ]
    # What a spreadsheet would run as a formula is a text.
    assert (line["camera_name"], line["to_line"], line["count"]) == ("Door", "'=gate", "3")


def test_heat_as_json_and_csv(viewer: APIClient, camera: Camera) -> None:
    answer = viewer.get(url("heat", **NOON_HOUR, camera=camera.pk, kind="person"))
    found = answer.json()
    assert (found["unit"], found["columns"], found["rows"]) == ("object-seconds", 48, 27)
    assert (found["cells"][1][2], sum(map(sum, found["cells"]))) == (12.5, 12.5)
    assert found["coverage"] == "partial"
    lines = rows(
        viewer.get(url("heat", **NOON_HOUR, camera=camera.pk, kind="person", format="csv"))
    )
    assert len(lines) == 48 * 27
    [busy] = [line for line in lines if line["object_s"] != "0.0"]
    assert (busy["row"], busy["column"], busy["object_s"]) == ("1", "2", "12.5")
    assert (float(busy["left"]), float(busy["bottom"])) == pytest.approx((2 / 48, 2 / 27), abs=1e-6)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"camera": "1,2"}, 400),
        ({"camera": "x"}, 400),
        ({"camera": 999_999}, 404),
        ({"camera": 999_999, "kind": "dog"}, 400),
    ],
)
def test_heat_is_of_one_camera(
    viewer: APIClient, db: None, query: dict[str, Any], status: int
) -> None:
    answer = viewer.get(url("heat", **query))
    assert answer.status_code == status
    assert answer.json()["message"]
