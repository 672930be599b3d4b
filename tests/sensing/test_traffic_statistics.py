"""Statistics of traffic from roll-ups, against tables that a person can redo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scipy import stats

from sensing.models import Camera, CountInterval, ObservedMinute, Site
from sensing.selectors import count_bins, current_site
from sensing.selectors.flow import flow_bins, peak_hours
from sensing.selectors.headways import headways
from sensing.selectors.lengths import lengths
from sensing.selectors.line_flows import line_flows
from sensing.selectors.quarters import Selection
from sensing.selectors.speeds import speed_bins
from sensing.services import site_change
from tests.sensing.quarter_rows import QUARTER, at_quarter, counted, measured, observed, passed
from tests.sensing.rows import NOON_S, SCENE, make_camera

pytestmark = pytest.mark.django_db
LATER = datetime(2026, 6, 1, tzinfo=UTC)
KMH = 1 / 3.6


def chosen(*cameras: Camera, quarters: int = 4, first: int = QUARTER, **more: Any) -> Selection:
    return Selection(cameras, at_quarter(first), at_quarter(first + quarters), **more)


def flows(selection: Selection, minutes: int = 15) -> list[Any]:
    return flow_bins(selection, minutes, current_site(), LATER)


# --- Coverage ---


def test_dead_camera_gap_true_zero_and_part_are_four_things() -> None:
    camera = make_camera()
    observed(camera, QUARTER)
    observed(camera, QUARTER + 1, 0.0, down_s=900.0)
    observed(camera, QUARTER + 3, 300.0, down_s=600.0)
    counted(camera, QUARTER + 3, 5)
    found = flows(chosen(camera))
    assert [(row["coverage"], row["count"]) for row in found] == [
        ("complete", 0),
        ("down", None),
        ("unknown", None),
        ("partial", 5),
    ]
    # 5 vehicles in 300 s are 60 an hour, not 20.
    assert found[3]["flow_per_h"] == 60.0
    rows = list(
        count_bins([camera], at_quarter(QUARTER), at_quarter(QUARTER + 4), 15, direction="forward")
    )
    assert [(row["coverage"], row["count"]) for row in rows] == [
        ("complete", 0),
        ("down", None),
        ("unknown", None),
        ("partial", 5),
    ]


def test_of_the_running_bin_only_what_has_passed_can_be_missing() -> None:
    camera = make_camera()
    observed(camera, QUARTER, 600.0)
    now = at_quarter(QUARTER) + timedelta(seconds=605)
    (row,) = flow_bins(chosen(camera, quarters=1), 15, current_site(), now)
    assert (row["coverage"], row["possible_s"]) == ("complete", 605.0)
    (bin_row, _other) = count_bins(
        [camera], at_quarter(QUARTER), at_quarter(QUARTER + 1), 15, now=now
    )
    assert bin_row["coverage"] == "complete"


def test_of_two_cameras_one_that_is_down_makes_the_bin_partial_and_its_flow_no_larger() -> None:
    one, other = make_camera(), make_camera()
    for camera in (one, other):
        observed(camera, QUARTER)
        counted(camera, QUARTER, 30)
    observed(one, QUARTER + 1)
    observed(other, QUARTER + 1, 0.0, down_s=900.0)
    counted(one, QUARTER + 1, 30)
    both, single = flows(chosen(one, other, quarters=2))
    assert (both["coverage"], both["count"], both["flow_per_h"]) == ("complete", 60, 240.0)
    assert (single["coverage"], single["count"], single["flow_per_h"]) == ("partial", 30, 120.0)


# --- Bins ---


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_on_which_clocks_are_set_hold_all_their_quarters(day: str, hours: int) -> None:
    camera = make_camera()
    site_change(by=None, time_zone="Europe/Berlin")
    site = current_site()
    zone = {"2026-03-29": "+01:00", "2026-10-25": "+02:00"}[day]
    midnight = datetime.fromisoformat(f"{day}T00:00:00{zone}")
    first = int(midnight.timestamp()) // 900
    for quarter in range(first - 96, first + 97 + hours * 4):
        observed(camera, quarter)
        counted(camera, quarter, 1)
    end = midnight + timedelta(hours=hours + 24)
    selection = Selection((camera,), midnight - timedelta(days=1), end)
    rows = flow_bins(selection, 1440, site, LATER.replace(year=2027))
    assert [row["count"] for row in rows] == [96, hours * 4, 96]
    assert [row["coverage"] for row in rows] == ["complete"] * 3
    days = peak_hours(selection, site, LATER.replace(year=2027))["days"]
    assert [peak["start"] for peak in days] == [row["start"] for row in rows]


# --- Flow ---


def test_a_bin_tells_classes_sizes_car_units_and_wrong_ways() -> None:
    camera = make_camera()
    Site.objects.update(car_units={"car": 1.0, "truck": 2.5})
    observed(camera, QUARTER)
    counted(camera, QUARTER, 10)
    counted(camera, QUARTER, 4, object_class="truck", size="large")
    counted(camera, QUARTER, 2, direction="backward", wrong_way=1)
    counted(camera, QUARTER, 3, object_class="scooter", size="")
    (row,) = flows(chosen(camera, quarters=1))
    assert row["count"] == 19
    assert row["forward"] == {"car": 10, "truck": 4, "scooter": 3}
    assert row["backward"] == {"car": 2}
    assert (row["small"], row["large"], row["wrong_way"]) == (12, 4, 1)
    assert row["car_units"] == 12 * 1.0 + 4 * 2.5
    assert row["flow_per_h"] == 19 * 4
    only = chosen(camera, quarters=1, object_class="car", direction="forward", line="gate")
    assert [row["count"] for row in flows(only)] == [10]


def test_the_peak_hour_is_the_best_sliding_four_complete_quarters() -> None:
    camera = make_camera()
    volumes = [50, 60, 80, 100, 90, 70, 500, 10]
    for k, volume in enumerate(volumes):
        observed(camera, QUARTER + k, 100.0 if volume == 500 else 900.0)
        counted(camera, QUARTER + k, volume)
    found = peak_hours(chosen(camera, quarters=8), current_site(), LATER)
    assert (found["quarters"], found["complete"]) == (8, 7)
    assert found["peak"] == {
        "start": at_quarter(QUARTER + 2),
        "end": at_quarter(QUARTER + 6),
        "volume": 340.0,
        "busiest_quarter": 100.0,
        "factor": 0.85,
    }


def test_each_line_has_its_flow_density_and_occupancy_with_the_speeds_behind_them() -> None:
    camera = make_camera()
    for k in range(4):
        observed(camera, QUARTER + k)
        counted(camera, QUARTER + k, 15)
        measured(camera, QUARTER + k, [10.0] * 10)
    counted(camera, QUARTER, 5, direction="backward", wrong_way=5)
    measured(camera, QUARTER, [10.0] * 5, direction="backward")
    forward, backward = line_flows(chosen(camera), current_site())
    assert (forward["count"], forward["flow_per_h"], forward["speeds"]) == (60, 60.0, 40)
    assert forward["soundness"] == "few"
    assert forward["space_mean_mps"] == 10.0
    assert forward["density_per_km"] == pytest.approx(60 / 36, abs=1e-4)
    assert forward["occupancy_percent"] == pytest.approx(100 * 40 * 0.5 / 3600, abs=1e-4)
    # Five speeds are no mean, and without one there is no density.
    assert (backward["wrong_way"], backward["soundness"]) == (5, "refused")
    assert (backward["space_mean_mps"], backward["density_per_km"]) == (None, None)


def test_headways_and_gaps_of_a_day() -> None:
    camera = make_camera()
    times = [1.0] * 10 + [3.5] * 20 + [40.0] * 10
    for number, headway in enumerate(times):
        passed(camera, number, NOON_S + number, headway_s=headway, gap_s=headway - 0.5)
    passed(camera, 99, NOON_S)  # the first of the day follows nobody
    found = headways(chosen(camera))
    assert (found["counted"], found["count"]) == (41, 40)
    assert found["mean_s"] == pytest.approx(np.mean(times))
    assert found["median_s"] == np.median(times)
    assert found["close_percent"] == 25.0
    assert found["gap_median_s"] == 3.0
    assert found["counts"][1] == 10
    assert found["counts"][3] == 20
    assert found["counts"][-1] == 10
    assert sum(found["counts"]) == 40
    few = headways(chosen(camera, direction="backward"))
    assert (few["soundness"], few["median_s"], few["gap_median_s"]) == ("refused", None, None)
    with pytest.raises(ValueError, match="day"):
        headways(chosen(camera, quarters=200))


def test_lengths_of_a_day_by_class() -> None:
    camera = make_camera()
    measured_m = [4.2] * 20 + [6.69] * 4 + [6.7] * 6 + [12.2] * 10
    for number, length_m in enumerate(measured_m):
        passed(camera, number, NOON_S + number, length_m=length_m)
    passed(camera, 99, NOON_S)  # its length was not measured
    found = lengths(chosen(camera))
    assert (found["count"], found["soundness"]) == (40, "few")
    limits = [(one["name"], one["from_m"], one["below_m"]) for one in found["classes"]]
    assert limits == [("short", 0.0, 6.7), ("medium", 6.7, 12.2), ("long", 12.2, None)]
    shares = [(one["count"], one["percent"]) for one in found["classes"]]
    assert shares == [(24, 60.0), (6, 15.0), (10, 25.0)]
    with pytest.raises(ValueError, match="day"):
        lengths(chosen(camera, quarters=200))


def test_shares_of_lengths_need_30_vehicles() -> None:
    camera = make_camera()
    for number in range(29):
        passed(camera, number, NOON_S + number, length_m=4.2)
    few = lengths(chosen(camera))
    assert (few["count"], few["soundness"]) == (29, "refused")
    assert [(one["count"], one["percent"]) for one in few["classes"]] == [
        (29, None),
        (0, None),
        (0, None),
    ]


def test_wrong_ways_in_short_bins_are_told_for_a_day_from_crossings() -> None:
    camera = make_camera()
    observed(camera, QUARTER)
    passed(camera, 1, NOON_S + 60, wrong_way=True)
    passed(camera, 2, NOON_S + 119.9, wrong_way=True)
    passed(camera, 3, NOON_S + 120)
    passed(camera, 4, NOON_S + 600, wrong_way=True, line_id="other")
    minutes = [
        CountInterval(
            camera=camera, line_id="gate", minute=int(NOON_S // 60) + k, object_class="car",
            size="small", direction="forward", count=2 - k % 2,
        )
        for k in (1, 2)
    ]  # fmt: skip
    CountInterval.objects.bulk_create(minutes)
    watched = [
        ObservedMinute(camera=camera, minute=int(NOON_S // 60) + k, observed_s=60.0)
        for k in range(15)
    ]
    ObservedMinute.objects.bulk_create(watched)
    fine = flows(chosen(camera, quarters=1), 1)
    assert [row["wrong_way"] for row in fine] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    here = flows(chosen(camera, quarters=1, line="gate"), 5)
    assert [row["wrong_way"] for row in here] == [2, 0, 0]
    long = flows(chosen(camera, quarters=200), 5)
    assert {row["wrong_way"] for row in long} == {None}


# --- Speeds ---


def test_speeds_are_refused_below_30_and_marked_below_100() -> None:
    camera = make_camera()
    for k, count in enumerate([29, 30, 100]):
        measured(camera, QUARTER + k, [10.25] * count)
    _whole, rows = speed_bins(chosen(camera, quarters=3), 15, current_site(), free=False, now=LATER)
    assert [(row["count"], row["soundness"]) for row in rows] == [
        (29, "refused"),
        (30, "few"),
        (100, "sound"),
    ]
    names = ("time_mean_mps", "space_mean_mps", "v15_mps", "v50_mps", "v85_mps")
    assert [rows[0][name] for name in names] == [None] * 5  # type: ignore[literal-required]
    assert rows[1]["time_mean_mps"] == rows[1]["space_mean_mps"] == 10.25


def test_means_and_percentiles_are_those_of_other_libraries() -> None:
    camera = make_camera()
    speeds = np.clip(np.random.default_rng(1).normal(14.0, 2.0, 900), 3.0, None)
    for k, part in enumerate(np.array_split(speeds, 6)):
        counted(camera, QUARTER + k, 200)
        measured(camera, QUARTER + k, part.tolist(), doubtful=k, object_class="car")
    whole, _rows = speed_bins(chosen(camera, quarters=6), 60, current_site(), free=False)
    assert (whole["count"], whole["counted"], whole["doubtful"]) == (900, 1200, 15)
    assert whole["time_mean_mps"] == pytest.approx(np.mean(speeds), abs=1e-3)
    assert whole["space_mean_mps"] == pytest.approx(stats.hmean(speeds), abs=1e-3)
    for name, percent in (("v15_mps", 15), ("v50_mps", 50), ("v85_mps", 85)):
        exact = np.percentile(speeds, percent)
        assert whole[name] == pytest.approx(exact, abs=0.15)  # type: ignore[literal-required]
    histogram = whole["histogram"]
    assert (histogram["width_mps"], sum(histogram["counts"])) == (0.5, 900)
    assert histogram["first_mps"] == np.floor(speeds.min() * 2) / 2
    low, width = whole["pace_low_mps"], whole["pace_width_mps"]
    assert width == pytest.approx(10 * KMH, abs=1e-4)
    assert low is not None
    inside = np.mean((low <= speeds) & (speeds <= low + width)) * 100
    assert whole["pace_percent"] == pytest.approx(inside, abs=2.0)


def test_v85_of_bins_by_hand() -> None:
    camera = make_camera()
    # 80 below 10 m/s, 20 from 10.0 to 10.5: the 85th of a hundred is a quarter into that bin.
    measured(camera, QUARTER, [9.6] * 80 + [10.2] * 20)
    (row,) = speed_bins(chosen(camera, quarters=1), 15, current_site(), free=False)[1]
    assert row["v85_mps"] == 10.125


def test_over_the_limit_takes_each_line_by_its_own() -> None:
    lines = [
        SCENE["lines"][0] | {"speed_limit_mps": 10.0},
        {"id": "side", "name": "S", "points": [[0, 0], [1, 0]], "speed_limit_mps": 20.0},
        {"id": "free", "name": "F", "points": [[0, 1], [1, 1]]},
    ]
    camera = make_camera(scene=SCENE | {"lines": lines})
    measured(camera, QUARTER, [12.1] * 30 + [8.1] * 30)
    measured(camera, QUARTER, [12.1] * 40, line_id="side")
    measured(camera, QUARTER, [50.1] * 50, line_id="free")
    site = current_site()
    whole, _ = speed_bins(chosen(camera), 15, site, free=False)
    assert (whole["count"], whole["limited"], whole["limit_mps"]) == (150, 100, None)
    assert whole["over_limit_percent"] == 30.0
    gate, _ = speed_bins(chosen(camera, line="gate"), 15, site, free=False)
    assert (gate["limit_mps"], gate["over_limit_percent"]) == (10.0, 50.0)
    free, _ = speed_bins(chosen(camera, line="free"), 15, site, free=False)
    assert (free["limited"], free["over_limit_percent"]) == (0, None)


def test_free_speeds_are_of_those_who_follow_nobody() -> None:
    camera = make_camera()
    for number in range(40):
        passed(camera, number, NOON_S + number, speed_mps=15.2, headway_s=4.0)
        passed(camera, 100 + number, NOON_S + number, speed_mps=8.2, headway_s=3.9)
        passed(camera, 200 + number, NOON_S + number, speed_mps=8.2)
    whole, rows = speed_bins(chosen(camera), 60, current_site(), free=True, now=LATER)
    assert (whole["count"], whole["time_mean_mps"]) == (40, 15.2)
    assert [row["count"] for row in rows] == [40]
    with pytest.raises(ValueError, match="day"):
        speed_bins(chosen(camera, quarters=200), 60, current_site(), free=True)


def test_a_site_in_miles_has_a_pace_of_ten_of_them() -> None:
    camera = make_camera()
    measured(camera, QUARTER, [10.2] * 50)
    site = current_site()
    site.speed_unit = "mph"
    whole, _ = speed_bins(chosen(camera), 15, site, free=False)
    assert whole["pace_width_mps"] == 4.4704


# --- What is read ---


def _month(ask: Callable[[Selection], Any]) -> list[str]:
    camera = make_camera()
    observed(camera, QUARTER)
    with CaptureQueriesContext(connection) as captured:
        ask(chosen(camera, quarters=30 * 96))
    return [query["sql"] for query in captured]


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: list(count_bins(s.cameras, s.start, s.end, 60)),
        lambda s: list(count_bins(s.cameras, s.start, s.end, 5)),
        lambda s: flow_bins(s, 1440, current_site()),
        lambda s: flow_bins(s, 5, current_site()),
        lambda s: peak_hours(s, current_site()),
        lambda s: line_flows(s, current_site()),
        lambda s: speed_bins(s, 60, current_site(), free=False),
    ],
)
def test_a_month_is_told_without_reading_a_crossing(ask: Callable[[Selection], Any]) -> None:
    assert not [sql for sql in _month(ask) if "sensing_crossing" in sql]


def test_an_hour_takes_as_many_queries_for_ten_cameras_as_for_one() -> None:
    cameras = [make_camera() for _ in range(10)]
    counts = []
    for some in (cameras[:1], cameras):
        with CaptureQueriesContext(connection) as captured:
            flow_bins(chosen(*some), 15, current_site(), LATER)
            peak_hours(chosen(*some), current_site(), LATER)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_bins_are_whole_and_in_order() -> None:
    rows = flows(chosen(make_camera(), quarters=7), 60)
    assert len(rows) == 2
    assert all(a["end"] == b["start"] for a, b in pairwise(rows))
