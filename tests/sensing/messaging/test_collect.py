from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sensing.ingest import ingest
from sensing.messaging.collect import close_intervals, correct_intervals, forget_closed
from sensing.messaging.events import Events
from sensing.models import (
    Camera,
    Crossing,
    MessagedInterval,
    MessageSettings,
    SpooledMessage,
    Webhook,
)
from sensing.selectors.messaging import message_settings
from sensing.services import camera_delete, camera_pause
from sensing.services.messaging import message_settings_change, webhook_create
from sensing.services.spool import spool_bound
from sensing.worker.messages import ZoneMinute
from tests.sensing.rows import NOON, NOON_S, crossing, facts, make_camera, status

pytestmark = pytest.mark.django_db


def at(seconds: float) -> datetime:
    """So long after noon."""
    return datetime.fromtimestamp(NOON_S + seconds, UTC)


@pytest.fixture
def camera() -> Camera:
    message_settings_change(by=None, enabled=True, host="broker", gateway_name="gw")
    camera = make_camera("Gate")
    close_intervals(at(1))  # messages begin with the interval of noon
    return camera


def messages(kind: str = "interval") -> list[dict[str, Any]]:
    rows = SpooledMessage.objects.filter(kind=kind).order_by("pk")
    return [json.loads(row.payload) for row in rows]


def watch(camera: Camera, *minutes: int, sequence: int, **more: Any) -> None:
    ingest([facts(camera, sequence=sequence, observed_s=dict.fromkeys(minutes, 60.0), **more)])


def test_an_interval_is_sent_once_when_the_writer_has_stored_what_came_after_it(
    camera: Camera,
) -> None:
    zone = ZoneMinute("yard", NOON, 90.0, 3)
    crossings = [crossing(1), crossing(2, direction="backward"), crossing(3, object_class="bus")]
    ingest([facts(camera, *crossings, observed_s={NOON: 60.0}, zone_minutes=(zone,))])
    Crossing.objects.filter(track_id=1).update(speed_mps=12.0)
    Crossing.objects.filter(track_id=3).update(speed_mps=15.0)
    assert close_intervals(at(70)) == 0  # nothing of the next minute is stored yet
    watch(camera, NOON + 1, sequence=1)
    assert close_intervals(at(64)) == 0  # a speed may still come
    assert close_intervals(at(70)) == 1
    assert close_intervals(at(71)) == 0
    (message,) = messages()
    assert message["id"] == f"gw/{camera.pk}/interval/2026-01-01T12:00:00Z/1"
    assert (message["revision"], message["coverage"], message["observed_s"]) == (0, "complete", 60)
    (line,) = message["lines"]
    assert line["forward"] == {
        "count": 2,
        "classes": [
            {"class": "bus", "size": "small", "count": 1},
            {"class": "car", "size": "small", "count": 1},
        ],
        "speed": {"count": 2, "mean_mps": 13.5},
    }
    assert line["backward"]["count"] == 1
    assert line["backward"]["speed"] is None
    assert message["zones"] == [
        {"id": "yard", "name": "Yard", "occupancy_mean": 1.5, "occupancy_max": 3}
    ]


def test_zero_gap_and_dead_camera_differ(camera: Camera) -> None:
    watch(camera, NOON, NOON + 3, sequence=0)
    close_intervals(at(240))
    zero, gap = messages()[:2]
    assert (zero["coverage"], zero["lines"][0]["forward"]["count"]) == ("complete", 0)
    assert (gap["coverage"], gap["lines"][0]["forward"]["count"]) == ("unknown", None)


def test_a_camera_that_says_nothing_is_waited_for_and_then_told(camera: Camera) -> None:
    assert close_intervals(at(60 + 89)) == 0
    assert close_intervals(at(60 + 90)) == 1


def test_what_is_stored_later_is_sent_again_with_the_next_revision(camera: Camera) -> None:
    watch(camera, NOON, NOON + 1, sequence=0)
    close_intervals(at(70))
    assert correct_intervals(at(75)) == 0
    ingest([facts(camera, crossing(9, NOON_S + 59), sequence=1)])
    assert correct_intervals(at(80)) == 1
    assert correct_intervals(at(81)) == 0
    first, second = messages()
    assert first["id"] == second["id"]
    assert (first["revision"], second["revision"]) == (0, 1)
    assert second["lines"][0]["forward"]["count"] == 1


def test_a_stop_of_the_gateway_loses_no_interval_and_a_weekend_off_says_nothing(
    camera: Camera,
) -> None:
    watch(camera, NOON, sequence=0)
    monday = at(48 * 3600)
    watch(camera, NOON + 48 * 60, sequence=1)
    for second in range(60):
        close_intervals(monday + timedelta(seconds=150 + second))
    starts = [message["start"] for message in messages()]
    assert starts[0] == "2026-01-01T12:00:00Z"
    assert "2026-01-03T12:00:00Z" in starts
    # Of what nothing is known, only the last hour is told.
    assert len(starts) == len(set(starts)) <= 64


def test_five_minutes_are_one_message(camera: Camera) -> None:
    MessageSettings.objects.update(interval_minutes=5)
    MessagedInterval.objects.all().delete()
    close_intervals(at(1))
    ingest([facts(camera, crossing(1), crossing(2, NOON_S + 240), observed_s={NOON: 60.0})])
    watch(camera, NOON + 5, sequence=1)
    assert close_intervals(at(310)) == 1
    (message,) = messages()
    assert (message["minutes"], message["end"]) == (5, "2026-01-01T12:05:00Z")
    assert message["lines"][0]["forward"]["count"] == 2
    assert message["coverage"] == "partial"


def test_a_paused_camera_is_silent_and_a_deleted_one_keeps_what_waits(camera: Camera) -> None:
    watch(camera, NOON, NOON + 1, sequence=0)
    close_intervals(at(70))
    camera_pause(camera=camera, by=None)
    close_intervals(at(600))
    assert [message["start"] for message in messages()] == [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:01:00Z",
    ]
    camera_delete(camera=camera, by=None)
    assert len(messages()) == 2


def test_closed_intervals_are_forgotten_but_for_the_newest(camera: Camera) -> None:
    watch(camera, NOON, NOON + 1, NOON + 2, sequence=0)
    close_intervals(at(130))
    forget_closed(at(2 * 3600))
    assert [row.start_minute for row in MessagedInterval.objects.all()] == [NOON + 1]
    assert close_intervals(at(131)) == 0


def test_a_full_spool_gives_up_the_oldest_and_says_what(camera: Camera) -> None:
    watch(camera, *range(NOON, NOON + 6), sequence=0)
    close_intervals(at(310))
    assert SpooledMessage.objects.count() == 5
    assert spool_bound(message_settings(), days=7, rows=3, now=at(310)) == 2
    settings = message_settings()
    assert (settings.dropped, settings.dropped_from, settings.dropped_until) == (2, at(0), at(60))
    assert [message["start"][14:16] for message in messages()] == ["02", "03", "04"]
    assert spool_bound(settings, days=7, rows=3, now=at(311)) == 0
    assert spool_bound(settings, days=7, rows=3, now=at(310 + 8 * 86400)) == 3
    assert message_settings().dropped == 5


def test_a_change_of_state_and_a_wrong_way_crossing_are_told_once_to_those_who_ask() -> None:
    camera = make_camera("Gate")
    hook = webhook_create(
        by=None, name="City", url="https://city.example/", states=True, wrong_way=True
    )
    webhook_create(by=None, name="Other", url="https://other.example/")
    ingest([facts(camera, crossing(1))])
    Crossing.objects.update(wrong_way=True)
    events = Events()
    events.step(at(0))  # what was before is no news
    ingest([facts(camera, crossing(2, NOON_S + 5), sequence=1)])
    Crossing.objects.filter(track_id=2).update(wrong_way=True)
    ingest([status(camera, "failed", NOON_S + 6, cause="unreachable")])
    events.step(at(7))
    events.step(at(9))
    assert set(SpooledMessage.objects.values_list("target", flat=True)) == {hook.target}
    (state,), (wrong,) = messages("state"), messages("wrong_way")
    assert (state["state"], state["cause"]) == ("failed", "unreachable")
    assert state["message"] == "Nothing answers at this address."
    assert (wrong["line"]["name"], wrong["track"]) == ("Gate", 2)
    assert wrong["at"] == "2026-01-01T12:00:05.000Z"
    # A process that begins anew goes on where the one before it stopped.
    ingest([facts(camera, crossing(3, NOON_S + 20), sequence=2)])
    Crossing.objects.filter(track_id=3).update(wrong_way=True)
    Events().step(at(21))
    assert [message["track"] for message in messages("wrong_way")] == [2, 3]


def test_without_a_target_nothing_is_spooled() -> None:
    camera = make_camera("Gate")
    watch(camera, NOON, NOON + 1, sequence=0)
    assert close_intervals(at(70)) == 0
    webhook_create(by=None, name="City", url="https://city.example/")
    close_intervals(at(70))
    assert Webhook.objects.count() == 1
    assert messages() == []
