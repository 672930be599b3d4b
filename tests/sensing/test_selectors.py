from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from sensing import models
from sensing.ingest import ingest
from sensing.models import Camera
from sensing.selectors import (
    BIN_MINUTES,
    CountBin,
    camera_counts,
    count_bins,
    current_site,
    live_snapshot,
    state_document,
)
from sensing.selectors.bins import bin_edges
from sensing.services import camera_pause, scene_save, site_change
from sensing.worker.messages import ZoneMinute
from tests.sensing.rows import NOON, NOON_S, SCENE, crossing, facts, make_camera, status, visit

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def starts(start: datetime, end: datetime, minutes: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """Where bins begin on the local clock, and the end of the last."""
    edges = bin_edges(start, end, minutes, zone)
    return [datetime.fromtimestamp(e * 60, UTC).astimezone(zone).isoformat() for e in edges]


def count_at(camera: Camera, *moments: datetime, observed: bool = True) -> None:
    """One car at each moment, in minutes that were watched from start to end."""
    found = [crossing(i, at.timestamp()) for i, at in enumerate(moments)]
    minutes = {int(at.timestamp() // 60): 60.0 for at in moments} if observed else {}
    ingest([facts(camera, *found, observed_s=minutes, run=f"run-{moments[0].isoformat()}")])


# --- Where bins begin ---


def test_bins_of_a_day_begin_at_local_midnight_and_cover_the_range() -> None:
    assert starts(local("2026-01-05T15:00"), local("2026-01-06T00:00"), 1440) == [
        "2026-01-05T00:00:00+01:00",
        "2026-01-06T00:00:00+01:00",
    ]


def test_bins_of_a_week_begin_on_monday() -> None:
    assert starts(local("2026-01-08T00:00"), local("2026-01-12T00:01"), 10080) == [
        "2026-01-05T00:00:00+01:00",
        "2026-01-12T00:00:00+01:00",
        "2026-01-19T00:00:00+01:00",
    ]


def test_a_day_on_which_clocks_are_set_has_23_or_25_hours() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        begin = local(f"{day}T00:00")
        end = local(f"{day}T23:59")
        assert len(bin_edges(begin, end, 60, BERLIN)) - 1 == hours
        (first, last) = bin_edges(begin, end, 1440, BERLIN)
        assert last - first == hours * 60


def test_hours_stay_whole_where_clocks_are_set() -> None:
    assert starts(local("2026-03-29T01:00"), local("2026-03-29T04:00"), 60) == [
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T04:00:00+02:00",
    ]


def test_half_hour_zones_have_bins_on_their_own_hours() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    assert starts(local("2026-01-05T10:10", zone), local("2026-01-05T10:20", zone), 60, zone) == [
        "2026-01-05T10:00:00+05:30",
        "2026-01-05T11:00:00+05:30",
    ]


def test_where_clocks_are_set_by_half_an_hour_the_rest_joins_the_bin_before() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    edges = bin_edges(local("2026-04-05T00:00", zone), local("2026-04-05T06:00", zone), 60, zone)
    clocks = [datetime.fromtimestamp(e * 60, UTC).astimezone(zone) for e in edges]
    assert {clock.minute for clock in clocks} == {0}
    lengths = [b - a for a, b in itertools.pairwise(edges)]
    assert sorted(set(lengths)) == [60, 90]


def test_a_day_begins_where_there_is_no_midnight() -> None:
    zone = ZoneInfo("Africa/Cairo")
    day = starts(local("2026-04-24T12:00", zone), local("2026-04-24T13:00", zone), 1440, zone)
    assert day == ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]


@given(
    begin=st.datetimes(datetime(2001, 1, 2), datetime(2090, 1, 1)),
    length_s=st.integers(1, 200_000),
    minutes=st.sampled_from(BIN_MINUTES),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]
    ),
)
def test_bins_cover_the_range_without_gap_and_do_not_depend_on_where_it_begins(
    begin: datetime, length_s: int, minutes: int, zone: str
) -> None:
    start = begin.replace(tzinfo=UTC)
    end = start + timedelta(seconds=length_s)
    edges = bin_edges(start, end, minutes, ZoneInfo(zone))
    assert edges == sorted(set(edges))
    assert edges[0] * 60 <= start.timestamp() < edges[1] * 60
    assert edges[-2] * 60 < end.timestamp() <= edges[-1] * 60
    later = start + timedelta(seconds=length_s // 2)
    assert set(bin_edges(later, end, minutes, ZoneInfo(zone))) <= set(edges)


# --- What is in them ---


def bins(camera: Camera, start: datetime, end: datetime, minutes: int, **more: Any) -> list[Any]:
    """(count, observed seconds) of each bin, of the series that are asked for."""
    rows: list[CountBin] = list(count_bins([camera], start, end, minutes, **more))
    return [(row["count"], row["observed_s"]) for row in rows]


@pytest.mark.django_db
def test_a_gap_is_not_a_zero() -> None:
    camera = make_camera()
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    count_at(camera, start, start + timedelta(minutes=3))
    ingest([facts(camera, observed_s={NOON + 2: 30.0}, run="quiet")])
    found = bins(camera, start, start + timedelta(minutes=4), 1, direction="forward")
    assert found == [(1, 60.0), (None, 0.0), (0, 30.0), (1, 60.0)]


@pytest.mark.django_db
def test_a_line_without_a_crossing_has_zeros_where_it_was_watched() -> None:
    camera = make_camera()
    ingest([facts(camera, observed_s={NOON: 60.0})])
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rows = list(count_bins([camera], start, start + timedelta(minutes=2), 1))
    assert [(r["line"], r["direction"], r["class"], r["count"]) for r in rows] == [
        ("gate", "backward", None, 0),
        ("gate", "forward", None, 0),
        ("gate", "backward", None, None),
        ("gate", "forward", None, None),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", BIN_MINUTES)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_every_crossing_is_in_exactly_one_bin_of_any_length(minutes: int, zone: str) -> None:
    camera = make_camera()
    site_change(by=None, time_zone=zone)
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)
    count_at(camera, *(start + timedelta(minutes=17 * i) for i in range(60)))
    rows = list(count_bins([camera], start, start + timedelta(days=1), minutes))
    counted = {"forward": 0, "backward": 0}
    for row in rows:
        counted[row["direction"]] += row["count"] or 0
    assert counted == {"forward": 60, "backward": 0}
    watched = sum(row["observed_s"] for row in rows if row["direction"] == "forward")
    assert watched == 60 * 60.0


@pytest.mark.django_db
def test_bins_can_be_asked_for_one_line_class_and_direction() -> None:
    scene = SCENE | {
        "lines": [*SCENE["lines"], {"id": "side", "name": "Side", "points": [[0, 0], [1, 0]]}]
    }
    camera = make_camera(scene=scene)
    batch = [
        crossing(1),
        crossing(2, line="side"),
        crossing(3, object_class="bus", size="large"),
        crossing(4, direction="backward"),
    ]
    ingest([facts(camera, *batch, observed_s={NOON: 60.0})])
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    chosen = list(
        count_bins([camera], start, start + timedelta(minutes=1), 1, "gate", "car", "forward")
    )
    assert [(row["line"], row["class"], row["size"], row["count"]) for row in chosen] == [
        ("gate", "car", "small", 1)
    ]


@pytest.mark.django_db
def test_a_bin_length_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="7"):
        list(count_bins([], local("2026-01-01"), local("2026-01-02"), 7))


@pytest.mark.django_db
def test_a_line_that_was_deleted_keeps_its_history() -> None:
    camera = make_camera()
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    count_at(camera, start)
    scene_save(camera=camera, by=None, document={"lines": []})
    camera = Camera.objects.get(pk=camera.pk)
    assert bins(camera, start, start + timedelta(minutes=1), 1) == [(1, 60.0)]


# --- Counts of now ---


@pytest.mark.django_db
def test_today_and_this_hour_begin_on_the_local_clock() -> None:
    camera = make_camera()
    site_change(by=None, time_zone="Asia/Kolkata")
    zone = ZoneInfo("Asia/Kolkata")
    count_at(
        camera,
        local("2026-01-04T23:59", zone),
        local("2026-01-05T00:00", zone),
        local("2026-01-05T09:59", zone),
        local("2026-01-05T10:00", zone),
        local("2026-01-05T10:07", zone),
    )
    counts = camera_counts(camera, local("2026-01-05T10:08", zone))
    assert counts["today"] == {"gate": {"forward": {"car": 4}}}
    assert counts["hour"] == {"gate": {"forward": {"car": 2}}}


@pytest.mark.django_db
def test_the_last_sixty_minutes_have_sixty_entries_with_their_seconds() -> None:
    camera = make_camera()
    batch = [crossing(1), crossing(2, direction="backward"), crossing(3, NOON_S - 59 * 60)]
    ingest([facts(camera, *batch, observed_s={NOON: 12.5, NOON - 60: 60.0})])
    minutes = camera_counts(camera, datetime.fromtimestamp(NOON_S + 30, UTC))["minutes"]
    assert [entry["minute"] for entry in minutes] == list(range(NOON - 59, NOON + 1))
    assert minutes[-1] == {"minute": NOON, "observed_s": 12.5, "forward": 1, "backward": 1}
    assert minutes[0]["forward"] == 1
    assert minutes[1] == {"minute": NOON - 58, "observed_s": 0.0, "forward": 0, "backward": 0}


@pytest.mark.django_db
def test_zones_tell_their_occupancy_and_the_visits_of_today() -> None:
    camera = make_camera()
    ingest(
        [
            facts(
                camera,
                visits=(visit(1), visit(2), visit(3, NOON_S - 86400)),
                observed_s={NOON: 30.0},
                zone_minutes=(ZoneMinute("yard", NOON, 62.0, 3),),
            )
        ]
    )
    counts = camera_counts(camera, datetime.fromtimestamp(NOON_S + 30, UTC))
    assert counts["occupancy"] == {"yard": 2}
    assert counts["visits_today"] == {"yard": 2}
    later = camera_counts(camera, datetime.fromtimestamp(NOON_S + 600, UTC))
    assert later["occupancy"] == {}


@pytest.mark.django_db
def test_the_live_snapshot_has_every_camera_in_a_fixed_number_of_queries() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            live_snapshot()
        return len(captured)

    camera = make_camera("Gate")
    ingest([status(camera, cause="timeout", state="failed"), facts(camera, crossing(1))])
    few = queries()
    for _ in range(4):
        make_camera()
    assert queries() == few
    entry = live_snapshot()[0]
    assert (entry["id"], entry["name"], entry["kind"]) == (camera.pk, "Gate", "rtsp")
    assert entry["scene"] == {"version": 1, **SCENE}
    assert entry["state"]["state"] == "failed"
    assert entry["state"]["since"] == NOON_S
    assert entry["attention"] is False
    assert entry["state"]["message"]
    assert entry["state"]["advice"]
    assert len(live_snapshot([camera.pk])) == 1


@pytest.mark.django_db
def test_a_paused_camera_is_paused_whatever_its_worker_said_last() -> None:
    camera = make_camera()
    camera_pause(camera=camera, by=None)
    models.CameraState.objects.update(state="live")
    assert live_snapshot()[0]["state"]["state"] == "paused"


@pytest.mark.django_db
def test_a_state_fresh_from_a_worker_looks_like_a_stored_one() -> None:
    camera = make_camera()
    message = status(camera, last_frame_at_s=NOON_S, width=640, source_fps=25.0)
    ingest([message])
    stored = state_document(models.CameraState.objects.get())
    assert state_document(message) == stored | {"since": None}


@pytest.mark.django_db
def test_there_is_one_site_which_is_made_when_it_is_asked_for() -> None:
    assert current_site() == current_site()
    assert models.Site.objects.count() == 1
