"""Days that are summed from quarters answer as the quarters themselves do, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sensing import models
from sensing.domain.statistics.packing import DWELL_BINS, HEAT_COLUMNS, HEAT_ROWS, pack, pack_heat
from sensing.export.order import Order
from sensing.ingest import ingest
from sensing.ingest.days import sum_days
from sensing.models import DAYS_OF, Camera, DayCount, QuarterHeat, QuarterMovement, SummedDay
from sensing.selectors import count_bins, current_site
from sensing.selectors.export_bins import LineSpeeds, edges_of, spans
from sensing.selectors.export_figures import movement_feed, movement_keys
from sensing.selectors.export_tables import Asked
from sensing.selectors.flow import flow_bins, peak_hours
from sensing.selectors.heat import heat_cells
from sensing.selectors.line_flows import line_flows
from sensing.selectors.movements import movement_counts
from sensing.selectors.quarters import Selection
from sensing.selectors.rollups import DAYS, MINUTES, QUARTERS, days_by_quarters, stretches
from sensing.selectors.speeds import speed_bins
from sensing.selectors.stays import zone_bins, zone_totals
from sensing.selectors.watched import watched_over
from sensing.services import camera_delete, prune, site_change
from sensing.tasks import sum_quarters_of_days
from tests.sensing.quarter_rows import at_quarter, counted, measured, observed
from tests.sensing.rows import crossing, facts, make_camera

pytestmark = pytest.mark.django_db

ALL = 10**6
ZONES = {
    "Europe/Berlin": "2026-03-27",  # a day of 23 hours on the 29th
    "America/New_York": "2026-10-30",  # a day of 25 hours on 1 November
    "Australia/Lord_Howe": "2026-04-03",  # clocks are set by half an hour on the 5th
    "Asia/Kathmandu": "2026-05-01",  # 5:45 from UTC
    "Asia/Shanghai": "2026-05-01",
}


def midnight(day: str, zone: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def stayed(camera: Camera, quarter: int, chance: random.Random) -> None:
    counts = np.zeros(DWELL_BINS, np.int64)
    counts[chance.randrange(10, 30)] = 12
    models.QuarterZone.objects.create(
        camera=camera,
        quarter=quarter,
        zone_id="yard",
        occupied_s=chance.randrange(900),
        occupancy_max=chance.randrange(1, 9),
        visits=12,
        dwell_s=300.0,
        dwell=pack(counts),
    )


def moved(camera: Camera, quarter: int, chance: random.Random) -> None:
    cells = np.zeros((HEAT_ROWS, HEAT_COLUMNS))
    cells[chance.randrange(HEAT_ROWS), 5] = chance.randrange(1, 90)
    QuarterHeat.objects.create(
        camera=camera, quarter=quarter, kind="vehicle", cells=pack_heat(cells)
    )
    QuarterMovement.objects.create(
        camera=camera,
        quarter=quarter,
        origin_line="gate",
        origin_direction="forward",
        destination_line=chance.choice(["gate", "exit"]),
        destination_direction="backward",
        object_class="car",
        count=chance.randrange(1, 9),
    )


def lived(camera: Camera, first: int, after: int, seed: int) -> None:
    """Quarters [first, after): observed, in part, dead, or with no rows, each with what passed."""
    chance = random.Random(seed)
    for quarter in range(first, after):
        state = chance.choice(["seen"] * 6 + ["part", "dead", "gap"])
        if state == "gap":
            continue
        seconds = {"seen": 900.0, "part": 333.25, "dead": 0.0}[state]
        observed(camera, quarter, seconds, down_s=900.0 if state == "dead" else 0.0)
        if state == "dead" or chance.random() < 0.3:
            continue
        counted(camera, quarter, chance.randrange(1, 40), wrong_way=chance.randrange(2))
        counted(
            camera,
            quarter,
            chance.randrange(1, 9),
            object_class="truck",
            size="large",
            direction="backward",
        )
        measured(camera, quarter, [chance.uniform(8, 20) for _ in range(3)], doubtful=1)
        stayed(camera, quarter, chance)
        moved(camera, quarter, chance)


def told(cameras: tuple[Camera, ...], start: datetime, end: datetime, now: datetime) -> Any:
    """All that pages and exports say of a period, in bins of days, weeks and as a whole."""
    site, one = current_site(), cameras[0]
    every = Selection(cameras, start, end, every=True)
    of_cars = Selection((one,), start, end, line="gate", object_class="car")
    zone = ZoneInfo(site.time_zone)
    order = Order("counts", "csv", start=start, end=end, bin_minutes=1440)
    asked = Asked(order, (one,), site, zone, now)
    edges = edges_of(asked, 1440)
    speeds, moves = LineSpeeds(one, edges), movement_feed(one, edges)
    return [
        [
            flow_bins(chosen, bin_, site, now)
            for chosen in (every, of_cars)
            for bin_ in (1440, 10080)
        ],
        peak_hours(every, site, now),
        line_flows(every, site),
        [speed_bins(every, bin_, site, free=False, now=now) for bin_ in (1440, 10080)],
        list(movement_counts([c.pk for c in cameras], start, end)),
        heat_cells(one.pk, "vehicle", start, end).tolist(),
        [list(zone_bins(cameras, start, end, bin_, now=now)) for bin_ in (1440, 10080)],
        zone_totals(cameras, start, end, now=now),
        [vars_of(watched_over([c.pk for c in cameras], start, end, now))],
        [list(count_bins(cameras, start, end, bin_, now=now)) for bin_ in (1440, 10080)],
        [vars_of(span) for span in spans(asked, one, edges)],
        [sorted(speeds.at(k)) for k in range(len(edges) - 1)],
        [sorted(map(repr, _sums(moves.at(k)))) for k in range(len(edges) - 1)],
        movement_keys(asked, one),
    ]


def _sums(rows: list[Any]) -> list[tuple[Any, ...]]:
    sums: dict[tuple[Any, ...], int] = {}
    for *key, count in rows:
        sums[tuple(key)] = sums.get(tuple(key), 0) + count
    return list(sums.items())


def vars_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def near(value: Any) -> Any:
    """The same with sums of seconds compared as sums of seconds are."""
    if isinstance(value, dict):
        return {name: near(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(near(part) for part in value)
    return pytest.approx(value, abs=2e-3) if isinstance(value, float) else value


def asked_of(work: Callable[[], Any]) -> tuple[Any, str]:
    with CaptureQueriesContext(connection) as asked:
        answer = work()
    return answer, " ".join(query["sql"] for query in asked.captured_queries)


@pytest.mark.parametrize("zone", ZONES)
def test_summed_days_say_what_their_quarters_say(zone: str) -> None:
    cameras = (make_camera(), make_camera())
    site_change(by=None, time_zone=zone)
    start = midnight(ZONES[zone], zone)
    first = int(start.timestamp()) // 900
    now = start + timedelta(days=9, hours=11)  # the last day is running, and filled in part
    for seed, camera in enumerate(cameras):
        lived(camera, first + 30, int(now.timestamp()) // 900, seed)
    periods = [
        (start, start + timedelta(days=10)),
        (start + timedelta(days=1, hours=5, minutes=20), start + timedelta(days=7, hours=3)),
        (start - timedelta(days=3), now),
    ]
    by_quarters = [told(cameras, *period, now) for period in periods]
    assert sum_days(now, ALL) == 9
    for period, expected in zip(periods, by_quarters, strict=True):
        by_days, sql = asked_of(lambda period=period: told(cameras, *period, now))  # type: ignore[misc]
        assert by_days == near(expected)
        for model in DAYS_OF.values():
            assert f'FROM "{model._meta.db_table}"' in sql
    # A day in the middle that is not summed is told by its quarters, alone or within its week.
    SummedDay.objects.filter(pk=sorted(SummedDay.objects.values_list("pk", flat=True))[4]).delete()
    for period, expected in zip(periods, by_quarters, strict=True):
        assert told(cameras, *period, now) == near(expected)


def test_what_comes_late_is_told_and_has_its_day_summed_again() -> None:
    camera = make_camera()
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    for quarter in range(int(now.timestamp()) // 900 - 96 * 5, int(now.timestamp()) // 900, 7):
        observed(camera, quarter)
        counted(camera, quarter, 2)
    period = (now - timedelta(days=4), now, 1440)
    assert sum_days(now, ALL) == 5
    before = [row["count"] or 0 for row in count_bins([camera], *period, direction="forward")]
    late_s = (now - timedelta(days=2)).timestamp()
    ingest([facts(camera, crossing(1, late_s), crossing(2, late_s), crossing(3, now.timestamp()))])
    after = [row["count"] or 0 for row in count_bins([camera], *period, direction="forward")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [0, 0, 2, 0, 1]
    assert SummedDay.objects.count() == 4
    assert sum_days(now, ALL) == 1
    assert sum_days(now, ALL) == 0
    assert [
        row["count"] or 0 for row in count_bins([camera], *period, direction="forward")
    ] == after


def test_another_time_zone_has_its_own_days_and_none_are_counted_twice() -> None:
    camera = make_camera()
    start = midnight("2026-03-27", "Europe/Berlin")
    now = start + timedelta(days=9)
    site_change(by=None, time_zone="Europe/Berlin")
    lived(camera, int(start.timestamp()) // 900, int(now.timestamp()) // 900, 1)
    sum_days(now, ALL)
    site_change(by=None, time_zone="Asia/Kathmandu")
    period = (start + timedelta(days=1), start + timedelta(days=7))
    SummedDay.objects.all().delete()
    expected = told((camera,), *period, now)
    site_change(by=None, time_zone="Europe/Berlin")
    sum_days(now, ALL)
    late_s = (start + timedelta(days=3)).timestamp()
    ingest([facts(camera, observed_s={int(late_s) // 60: 0.0})])
    site_change(by=None, time_zone="Asia/Kathmandu")
    assert told((camera,), *period, now) == near(expected)  # days of the other zone are no bins
    while sum_days(now, 2):  # days of both zones beside each other
        assert told((camera,), *period, now) == near(expected)
    spans_ = list(SummedDay.objects.order_by("first").values_list("first", "after"))
    assert all(first[1] <= second[0] for first, second in pairwise(spans_))
    assert all(at_quarter(first).minute == 15 for first, _after in spans_)


def test_a_day_is_summed_when_it_is_over_and_a_few_at_a_time() -> None:
    camera = make_camera()
    noon = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert sum_days(noon, ALL) == 0  # nothing is stored
    for day in range(4):
        observed(camera, int((noon - timedelta(days=day)).timestamp()) // 900)
    assert sum_days(noon - timedelta(hours=11, minutes=30), ALL) == 2  # yesterday may still change
    assert [sum_days(noon, 1), sum_days(noon, ALL)] == [1, 0]


def test_what_is_pruned_or_deleted_goes_from_days_too() -> None:
    camera, other = make_camera(), make_camera()
    now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    for quarter in range(int(now.timestamp()) // 900 - 96 * 12, int(now.timestamp()) // 900, 5):
        for each in (camera, other):
            observed(each, quarter)
            counted(each, quarter, 1)
    sum_days(now, ALL)
    site_change(by=None, keep_crossings_days=5, keep_intervals_days=7)
    pruned = prune(now=now)
    assert pruned.days == 2 * 2 * 6  # of the thirteenth, half is kept: its quarters tell it
    assert min(SummedDay.objects.values_list("first", flat=True)) % 96 == 0
    assert at_quarter(SummedDay.objects.earliest("first").first).day == 14
    rows = count_bins([camera], now - timedelta(days=10), now, 1440, direction="forward")
    kept = {row["start"].day: row["count"] for row in rows}
    assert kept[12] is None
    assert kept[13] == len([q for q in range(0, 96 * 12, 5) if 96 * 5 <= q < 96 * 5 + 48])
    camera_delete(camera=camera, by=None)
    assert set(DayCount.objects.values_list("camera_id", flat=True)) == {other.pk}


def test_bins_are_told_by_the_coarsest_rows_that_are_made_of_them() -> None:
    day = 96
    SummedDay.objects.create(first=day, after=2 * day)
    SummedDay.objects.create(first=2 * day, after=3 * day)

    def who(edges: list[int]) -> list[Any]:
        return [(part.rollup, part.first // 1440, part.last // 1440) for part in stretches(edges)]

    days = [k * 1440 for k in range(5)]
    assert who(days) == [(QUARTERS, 0, 1), (DAYS, 1, 3), (QUARTERS, 3, 4)]
    assert days_by_quarters(days) == 2.0
    assert who([1440, 3 * 1440]) == [(DAYS, 1, 3)]
    assert who([0, 2 * 1440, 4 * 1440]) == [(QUARTERS, 0, 4)]
    assert {rollup for rollup, *_ in who(list(range(0, 4321, 60)))} == {QUARTERS}
    assert {rollup for rollup, *_ in who(list(range(0, 4321, 5)))} == {MINUTES}
    assert {rollup for rollup, *_ in who([1447, 2880])} == {MINUTES}


def test_stretches_are_of_equal_bins() -> None:
    assert list(stretches([0, 60, 120, 180])) == [(QUARTERS, 0, 180, 60)]
    edges = [0, 1440, 2880, 4260, 5700, 7140]  # a day of 23 hours in the middle
    assert [part[1:] for part in stretches(edges)] == [
        (0, 2880, 1440),
        (2880, 4260, 1380),
        (4260, 7140, 1440),
    ]


def test_summing_days_is_a_job() -> None:
    observed(make_camera(), int((timezone.now() - timedelta(days=3)).timestamp()) // 900)
    sum_quarters_of_days()
    assert SummedDay.objects.count() in (2, 3)  # three days ago may be yesterday but one
    assert settings.CELERY_BEAT_SCHEDULE["sum-days"]["task"] == sum_quarters_of_days.name
