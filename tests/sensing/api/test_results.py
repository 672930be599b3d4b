from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from sensing.ingest import ingest
from sensing.models import Camera
from sensing.services import site_change
from tests.sensing.rows import NOON, NOON_S, crossing, facts, make_camera, make_user, visit

CROSSINGS, VISITS, COUNTS = "/api/v1/crossings/", "/api/v1/visits/", "/api/v1/counts/"
NOON_HOUR = {"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T13:00:00Z"}


def url(path: str, **query: Any) -> str:
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def streamed(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(streamed(answer), newline="")))


def fill(camera: Camera, number: int) -> None:
    """A crossing each minute from noon on."""
    ingest([facts(camera, *(crossing(i, NOON_S + 60 * i) for i in range(number)))])


def test_crossings_come_newest_first_page_after_page(viewer: APIClient) -> None:
    camera = make_camera()
    fill(camera, 25)
    seen: list[int] = []
    following: str | None = url(CROSSINGS, page_size=10)
    while following:
        page = viewer.get(following).json()
        assert len(page["results"]) <= 10
        seen += [entry["track_id"] for entry in page["results"]]
        following = page["next"]
        # What arrives meanwhile does not shift the pages that follow.
        ingest([facts(camera, crossing(1000 + len(seen), NOON_S + 86400))])
    assert seen == list(range(24, -1, -1))


def test_crossings_of_one_instant_are_paged_without_loss(viewer: APIClient) -> None:
    camera = make_camera()
    ingest([facts(camera, *(crossing(i) for i in range(30)))])
    seen: set[int] = set()
    following: str | None = url(CROSSINGS, page_size=7)
    while following:
        page = viewer.get(following).json()
        seen |= {entry["track_id"] for entry in page["results"]}
        following = page["next"]
    assert seen == set(range(30))


def test_crossings_are_filtered(viewer: APIClient) -> None:
    one, two = make_camera(), make_camera()
    ingest(
        [
            facts(one, crossing(1), crossing(2, direction="backward"), crossing(3, line="side")),
            facts(two, crossing(4, object_class="bus", size="large"), crossing(5, NOON_S + 3600)),
        ]
    )

    def found(**query: Any) -> set[int]:
        page = viewer.get(url(CROSSINGS, **query)).json()
        return {entry["track_id"] for entry in page["results"]}

    assert found() == {1, 2, 3, 4, 5}
    assert found(camera=one.pk) == {1, 2, 3}
    assert found(camera=f"{one.pk},{two.pk}") == found(camera=[one.pk, two.pk]) == {1, 2, 3, 4, 5}
    assert found(line="side") == {3}
    assert found(direction="backward") == {2}
    assert found(**{"class": "bus"}) == {4}
    assert found(**{"from": "2026-01-01T13:00:00Z"}) == {5}
    assert found(to="2026-01-01T13:00:00Z") == {1, 2, 3, 4}
    assert found(**NOON_HOUR, camera=two.pk) == {4}


def test_a_crossing_says_all_that_is_known_in_the_site_s_time_zone(viewer: APIClient) -> None:
    camera = make_camera()
    site_change(by=None, time_zone="Asia/Tokyo")
    ingest([facts(camera, crossing(7))])
    (entry,) = viewer.get(CROSSINGS).json()["results"]
    del entry["id"]
    assert entry == {
        "camera": camera.pk,
        "line": "gate",
        "at": "2026-01-01T21:00:00+09:00",
        "direction": "forward",
        "class": "car",
        "size": "small",
        "confidence": 0.9,
        "speed_mps": None,
        "speed_error_mps": None,
        "speed_doubtful": False,
        "length_m": None,
        "headway_s": None,
        "gap_s": None,
        "on_line_s": None,
        "wrong_way": False,
        "turn_back": False,
        "calibration": None,
        "run_id": "run-1",
        "track_id": 7,
        "nth": 0,
        "frame_index": 100,
    }


def test_visits_are_listed_and_filtered(viewer: APIClient) -> None:
    camera = make_camera()
    ingest([facts(camera, visits=(visit(1), visit(2, NOON_S + 3600, 12.5)))])
    page = viewer.get(url(VISITS, zone="yard", **{"class": "person"})).json()["results"]
    assert [(entry["track_id"], entry["dwell_s"]) for entry in page] == [(2, 12.5), (1, 30.0)]
    assert viewer.get(url(VISITS, zone="other")).json()["results"] == []


def test_facts_as_csv_are_whole_and_in_time_order(viewer: APIClient) -> None:
    camera = make_camera("Gate; \"north\", 'a'")
    site_change(by=None, time_zone="Europe/Berlin")
    fill(camera, 1203)
    answer = viewer.get(url(CROSSINGS, format="csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "crossings.csv" in answer["Content-Disposition"]
    lines = rows(answer)
    assert [int(line["track"]) for line in lines] == list(range(1203))
    assert lines[0]["camera_name"] == camera.name
    assert lines[0]["at"] == "2026-01-01T13:00:00+01:00"
    assert lines[0]["class"] == "car"
    answer = viewer.get(url(VISITS), HTTP_ACCEPT="text/csv")
    assert streamed(answer).startswith("camera,camera_name,zone,entered_at,left_at,dwell_s")


def test_a_name_that_is_a_formula_is_text_in_a_spreadsheet(viewer: APIClient) -> None:
    fill(make_camera("=1+1"), 1)
    assert rows(viewer.get(url(CROSSINGS, format="csv")))[0]["camera_name"] == "'=1+1"


def test_the_number_of_queries_does_not_depend_on_the_length_of_a_page(viewer: APIClient) -> None:
    fill(make_camera(), 50)
    fill(make_camera(), 50)

    def queries(target: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = viewer.get(target)
            if answer.streaming:
                streamed(answer)
        return len(captured)

    assert queries(url(CROSSINGS, page_size=2)) == queries(url(CROSSINGS, page_size=90))
    short = queries(url(COUNTS, bin=1, **NOON_HOUR))
    assert queries(url(COUNTS, bin=60, **NOON_HOUR)) == short


def test_counts_have_gaps_and_zeros(viewer: APIClient) -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1), observed_s={NOON: 60.0, NOON + 60: 60.0})])
    until = NOON_HOUR | {"to": "2026-01-01T15:00:00Z"}
    answer = viewer.get(url(COUNTS, bin=60, direction="forward", **until))
    document = json.loads(streamed(answer))
    assert (document["bin"], document["time_zone"]) == (60, "UTC")
    assert document["results"][0] == {
        "start": "2026-01-01T12:00:00+00:00",
        "end": "2026-01-01T13:00:00+00:00",
        "camera": camera.pk,
        "line": "gate",
        "class": "car",
        "size": "small",
        "direction": "forward",
        "count": 1,
        "observed_s": 60.0,
        "coverage": "partial",
    }
    assert [(entry["count"], entry["coverage"]) for entry in document["results"]] == [
        (1, "partial"),
        (0, "partial"),
        (None, "unknown"),
    ]


def test_counts_as_csv_leave_a_gap_empty(viewer: APIClient) -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1), observed_s={NOON: 60.0})])
    until = NOON_HOUR | {"to": "2026-01-01T14:00:00Z"}
    lines = rows(viewer.get(url(COUNTS, format="csv", direction="forward", **until)))
    assert [(line["class"], line["count"]) for line in lines] == [("car", "1"), ("car", "")]


def test_counts_without_any_query_are_those_of_the_last_day(viewer: APIClient) -> None:
    make_camera()
    document = json.loads(streamed(viewer.get(COUNTS)))
    assert document["bin"] == 60
    assert {entry["count"] for entry in document["results"]} == {None}


def test_a_time_without_an_offset_is_one_of_the_site(viewer: APIClient) -> None:
    camera = make_camera()
    site_change(by=None, time_zone="Asia/Tokyo")
    ingest([facts(camera, crossing(1))])
    found = viewer.get(url(CROSSINGS, **{"from": "2026-01-01T21:00:00"})).json()["results"]
    assert len(found) == 1
    assert viewer.get(url(CROSSINGS, **{"from": "2026-01-01T21:01"})).json()["results"] == []


@pytest.mark.parametrize("plus", ["%2B", "+", "%20"])
def test_the_plus_of_an_offset_may_have_become_a_blank(viewer: APIClient, plus: str) -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1))])  # at 12:00 UTC

    def since(text: str) -> int:
        return len(viewer.get(f"{CROSSINGS}?from={text}").json()["results"])

    assert since(f"2026-01-01T21:00:00{plus}09:00") == 1
    assert since(f"2026-01-01T21:00:01{plus}0900") == 0
    assert since("2026-01-01%2012:00") == 1  # here the blank stands for the T


NONSENSE: list[tuple[str, dict[str, Any], str]] = [
    *(
        (path, query, field)
        for path in (CROSSINGS, VISITS, COUNTS)
        for query, field in (
            ({"camera": "gate"}, "camera"),
            ({"camera": "1,x"}, "camera"),
            ({"camera": "-1"}, "camera"),
            ({"camera": str(2**64)}, "camera"),
            ({"camera": "1" * 2000}, "camera"),
            ({"from": "yesterday"}, "from"),
            ({"from": "2026-13-01T00:00:00Z"}, "from"),
            ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
            ({"to": "9999-12-31T23:59:59-14:00"}, "to"),
            ({"to": "1500-01-01T00:00:00Z"}, "to"),
            ({"from": "2026-01-02", "to": "2026-01-01"}, "to"),
            ({"class": "x" * 41}, "class"),
            ({"class": "a\x00"}, "class"),
            ({"colour": "red"}, "colour"),
        )
    ),
    (CROSSINGS, {"direction": "sideways"}, "direction"),
    (CROSSINGS, {"line": "a\x00"}, "line"),
    (CROSSINGS, {"zone": "yard"}, "zone"),
    (CROSSINGS, {"page_size": "0"}, "page_size"),
    (CROSSINGS, {"page_size": "many"}, "page_size"),
    (CROSSINGS, {"page_size": "1" * 500}, "page_size"),
    (CROSSINGS, {"page_size": "²"}, "page_size"),
    (CROSSINGS, {"cursor": "nonsense"}, "cursor"),
    (CROSSINGS, {"cursor": "cD1ub25zZW5zZQ=="}, "cursor"),  # p=nonsense
    (CROSSINGS, {"cursor": "bz0tMQ=="}, "cursor"),  # o=-1
    (VISITS, {"line": "gate"}, "line"),
    (COUNTS, {"bin": "7"}, "bin"),
    (COUNTS, {"bin": "hour"}, "bin"),
    (COUNTS, {"bin": "1", "from": "2020-01-01", "to": "2026-01-01"}, "bin"),
    (COUNTS, {"format": "csv", "bin": "7"}, "bin"),
    (CROSSINGS, {"format": "csv", "camera": "x"}, "camera"),
]


@pytest.mark.parametrize(("path", "query", "field"), NONSENSE)
def test_nonsense_is_refused_in_clear_words(
    viewer: APIClient, path: str, query: dict[str, Any], field: str
) -> None:
    make_camera()
    answer = viewer.get(url(path, **query))
    assert answer.status_code == 400, answer.content[:200]
    assert answer["Content-Type"] == "application/json"
    document = answer.json()
    assert document["field"] == field
    assert document["message"].startswith(f"{field}: ")


def test_an_unknown_format_is_not_found(viewer: APIClient) -> None:
    assert viewer.get(url(CROSSINGS, format="xls")).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [CROSSINGS, COUNTS])
async def test_under_the_real_server_rows_leave_before_all_are_read(
    path: str, async_client: AsyncClient
) -> None:
    @database_sync_to_async
    def prepare() -> Any:
        fill(make_camera(), 1500)
        return make_user("vera", "viewer")

    await async_client.aforce_login(await prepare())
    query = {"format": "csv", "from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z"}
    answer = await async_client.get(url(path, **query, **({"bin": 1} if path == COUNTS else {})))
    assert answer.is_async
    parts = [part.decode() async for part in answer]
    # The thread that read the rows stays: its connection would keep the database in use.
    await sync_to_async(connections.close_all)()
    assert len(parts) > 2
    lines = list(csv.reader(io.StringIO("".join(parts), newline="")))
    assert len(lines) > 1500
    assert len({len(line) for line in lines}) == 1
