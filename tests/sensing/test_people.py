from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sensing.domain.statistics.packing import DWELL_BINS, pack
from sensing.models import (
    Camera,
    CountInterval,
    Crossing,
    ObservedMinute,
    QuarterCount,
    QuarterObserved,
    QuarterZone,
    ZoneMinute,
)
from sensing.selectors import camera_list
from sensing.selectors.people import PeopleBin, people_bins, person_lines
from sensing.selectors.stays import zone_bins, zone_totals
from sensing.services import site_change
from tests.sensing.rows import NOON, make_camera

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 1, tzinfo=UTC)


def quarter(at: datetime) -> int:
    return int(at.timestamp() // 900)


def at(hour: int, minute: int = 0, day: datetime = DAY) -> datetime:
    return day + timedelta(hours=hour, minutes=minute)


def observed(camera: Camera, start: datetime, end: datetime, seconds: float = 900.0) -> None:
    QuarterObserved.objects.bulk_create(
        QuarterObserved(camera=camera, quarter=q, observed_s=seconds)
        for q in range(quarter(start), quarter(end))
    )


def passed(
    camera: Camera,
    when: datetime,
    direction: str,
    count: int,
    *,
    backs: int = 0,
    line: str = "gate",
    object_class: str = "person",
) -> None:
    QuarterCount.objects.create(
        camera=camera,
        quarter=quarter(when),
        line_id=line,
        object_class=object_class,
        direction=direction,
        count=count,
        turn_backs=backs,
    )


def table(bins: Iterable[PeopleBin], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in bins]  # type: ignore[literal-required]


GATE = {"gate": "forward"}


def test_footfall_and_occupancy_of_a_morning_by_hand() -> None:
    camera = make_camera()
    observed(camera, at(0), at(12))
    passed(camera, at(8), "forward", 10)
    passed(camera, at(8), "backward", 2)
    passed(camera, at(9, 15), "forward", 5)
    passed(camera, at(9, 45), "backward", 9)
    passed(camera, at(9, 45), "forward", 7, object_class="car")
    found = people_bins({camera.pk: GATE}, at(8), at(10), 60, now=LATER)
    assert table(found.bins, "entries", "exits", "inside_mean", "inside_most", "inside_end") == [
        (10, 2, 8.0, 8, 8),
        (5, 9, (8 + 13 + 13 + 4) / 4, 13, 4),
    ]
    assert table(found.bins, "coverage", "inside_doubtful") == [("complete", False)] * 2


def test_a_line_that_leads_in_backward_and_a_second_one_make_one_area() -> None:
    camera, other = make_camera(), make_camera()
    for one in (camera, other):
        observed(one, at(3), at(9))
    passed(camera, at(8), "backward", 4)
    passed(camera, at(8), "forward", 1)
    passed(other, at(8), "forward", 3)
    ways = {camera.pk: {"gate": "backward"}, other.pk: GATE}
    found = people_bins(ways, at(8), at(9), 60, now=LATER)
    assert table(found.bins, "entries", "exits", "inside_end", "observed_s") == [(7, 1, 6, 7200.0)]


def test_turn_backs_are_neither_entries_nor_exits() -> None:
    camera = make_camera()
    observed(camera, at(8), at(9))
    passed(camera, at(8), "forward", 6)
    passed(camera, at(8, 15), "backward", 3, backs=2)  # two of the six came out again
    passed(camera, at(8, 30), "backward", 1)
    found = people_bins({camera.pk: GATE}, at(8), at(9), 15, now=LATER)
    assert table(found.bins, "entries", "exits", "inside_end") == [
        (4, 0, 4),
        (0, 1, 3),
        (0, 1, 2),
        (0, 0, 2),
    ]


def test_the_count_is_set_back_at_the_hour_of_the_site_and_its_drift_is_kept() -> None:
    site_change(by=None, time_zone="Asia/Tokyo")
    camera = make_camera()
    day = datetime(2026, 1, 10, 15, tzinfo=UTC)  # midnight in Tokyo
    observed(camera, day - timedelta(days=1), day + timedelta(days=2))
    passed(camera, day - timedelta(hours=4), "forward", 5)  # the evening before, 20:00
    passed(camera, day + timedelta(hours=2), "backward", 3)  # 02:00: still of that evening
    passed(camera, day + timedelta(hours=3), "forward", 8)  # 03:00: after the reset
    passed(camera, day + timedelta(hours=20), "backward", 9)
    found = people_bins({camera.pk: GATE}, day, day + timedelta(days=1, hours=4), 60, now=LATER)
    assert found.drifts == [(day + timedelta(hours=3), 2), (day + timedelta(hours=27), -1)]
    inside = [row["inside_end"] for row in found.bins]
    assert inside == [5, 5, 2] + [8] * 17 + [-1] * 7 + [0]
    at_midnight = people_bins(
        {camera.pk: GATE}, day, day + timedelta(hours=4), 60, reset_hour=0, now=LATER
    )
    assert [row["inside_end"] for row in at_midnight.bins] == [0, 0, -3, 5]
    assert at_midnight.drifts == [(day, 5)]


@pytest.mark.parametrize(
    ("day", "hours", "reset"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 23, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 25, datetime(2026, 10, 25, 2, tzinfo=UTC)),
    ],
)
def test_a_day_on_which_clocks_change_is_one_bin(
    day: datetime, hours: int, reset: datetime
) -> None:
    site_change(by=None, time_zone="Europe/Berlin")
    camera = make_camera()
    end = day + timedelta(hours=hours)
    observed(camera, day, end)
    for k in range(hours):
        passed(camera, day + timedelta(hours=k), "forward", 1)
    [row] = people_bins({camera.pk: GATE}, day, end, 1440, now=LATER + timedelta(days=365)).bins
    assert (row["start"], row["end"], row["entries"]) == (day, end, hours)
    assert (row["observed_s"], row["coverage"]) == (hours * 3600.0, "complete")
    found = people_bins({camera.pk: GATE}, day, end, 60, now=LATER + timedelta(days=365))
    before = int((reset - day).total_seconds() // 3600)
    assert found.drifts == [(reset, before)]
    assert [r["inside_end"] for r in found.bins] == [
        *range(1, before + 1),
        *range(1, hours - before + 1),
    ]


def test_a_gap_a_dead_camera_and_a_true_zero_are_three_things() -> None:
    camera = make_camera()
    observed(camera, at(8), at(9))
    QuarterObserved.objects.create(camera=camera, quarter=quarter(at(9)), down_s=900.0)
    observed(camera, at(9, 30), at(9, 45), seconds=300.0)
    found = people_bins({camera.pk: GATE}, at(8, 45), at(9, 45), 15, now=LATER)
    assert table(found.bins, "coverage", "entries", "inside_end") == [
        ("complete", 0, 0),
        ("down", None, None),
        ("unknown", None, None),
        ("partial", 0, 0),
    ]
    # From 03:00 on nobody had watched until 08:00.
    assert all(row["inside_doubtful"] for row in found.bins)


def test_what_is_yet_to_come_is_no_gap() -> None:
    camera = make_camera()
    observed(camera, at(3), at(8))
    QuarterObserved.objects.create(camera=camera, quarter=quarter(at(8)), observed_s=300.0)
    passed(camera, at(8), "forward", 2)
    found = people_bins({camera.pk: GATE}, at(7), at(24), 60, now=at(8, 5))
    assert table(found.bins, "coverage", "entries", "inside_mean", "inside_doubtful") == [
        ("complete", 0, 0.0, False),
        ("complete", 2, 2.0, False),
    ]
    week = people_bins({camera.pk: GATE}, at(-48), at(240), 10080, now=at(8, 5))
    # Neither the resets to come nor those of days on which nobody watched.
    assert (len(week.bins), week.drifts) == (1, [])


def test_bins_of_minutes_know_turn_backs_and_last_a_day_at_most() -> None:
    camera = make_camera()
    for k in range(4):
        ObservedMinute.objects.create(camera=camera, minute=NOON + k, observed_s=60.0)
    common = {"camera": camera, "line_id": "gate", "object_class": "person"}
    for minute, direction, count in ((0, "forward", 3), (1, "backward", 2), (2, "forward", 1)):
        CountInterval.objects.create(
            **common, minute=NOON + minute, direction=direction, count=count
        )
    Crossing.objects.create(
        **common,
        run_id="r",
        track_id=1,
        nth=1,
        direction="backward",
        confidence=0.9,
        at=at(12, 1),
        frame_index=1,
        turn_back=True,
    )
    found = people_bins({camera.pk: GATE}, at(12), at(12, 4), 1, now=LATER)
    assert table(found.bins, "entries", "exits", "inside_end") == [
        (2, 0, 2),
        (0, 1, 1),
        (1, 0, 2),
        (0, 0, 2),
    ]
    with pytest.raises(ValueError, match="in bins of 5 minutes"):
        people_bins({camera.pk: GATE}, at(0), at(26), 5, now=LATER)


def test_lines_are_those_on_which_persons_are_counted() -> None:
    scene = {
        "lines": [
            {"id": name, "name": name, "points": [[0.1, y], [0.9, y]]}
            for name, y in (("door", 0.2), ("road", 0.6))
        ],
        "zones": [],
    }
    every = make_camera(scene=scene | {"modules": [{"kind": "person_count"}]})
    one = make_camera(
        scene=scene | {"modules": [{"kind": "person_count", "parameters": {"lines": ["door"]}}]}
    )
    none = make_camera(scene=scene | {"modules": [{"kind": "vehicle_traffic"}]})
    assert person_lines(camera_list()) == {every.pk: ["door", "road"], one.pk: ["door"]}
    assert none.pk not in person_lines(camera_list())


def dwelt(**stays_by_bin: int) -> bytes:
    counts = np.zeros(DWELL_BINS, np.int64)
    for place, count in stays_by_bin.items():
        counts[int(place.removeprefix("bin"))] = count
    return pack(counts)


def stayed(camera: Camera, when: datetime, dwell: bytes, **fields: float) -> None:
    QuarterZone.objects.create(
        camera=camera, quarter=quarter(when), zone_id="yard", dwell=dwell, **fields
    )


def test_zones_by_hand() -> None:
    camera = make_camera()
    observed(camera, at(8), at(9))
    stayed(camera, at(8), dwelt(bin10=20), visits=21, occupied_s=450, occupancy_max=3, dwell_s=70)
    stayed(
        camera,
        at(8, 30),
        dwelt(bin10=5, bin20=15),
        visits=19,
        occupied_s=2700,
        occupancy_max=7,
        dwell_s=250,
    )
    [hour, nothing] = list(zone_bins([camera], at(8), at(10), 60, now=LATER))
    # 3150 person-seconds in an hour; 40 stays: the 20th ends bin 10, the 36th is 11/15 of bin 20.
    assert (hour["visits"], hour["mean"], hour["most"]) == (40, 0.875, 7)
    assert (hour["stays"], hour["dwell_median_s"]) == (40, round(1.15**9 * (1 + 0.15 * 20 / 25), 1))
    assert hour["dwell_p90_s"] == round(1.15**19 * (1 + 0.15 * 11 / 15), 1)
    assert hour["coverage"] == "complete"
    gone = {name: nothing[name] for name in ("visits", "mean", "most", "stays")}
    assert (set(gone.values()), nothing["coverage"]) == ({None}, "unknown")
    [total] = zone_totals([camera], at(8), at(10), now=LATER)
    assert (total["visits"], total["stays"], total["dwell_mean_s"]) == (40, 40, 8.0)
    assert (total["dwell_median_s"], total["mean"]) == (hour["dwell_median_s"], 0.875)
    assert sum(total["dwell_histogram"]) == 40
    assert total["coverage"] == "partial"


def test_zones_by_the_minute_have_no_dwell() -> None:
    camera = make_camera()
    ObservedMinute.objects.create(camera=camera, minute=NOON, observed_s=30.0)
    ZoneMinute.objects.create(
        camera=camera, zone_id="yard", minute=NOON, occupied_s=45, occupancy_max=2, visits=1
    )
    [row] = list(zone_bins([camera], at(12), at(12, 1), 1, now=LATER))
    assert (row["mean"], row["most"], row["visits"], row["stays"]) == (1.5, 2, 1, None)
    assert row["coverage"] == "partial"


def test_nothing_longer_than_a_day_reads_single_facts_or_minutes() -> None:
    camera = make_camera()
    observed(camera, at(0), at(24))
    period = (DAY, DAY + timedelta(days=30))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        people_bins({camera.pk: GATE}, *period, 60, now=LATER)
        list(zone_bins([camera], *period, 60, now=LATER))
        zone_totals([camera], *period, now=LATER)
    sql = " ".join(query["sql"] for query in asked.captured_queries)
    for row in ("crossing", "visit", "countinterval", "observedminute", "zoneminute"):
        assert f'"sensing_{row}"' not in sql
    assert len(asked) <= 12
