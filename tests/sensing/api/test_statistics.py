from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from sensing.models import SummedDay
from sensing.services import site_change
from tests.sensing.quarter_rows import QUARTER, counted, measured, observed, passed
from tests.sensing.rows import NOON_S, make_camera

FLOW, SPEEDS = "/api/v1/statistics/flow/", "/api/v1/statistics/speeds/"
HOUR = {"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T13:00:00Z"}


def streamed(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def document(answer: Any) -> Any:
    return json.loads(streamed(answer))


def test_flow_comes_with_totals_and_bins_on_the_clock_of_the_site(viewer: APIClient) -> None:
    camera = make_camera()
    site_change(by=None, time_zone="Asia/Kolkata")
    observed(camera, QUARTER)
    observed(camera, QUARTER + 1, 0.0, down_s=900.0)
    counted(camera, QUARTER, 9)
    counted(camera, QUARTER, 1, object_class="truck", size="large", direction="backward")
    found = document(viewer.get(FLOW, {**HOUR, "bin": "15"}))
    assert found["time_zone"] == "Asia/Kolkata"
    assert "peaks" not in found
    totals = found["totals"]
    assert (totals["count"], totals["forward"], totals["backward"]) == (10, 9, 1)
    assert totals["class_percent"] == {"car": 90.0, "truck": 10.0}
    assert (totals["small"], totals["large"], totals["car_units"]) == (9, 1, 11.0)
    first, second, *_rest = found["results"]
    assert first["start"] == "2026-01-01T17:30:00+05:30"
    assert (first["coverage"], first["flow_per_h"]) == ("complete", 40.0)
    assert (second["coverage"], second["count"], second["forward"]) == ("down", None, None)


def test_details_have_peaks_lines_and_for_a_day_headways_and_lengths(viewer: APIClient) -> None:
    camera = make_camera()
    for k in range(4):
        observed(camera, QUARTER + k)
        counted(camera, QUARTER + k, 10)
    passed(camera, 1, NOON_S, headway_s=3.0, length_m=15.0)
    found = document(viewer.get(FLOW, {**HOUR, "detail": "true"}))
    assert (found["peaks"]["peak"]["volume"], found["peaks"]["peak"]["factor"]) == (40.0, 1.0)
    assert found["peaks"]["peak"]["start"] == "2026-01-01T12:00:00+00:00"
    assert [line["count"] for line in found["lines"]] == [40]
    assert found["headways"]["count"] == 1
    assert [one["count"] for one in found["lengths"]["classes"]] == [0, 0, 1]
    with CaptureQueriesContext(connection) as captured:
        month = document(viewer.get(FLOW, {"from": "2025-12-15", "to": "2026-01-15", "detail": 1}))
    assert (month["headways"], month["lengths"]) == (None, None)
    assert not [query for query in captured if "sensing_crossing" in query["sql"]]


def test_flow_as_csv_has_a_row_per_bin(viewer: APIClient) -> None:
    camera = make_camera()
    observed(camera, QUARTER)
    counted(camera, QUARTER, 3)
    counted(camera, QUARTER, 2, object_class="bus", direction="backward")
    answer = viewer.get(FLOW, {**HOUR, "bin": "15", "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(streamed(answer), newline="")))
    assert len(rows) == 4
    assert (rows[0]["count"], rows[0]["forward"], rows[0]["backward"]) == ("5", "3", "2")
    assert rows[0]["classes"] == "car forward 3; bus backward 2"
    assert (rows[1]["coverage"], rows[1]["count"]) == ("unknown", "")


def test_speeds_are_in_metres_per_second_whatever_pages_show(viewer: APIClient) -> None:
    camera = make_camera()
    site_change(by=None, speed_unit="mph")
    observed(camera, QUARTER)
    measured(camera, QUARTER, [13.2] * 120)
    found = document(viewer.get(SPEEDS, {**HOUR, "bin": "15", "camera": camera.pk}))
    assert found["unit"] == "m/s"
    assert (found["summary"]["count"], found["summary"]["time_mean_mps"]) == (120, 13.2)
    assert found["summary"]["histogram"] == {"first_mps": 13.0, "width_mps": 0.5, "counts": [120]}
    assert [row["soundness"] for row in found["results"]] == ["sound", *["refused"] * 3]
    answer = viewer.get(SPEEDS, {**HOUR, "format": "csv"})
    (row,) = csv.DictReader(io.StringIO(streamed(answer), newline=""))
    assert (row["count"], row["time_mean_mps"], row["coverage"]) == ("120", "13.2", "partial")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (FLOW, {"bin": "7"}, "bin"),
        (FLOW, {"bin": "1", "from": "2026-01-01", "to": "2026-02-01"}, "bin"),
        (FLOW, {"from": "2026-01-02", "to": "2026-01-01"}, "to"),
        (FLOW, {"lines": "gate"}, "lines"),
        (FLOW, {"detail": "perhaps"}, "detail"),
        (SPEEDS, {"bin": "5"}, "bin"),
        (SPEEDS, {"direction": "up"}, "direction"),
        (SPEEDS, {"free_flow": "1", "from": "2026-01-01", "to": "2026-01-09"}, "free_flow"),
        (SPEEDS, {"bin": "1440", "from": "2020-01-01", "to": "2026-01-01"}, "camera"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(
    viewer: APIClient, path: str, query: dict[str, str], field: str
) -> None:
    make_camera()
    answer = viewer.get(path, query)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["message"]


def test_of_years_there_are_no_peak_hours_and_speeds_by_days_that_are_summed(
    viewer: APIClient,
) -> None:
    make_camera()
    years = {"from": "2022-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "bin": "1440"}
    found = document(viewer.get(FLOW, {**years, "detail": "true"}))
    assert (found["peaks"], found["lines"]) == (None, [])
    assert viewer.get(SPEEDS, years).status_code == 400
    end = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) // 900
    SummedDay.objects.bulk_create(
        SummedDay(first=first, after=first + 96) for first in range(end - 96 * 1461, end, 96)
    )
    assert len(document(viewer.get(SPEEDS, years))["results"]) == 1461


@pytest.mark.parametrize("path", [FLOW, SPEEDS])
def test_a_gateway_without_cameras_answers_bins_of_nothing(viewer: APIClient, path: str) -> None:
    found = document(viewer.get(path, HOUR))
    assert [row["coverage"] for row in found["results"]] == ["unknown"]
    csv_answer = viewer.get(path, {**HOUR, "format": "csv"})
    assert len(streamed(csv_answer).splitlines()) == 2
