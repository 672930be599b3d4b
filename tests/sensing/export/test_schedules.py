"""Exports that are written by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from models_registry.errors import Refused
from sensing.export.order import Details, Order
from sensing.export.periods import begin_of, due_at, next_begin, periods_due
from sensing.models import Camera, ScheduledExport
from sensing.services import export_runs
from sensing.services.export_runs import MOST_CAUGHT_UP, run_due, written_files
from sensing.services.exports import schedule_change, schedule_create, schedule_run
from tests.sensing.export.rows import DAY, count, observe, road

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "at", "begin", "following"),
    [
        ("hour", "2026-01-05T10:59:59", "2026-01-05T10:00", "2026-01-05T11:00"),
        ("day", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("day", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("week", "2026-01-07T12:00", "2026-01-04T23:00", "2026-01-11T23:00"),
        ("month", "2026-02-28T23:30", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("month", "2026-12-31T22:30", "2026-11-30T23:00", "2026-12-31T23:00"),
    ],
)
def test_periods_are_those_of_the_sites_clock(
    every: Any, at: str, begin: str, following: str
) -> None:
    found = begin_of(utc(at), every, BERLIN)
    assert found == utc(begin)
    assert next_begin(found, every, BERLIN) == utc(following)


def test_a_period_is_due_at_its_time_of_the_sites_clock() -> None:
    end = utc("2026-01-05T23:00")
    assert due_at(end, "day", time(0, 10), BERLIN) == utc("2026-01-05T23:10")
    assert due_at(end, "hour", time(7, 20), BERLIN) == utc("2026-01-05T23:20")
    due = list(
        periods_due(DAY, DAY + timedelta(days=2, minutes=9), "day", time(0, 10), ZoneInfo("UTC"))
    )
    assert due == [(DAY, DAY + ONE_DAY)]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EXPORT_DIR = tmp_path / "exports"
    return tmp_path / "exports"


def scheduled(order: Order | None = None, **more: Any) -> ScheduledExport:
    given = {"name": "Nightly counts", "every": "day", "at": time(0, 10)} | more
    order = order or Order("counts", "csv", DAY, DAY, 60)
    schedule = schedule_create(by=None, order=order, **given)
    ScheduledExport.objects.filter(pk=schedule.pk).update(done_until=DAY)
    return ScheduledExport.objects.get(pk=schedule.pk)


def again(schedule: ScheduledExport) -> ScheduledExport:
    return ScheduledExport.objects.get(pk=schedule.pk)


@pytest.mark.django_db
def test_one_file_is_written_for_each_finished_period_and_only_once(folder: Path) -> None:
    camera = road()
    observe(camera, DAY, 96)
    count(camera, DAY + 7 * HOUR, 40)
    schedule = scheduled()
    assert run_due(DAY + ONE_DAY + timedelta(minutes=9)) == 0
    now = DAY + ONE_DAY + timedelta(minutes=10)
    assert run_due(now) == 1
    assert run_due(now) == 0
    [path] = written_files(schedule)
    assert path == folder / schedule.folder / "counts_1h_north_2026-01-05.csv"
    assert pd.read_csv(path)["total"].sum() == 40
    assert not list(path.parent.glob(".*"))
    schedule = again(schedule)
    assert (schedule.last_file, schedule.last_error) == (path.name, "")
    assert (schedule.done_until, schedule.claimed_until) == (DAY + ONE_DAY, None)


@pytest.mark.django_db
def test_what_was_missed_while_the_gateway_was_off_is_caught_up_within_bounds(folder: Path) -> None:
    road()
    schedule = scheduled()
    assert run_due(DAY + 3 * ONE_DAY + HOUR) == 3
    names = sorted(path.name for path in written_files(schedule))
    assert [name[-14:-4] for name in names] == ["2026-01-05", "2026-01-06", "2026-01-07"]
    assert run_due(DAY + (3 + MOST_CAUGHT_UP + 10) * ONE_DAY + HOUR) == MOST_CAUGHT_UP
    assert again(schedule).skipped == 10


@pytest.mark.django_db
def test_a_failure_is_shown_and_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    road()
    schedule, other = scheduled(), scheduled(name="Other")
    now = DAY + ONE_DAY + HOUR
    folder.mkdir()
    (folder / schedule.folder).write_text("in the way")
    assert run_due(now) == 1  # the other one's
    assert "exists" in again(schedule).last_error.lower()
    assert again(other).last_error == ""
    (folder / schedule.folder).unlink()

    def broken(*_: Any) -> Iterator[bytes]:
        yield b"half a file"
        raise RuntimeError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(export_runs, "export_chunks", broken)
        assert run_due(now) == 0
    assert again(schedule).last_error == "RuntimeError: a defect"
    assert list((folder / schedule.folder).iterdir()) == []
    assert run_due(now) == 1
    assert again(schedule).last_error == ""


@pytest.mark.django_db
def test_run_now_writes_the_last_finished_period_also_when_switched_off(folder: Path) -> None:
    road()
    schedule = scheduled(enabled=False)
    now = DAY + 5 * ONE_DAY + HOUR
    assert run_due(now) == 0
    schedule_run(by=None, schedule=schedule)
    assert run_due(now) == 1
    assert written_files(schedule)[0].name.endswith("2026-01-09.csv")
    assert again(schedule).run_asked_at is None
    assert again(schedule).done_until == DAY


@pytest.mark.django_db
def test_old_files_go_and_renaming_moves_nothing(folder: Path) -> None:
    road()
    schedule = scheduled(keep_files=2)
    assert run_due(DAY + 4 * ONE_DAY + HOUR) == 4
    assert [path.name[-14:-4] for path in written_files(schedule)] == ["2026-01-08", "2026-01-07"]
    order = Order("counts", "csv", DAY, DAY, 60)
    schedule_change(by=None, schedule=schedule, order=order, name="Another name")
    assert len(written_files(again(schedule))) == 2


@pytest.mark.django_db
def test_what_another_look_is_writing_is_left_alone(folder: Path) -> None:
    road()
    schedule = scheduled()
    now = DAY + ONE_DAY + HOUR
    ScheduledExport.objects.update(claimed_until=now + timedelta(minutes=1))
    assert run_due(now) == 0
    assert run_due(now + timedelta(minutes=2)) == 1
    assert again(schedule).claimed_until is None


@pytest.mark.django_db
def test_a_camera_that_is_deleted_leaves_no_export_of_all_the_others(folder: Path) -> None:
    one, _other = road("One"), road("Two")
    schedule = scheduled(Order("tmg", "zip", DAY, DAY, None, (one.pk,), FHWA))
    Camera.objects.filter(pk=one.pk).delete()
    assert run_due(DAY + ONE_DAY + HOUR) == 0
    assert "camera" in again(schedule).last_error


FHWA = Details(state_code=17, functional_class="3U", heading=1)
COUNTS = Order("counts", "csv", DAY, DAY, 60)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("order", "given", "field"),
    [
        (COUNTS, {"every": "year"}, "every"),
        (COUNTS, {"keep_files": 0}, "keep_files"),
        (COUNTS, {"name": ""}, "name"),
        (Order("counts", "csv", DAY, DAY, 1440), {"every": "hour"}, "bin"),
        (Order("counts", "xml", DAY, DAY, 60), {}, "format"),
        (Order("tmg", "zip", DAY, DAY), {}, "state_code"),
        (Order("counts", "csv", DAY, DAY, 60, (99,)), {}, "camera"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(
    order: Order, given: dict[str, Any], field: str
) -> None:
    road()
    with pytest.raises(Refused) as refused:
        schedule_create(by=None, order=order, **{"name": "A", "every": "day"} | given)
    assert refused.value.field == field
    assert not ScheduledExport.objects.exists()
