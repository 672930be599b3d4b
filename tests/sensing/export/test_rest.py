"""Exports over REST."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from sensing.models import ScheduledExport
from sensing.services.export_runs import run_due
from tests.sensing.export.rows import DAY, crossings, road
from tests.sensing.rows import make_user

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
GOOD = {"what": "counts", "format": "csv", "bin": "60", "from": "2026-01-05", "to": "2026-01-06"}
URL = "/api/v1/exports/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("olga", "operator"), BACKEND)
    return client


def refusal(client: Client, **changes: str) -> dict[str, Any]:
    query = {name: value for name, value in (GOOD | changes).items() if value != "-"}
    answer = client.get(f"{URL}file/", query)
    assert answer.status_code == 400, answer
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"what": "pictures"}, "what", "got “pictures”"),
        ({"what": "-"}, "what", "required"),
        ({"format": "pdf"}, "format", "csv, xlsx, parquet, json, jsonl, got “pdf”"),
        ({"what": "datex"}, "format", "Expected one of xml"),
        ({"bin": "7"}, "bin", "1, 5, 15, 60, 1440, got “7”"),
        ({"bin": "-"}, "bin", "got “nothing”"),
        ({"bin": "many"}, "bin", "integer"),
        ({"what": "speeds", "bin": "5"}, "bin", "15, 60, 1440, got “5”"),
        ({"what": "crossings"}, "bin", "Expected no bin"),
        ({"from": "2026-01-06", "to": "2026-01-05"}, "to", "after “from”"),
        ({"from": "yesterday"}, "from", "wrong format"),
        ({"from": "1026-01-05"}, "from", "2000 to 2099"),
        ({"bin": "1", "to": "2028-01-05"}, "bin", "at most 530000 bins"),
        ({"camera": "99"}, "camera", "no camera 99"),
        ({"camera": "north"}, "camera", "integer"),
        ({"what": "classified", "format": "xlsx", "bin": "-", "to": "2027-01-05"}, "to", "93 days"),
        ({"what": "datex", "format": "xml"}, "country", "two small letters such as de"),
        ({"what": "datex_sites", "format": "xml", "country": "de"}, "latitude", "-90 to 90"),
        (
            {"what": "tmg", "format": "zip", "bin": "-", "state_code": "17", "heading": "1"},
            "functional_class",
            "such as 3U",
        ),
        ({"color": "red"}, "color", "no such field"),
    ],
)
def test_nonsense_is_refused_with_what_was_expected_and_what_came(
    client: Client, changes: dict[str, str], field: str, words: str
) -> None:
    road()
    document = refusal(client, **changes)
    assert document["field"] == field
    assert words in document["message"]


def test_a_file_comes_with_its_name_and_type(client: Client) -> None:
    crossings(road("Süd"), 3)
    query = {**GOOD, "what": "crossings", "format": "parquet"}
    del query["bin"]
    answer = client.get(f"{URL}file/", query)
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert "s%C3%BCd_2026-01-05.parquet" in answer.headers["Content-Disposition"]
    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    assert len(pd.read_parquet(io.BytesIO(content))) == 3


@pytest.mark.django_db(transaction=True)
async def test_under_the_real_server_interface_portions_leave_one_by_one() -> None:
    client = AsyncClient()
    user = await sync_to_async(make_user)("vera", "viewer")
    await sync_to_async(crossings)(await sync_to_async(road)(), 2500)
    await client.aforce_login(user, BACKEND)
    query = {**GOOD, "what": "crossings"}
    del query["bin"]
    answer = await client.get(f"{URL}file/", query)
    assert answer.is_async
    parts = [part async for part in answer]
    assert len(parts) == 3
    assert len(pd.read_csv(io.BytesIO(b"".join(parts)))) == 2500


def test_a_preview_names_the_file_and_shows_its_first_rows(client: Client) -> None:
    crossings(road(), 20)
    query = {**GOOD, "what": "crossings"}
    del query["bin"]
    document = client.get(f"{URL}preview/", query).json()
    assert document["file_name"] == "crossings_north_2026-01-05.csv"
    assert len(document["rows"]) == 5
    assert len(document["rows"][0]) == len(document["columns"])
    layout = {**GOOD, "what": "classified"}
    del layout["bin"]
    assert client.get(f"{URL}preview/", layout).json()["rows"] == []


def test_the_catalogue_tells_formats_and_bins(client: Client) -> None:
    found = {row["what"]: row for row in client.get(URL).json()["results"]}
    assert found["speeds"]["bins"] == [15, 60, 1440]
    assert found["tmg"]["formats"] == ["zip"]


SCHEDULE = {
    "name": "Nightly",
    "what": "counts",
    "format": "csv",
    "bin": 60,
    "every": "day",
    "at": "00:10",
}


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(f"{URL}{path}", body, content_type="application/json")


def test_a_schedule_is_made_changed_run_read_and_deleted(
    client: Client, tmp_path: Path, settings: Any
) -> None:
    settings.EXPORT_DIR = tmp_path
    camera = road()
    made = post(client, "schedules/", {**SCHEDULE, "cameras": [camera.pk]})
    assert made.status_code == 201, made.content
    document = made.json()
    assert (document["at"], document["cameras"], document["files"]) == ("00:10", [camera.pk], [])
    mine = f"{URL}schedules/{document['id']}/"
    changed = client.patch(mine, {"enabled": False}, content_type="application/json")
    assert (changed.json()["enabled"], changed.json()["bin"]) == (False, 60)
    assert client.post(f"{mine}run/").json()["waiting"]
    assert run_due(datetime.now(UTC)) == 1
    after = client.get(mine).json()
    assert not after["waiting"]
    name = after["files"][0]["name"]
    content = b"".join(client.get(f"{mine}files/{name}/").streaming_content)  # type: ignore[arg-type]
    assert len(content) == after["files"][0]["bytes"]
    (tmp_path / "secret.txt").write_text("no")
    for other in ("secret.txt", "..%2Fsecret.txt", ".new-1"):
        assert client.get(f"{mine}files/{other}/").status_code == 404
    assert client.delete(mine).status_code == 204
    assert not ScheduledExport.objects.exists()
    assert (tmp_path / ScheduledExport(folder=f"{document['id']:04d}-nightly").folder).is_dir()


def test_a_schedule_that_makes_no_sense_is_refused(client: Client) -> None:
    road()
    assert post(client, "schedules/", SCHEDULE).status_code == 201
    for changes, field in (
        ({}, "name"),  # the name is taken
        ({"name": "B", "bin": 7}, "bin"),
        ({"name": "B", "at": "25:00"}, "at"),
        ({"name": "B", "folder": "/etc"}, "folder"),
        ({"name": "B", "cameras": ["x"]}, "cameras"),
    ):
        answer = post(client, "schedules/", SCHEDULE | changes)
        assert answer.status_code == 400
        assert answer.json()["field"] == field


def test_a_period_without_an_offset_is_one_of_the_sites_clock(client: Client) -> None:
    crossings(road(), 1, DAY - timedelta(hours=1))
    query = {**GOOD, "what": "crossings", "from": "2026-01-05T00:00+01:00"}
    del query["bin"]
    content = b"".join(client.get(f"{URL}file/", query).streaming_content)  # type: ignore[arg-type]
    assert len(pd.read_csv(io.BytesIO(content))) == 1
