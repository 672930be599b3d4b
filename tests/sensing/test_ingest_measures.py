"""Speeds, quarters of an hour, seconds down and drift: what is raised, and only once."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Sum

from sensing import models
from sensing.domain.results import Crossing, Movement, SpeedReading
from sensing.domain.statistics.packing import (
    DWELL_BINS,
    HEAT_COLUMNS,
    HEAT_ROWS,
    SPEED_BINS,
    add_heat,
    dwell_bin,
    pack_heat,
    speed_bin,
    unpack,
)
from sensing.ingest import ingest
from sensing.ingest.drift import store_drift_report
from sensing.services import prune, site_change
from sensing.simulation import parse_simulation_url, simulated_calibration
from sensing.worker.messages import DriftReport, Facts, ZoneMinute
from tests.sensing.rows import NOON, NOON_S, crossing, facts, make_camera, status, visit

pytestmark = pytest.mark.django_db

QUARTER = NOON // 15
QUARTERS = (
    models.QuarterCount,
    models.QuarterObserved,
    models.QuarterZone,
    models.QuarterSpeed,
    models.QuarterMovement,
    models.QuarterHeat,
)
MARKS = simulated_calibration(parse_simulation_url("sim://road"))


def calibrate(camera: models.Camera, **fields: Any) -> models.Calibration:
    return models.Calibration.objects.create(camera=camera, document=MARKS, **fields)


def reading(track: int = 1, speed_mps: float = 12.4, **more: Any) -> SpeedReading:
    return SpeedReading("gate", track, 0, speed_mps, 0.3, **more)


def with_more(message: Facts, **more: Any) -> Facts:
    return dataclasses.replace(message, **more)


def rows_of(model: Any) -> list[tuple[Any, ...]]:
    names = [f.attname for f in model._meta.concrete_fields if not f.primary_key]
    found = [
        tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
        for row in model.objects.values_list(*names)
    ]
    return sorted((tuple(_comparable(v) for v in row) for row in found), key=repr)


def _comparable(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def quarters() -> list[list[tuple[Any, ...]]]:
    return [rows_of(model) for model in QUARTERS]


def test_a_speed_is_written_to_its_crossing_and_raises_the_quarter_once() -> None:
    camera = make_camera()
    calibration = calibrate(camera)
    batch = with_more(
        facts(camera, dataclasses.replace(crossing(1), headway_s=2.5, wrong_way=True)),
        speeds=(reading(length_m=4.4, gap_s=2.0, on_line_s=0.4),),
        calibration_id=calibration.pk,
    )
    done = ingest([batch])
    row = models.Crossing.objects.get()
    assert (row.speed_mps, row.speed_error_mps, row.speed_doubtful) == (12.4, 0.3, False)
    assert (row.length_m, row.gap_s, row.on_line_s, row.headway_s) == (4.4, 2.0, 0.4, 2.5)
    assert (row.calibration_id, row.wrong_way, row.turn_back) == (calibration.pk, True, False)
    assert [found.pk for found in done.measured] == [row.pk]
    sums = models.QuarterSpeed.objects.get()
    assert (sums.quarter, sums.line_id, sums.direction) == (QUARTER, "gate", "forward")
    assert (sums.count, sums.doubtful, sums.sum_mps, sums.on_line_s) == (1, 0, 12.4, 0.4)
    assert sums.sum_s_per_m == pytest.approx(1 / 12.4)
    assert unpack(bytes(sums.histogram), SPEED_BINS)[speed_bin(12.4)] == 1
    before = quarters()
    again = ingest([batch, batch])
    assert (quarters(), again.measured, again.homeless) == (before, (), ())


def test_a_speed_that_comes_before_its_crossing_is_given_back_to_be_tried_again() -> None:
    camera = make_camera()
    early = ingest([with_more(facts(camera, sequence=1), speeds=(reading(),))])
    (kept,) = early.homeless
    assert (early.measured, kept.sequence, kept.speeds) == ((), -1, (reading(),))
    (again,) = ingest([kept]).homeless
    assert again.sequence == -2
    done = ingest([again, facts(camera, crossing(1), sequence=0, observed_s={NOON: 1.0})])
    assert (len(done.measured), done.homeless) == (1, ())
    assert models.Crossing.objects.get().speed_mps == 12.4
    assert models.QuarterSpeed.objects.get().count == 1


def test_what_is_no_speed_is_not_stored() -> None:
    camera = make_camera()
    nonsense = [reading(k, value) for k, value in enumerate((0.0, -3.0, np.nan, np.inf, 1e9))]
    odd = reading(9, length_m=np.nan, gap_s=np.inf)
    crossings = [crossing(k) for k in range(10)]
    ingest([with_more(facts(camera, *crossings), speeds=(*nonsense, odd))])
    assert models.Crossing.objects.filter(speed_mps=None).count() == 9
    row = models.Crossing.objects.get(track_id=9)
    assert (row.speed_mps, row.length_m, row.gap_s) == (12.4, None, None)
    assert models.QuarterSpeed.objects.get().count == 1


def test_speeds_are_doubtful_while_the_camera_seems_moved() -> None:
    camera = make_camera()
    calibration = calibrate(camera)

    def told(track: int) -> models.Crossing:
        message = facts(camera, crossing(track), sequence=track)
        ingest([with_more(message, speeds=(reading(track),), calibration_id=calibration.pk)])
        return models.Crossing.objects.get(track_id=track)

    assert not told(1).speed_doubtful
    calibration.drift = models.DriftChoice.MOVED
    calibration.save()
    assert told(2).speed_doubtful
    sums = models.QuarterSpeed.objects.get()
    assert (sums.count, sums.doubtful) == (2, 1)


def test_a_calibration_that_is_gone_or_of_another_camera_is_not_named() -> None:
    camera, other = make_camera(), make_camera()
    theirs = calibrate(other)
    ingest([with_more(facts(camera, crossing(1)), calibration_id=theirs.pk)])
    ingest([with_more(facts(camera, crossing(2), sequence=1), calibration_id=987654)])
    assert set(models.Crossing.objects.values_list("calibration_id", flat=True)) == {None}


def test_a_visit_counts_where_it_began_and_its_dwell_where_it_ended() -> None:
    camera = make_camera()
    ingest([facts(camera, visits=(visit(1, NOON_S + 880, 40.0), visit(2, NOON_S, 40.0)))])
    first, second = models.QuarterZone.objects.order_by("quarter")
    assert (first.quarter, first.visits, first.dwell_s) == (QUARTER, 2, 40.0)
    assert (second.quarter, second.visits, second.dwell_s) == (QUARTER + 1, 0, 40.0)
    assert unpack(bytes(second.dwell), DWELL_BINS)[dwell_bin(40.0)] == 1


def movement(time_s: float = NOON_S) -> Movement:
    return Movement(1, ("gate", "forward"), ("side", "backward"), "car", time_s)


def test_movements_and_heat_are_added_once_per_batch() -> None:
    camera = make_camera()
    grid = np.zeros((HEAT_ROWS, HEAT_COLUMNS))
    grid[3, 4] = 1.5
    batches = [
        with_more(
            facts(camera, sequence=k),
            movements=(movement(), movement(float("nan"))),
            heat=(("vehicle", QUARTER, pack_heat(grid)), ("vehicle", -4, b"x"), ("person", 5, b"")),
        )
        for k in range(3)
    ]
    ingest(batches[:2])
    ingest(batches)
    row = models.QuarterMovement.objects.get()
    assert (row.quarter, row.count) == (QUARTER, 3)
    assert (row.origin_line, row.destination_direction) == ("gate", "backward")
    heat = models.QuarterHeat.objects.get()
    assert add_heat([bytes(heat.cells)])[3, 4] == 4.5


def random_batches(camera: models.Camera, seed: int) -> list[Facts]:
    """Half an hour of everything at random."""
    rng = random.Random(seed)
    batches = []
    for sequence in range(25):
        crossings: list[Crossing] = []
        for _ in range(rng.randint(0, 6)):
            found = crossing(
                rng.randint(1, 30),
                NOON_S + rng.uniform(0, 2400),
                line=rng.choice(("gate", "side")),
                nth=rng.randint(0, 2),
                direction=rng.choice(("forward", "backward")),
                object_class=rng.choice(("car", "person")),
            )
            crossings.append(dataclasses.replace(found, wrong_way=rng.random() < 0.2,
                                                 turn_back=rng.random() < 0.2))  # fmt: skip
        minute = NOON + rng.randint(0, 40)
        batches.append(
            with_more(
                facts(
                    camera,
                    *crossings,
                    sequence=sequence,
                    visits=(visit(sequence, NOON_S + rng.uniform(0, 1200), rng.uniform(2, 900)),),
                    observed_s={minute: rng.uniform(0, 40), minute + 1: rng.uniform(0, 40)},
                    zone_minutes=(
                        ZoneMinute("yard", minute, rng.uniform(0, 90), rng.randint(0, 5)),
                    ),
                ),
                speeds=tuple(
                    SpeedReading(c.line_id, c.track_id, c.nth, rng.uniform(1, 30), 0.3)
                    for c in crossings
                    if rng.random() < 0.7
                ),
            )
        )
    return batches


def check_sums() -> None:
    """Quarters are the sums of their minutes."""
    minutes: dict[tuple[Any, ...], int] = {}
    key = ("line_id", "object_class", "size", "direction")
    for *named, minute, count in models.CountInterval.objects.values_list(*key, "minute", "count"):
        place = (*named, minute // 15)
        minutes[place] = minutes.get(place, 0) + count
    counts = models.QuarterCount.objects.values_list(*key, "quarter", "count")
    assert {row[:-1]: row[-1] for row in counts} == minutes
    for row in models.QuarterObserved.objects.all():
        within = models.ObservedMinute.objects.filter(
            minute__gte=row.quarter * 15, minute__lt=row.quarter * 15 + 15
        ).aggregate(o=Sum("observed_s"), d=Sum("down_s"))
        assert row.observed_s == pytest.approx(within["o"])
        assert row.down_s == pytest.approx(within["d"])
        assert row.observed_s + row.down_s <= 900.0 + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_quarters_are_the_sums_of_their_minutes_however_often_batches_come(seed: int) -> None:
    camera, rng = make_camera(), random.Random(seed)
    batches = random_batches(camera, seed)
    at = 0
    while at < len(batches):
        size = rng.randint(1, 4)
        part = batches[at : at + size] * rng.randint(1, 2)
        ingest([*part, status(camera, "failed", NOON_S + 30 * at)])
        at += size
    check_sums()
    before = quarters()
    ingest(batches)
    assert quarters() == before
    distinct = models.Crossing.objects.all()
    assert sum(row.count for row in models.QuarterCount.objects.all()) == distinct.count()
    totals = models.QuarterCount.objects.aggregate(t=Sum("turn_backs"), w=Sum("wrong_way"))
    assert totals["t"] == distinct.filter(turn_back=True).count()
    assert totals["w"] == distinct.filter(wrong_way=True).count()
    measured = distinct.exclude(speed_mps=None)
    speeds = models.QuarterSpeed.objects.aggregate(n=Sum("count"), v=Sum("sum_mps"))
    assert speeds["n"] == measured.count()
    assert speeds["v"] == pytest.approx(sum(row.speed_mps or 0.0 for row in measured))


def test_the_migration_fills_what_the_writer_would_have_raised() -> None:
    cameras = [make_camera(), make_camera()]
    for seed, camera in enumerate(cameras):
        batches = random_batches(camera, seed)
        ingest(batches)
        trips = [crossing(99, NOON_S + 60 * k, line=line) for k, line in enumerate("ab")]
        movement_told = Movement(99, ("a", "forward"), ("b", "forward"), "car", NOON_S + 60)
        later = crossing(99, NOON_S + 5000, line="a", nth=1)  # another trip
        ingest([with_more(facts(camera, *trips, later, sequence=99, run="trip"),
                          movements=(movement_told,))])  # fmt: skip
    told = [rows_of(model) for model in QUARTERS[:4]]
    migration = import_module("sensing.migrations.0004_fill_quarters")
    migration.fill(apps, SimpleNamespace(connection=connection))
    assert [rows_of(model) for model in QUARTERS[:4]] == told
    trip = models.QuarterMovement.objects.filter(origin_line="a", destination_line="b")
    assert [(row.quarter, row.count) for row in trip] == [(QUARTER, 1), (QUARTER, 1)]
    assert not models.QuarterMovement.objects.filter(destination_line="a").exists()


@pytest.mark.parametrize("state", ["connecting", "stalled", "failed"])
def test_a_camera_that_should_run_and_does_not_is_down(state: str) -> None:
    camera = make_camera()
    for second in range(57, 64):
        ingest([status(camera, state, NOON_S + second)])
        ingest([status(camera, state, NOON_S + second)])  # the same again
    down = dict(models.ObservedMinute.objects.values_list("minute", "down_s"))
    assert down == {NOON: 3.0, NOON + 1: 3.0}
    assert models.QuarterObserved.objects.get().down_s == 6.0
    check_sums()


def test_a_gateway_that_was_off_is_not_a_camera_that_was_down() -> None:
    camera = make_camera()
    ingest([status(camera, "failed", NOON_S)])
    ingest([status(camera, "connecting", NOON_S + 1800)])
    rows = models.ObservedMinute.objects.values_list("minute", "down_s")
    assert dict(rows) == {NOON + 29: 3.0}  # no more than a worker is ever silent
    ingest([status(camera, "live", NOON_S + 1801), status(camera, "live", NOON_S + 1802)])
    ingest([status(camera, "live", NOON_S + 1803)])
    assert models.ObservedMinute.objects.count() == 2
    assert models.QuarterObserved.objects.aggregate(d=Sum("down_s"))["d"] == 5.0


def test_a_process_that_waits_for_its_restart_is_down_meanwhile() -> None:
    camera = make_camera()
    ingest([status(camera, "failed", NOON_S, cause="crashed", retry_in_s=30.0)])
    ingest([status(camera, "connecting", NOON_S + 31)])
    assert models.ObservedMinute.objects.get().down_s == 31.0


def test_a_second_is_never_both_watched_and_down() -> None:
    camera = make_camera()
    for second in range(0, 60, 3):
        ingest([status(camera, "failed", NOON_S + second)])
    assert models.ObservedMinute.objects.get().down_s == 57.0
    ingest([facts(camera, observed_s={NOON: 20.0})])
    row = models.ObservedMinute.objects.get()
    assert (row.observed_s, row.down_s) == (20.0, 40.0)
    check_sums()


def drift(calibration: models.Calibration, verdict: str, at_s: float, px: float = 0.4) -> None:
    camera_id = calibration.camera_id
    store_drift_report(DriftReport(camera_id, calibration.pk, verdict, px, at_s))  # type: ignore[arg-type]
    calibration.refresh_from_db()


def test_a_camera_that_moved_stays_so_until_a_person_confirms_it() -> None:
    calibration = calibrate(make_camera(), reference=b"png")
    drift(calibration, "unmoved", NOON_S)
    assert (calibration.drift, calibration.drift_px) == ("steady", 0.4)
    drift(calibration, "unsure", NOON_S + 1)
    assert (calibration.drift, calibration.drift_px) == ("steady", 0.4)
    assert calibration.drift_checked_at is not None
    assert calibration.drift_checked_at.timestamp() == NOON_S + 1
    drift(calibration, "moved", NOON_S + 2, 9.0)
    drift(calibration, "moved", NOON_S + 3, 9.5)
    drift(calibration, "unmoved", NOON_S + 4)
    assert (calibration.drift, calibration.drift_px) == ("moved", 9.5)
    assert calibration.moved_at is not None
    assert calibration.moved_at.timestamp() == NOON_S + 2
    assert bytes(calibration.reference or b"") == b"png"
    calibration.drift = models.DriftChoice.STEADY
    calibration.confirmed_at = calibration.moved_at
    calibration.save()
    drift(calibration, "moved", NOON_S + 1.5)  # of before it was confirmed
    assert calibration.drift == "steady"


def test_a_report_on_a_retired_calibration_is_history() -> None:
    calibration = calibrate(make_camera())
    calibration.retired_at = calibration.created_at
    calibration.save()
    drift(calibration, "moved", NOON_S)
    assert calibration.drift == "unwatched"


def test_old_quarters_are_pruned_with_the_minutes() -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1), crossing(2, NOON_S + 40 * 86400))])
    site_change(by=None, keep_intervals_days=30)
    pruned = prune(now=datetime.fromtimestamp(NOON_S + 41 * 86400, UTC))
    assert (pruned.minutes, pruned.quarters) == (1, 1)
    assert models.QuarterCount.objects.get().quarter == QUARTER + 40 * 96
