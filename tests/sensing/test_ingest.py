from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from sensing import models
from sensing.ingest import ingest
from sensing.services import camera_delete, camera_pause
from sensing.worker.messages import Facts, ZoneMinute
from tests.sensing.rows import NOON, NOON_S, crossing, facts, make_camera, status, visit

pytestmark = pytest.mark.django_db


def counted() -> dict[tuple[Any, ...], int]:
    rows = models.CountInterval.objects.values_list(
        "camera_id", "minute", "line_id", "object_class", "size", "direction", "count"
    )
    return {row[:-1]: row[-1] for row in rows}


def measures() -> list[list[Any]]:
    return [
        list(model.objects.order_by("pk").values_list(*fields))
        for model, fields in (
            (models.Crossing, ("line_id", "track_id", "nth", "at")),
            (models.Visit, ("zone_id", "track_id", "nth", "dwell_s")),
            (models.CountInterval, ("minute", "object_class", "count")),
            (models.ObservedMinute, ("minute", "observed_s")),
            (models.ZoneMinute, ("minute", "occupied_s", "occupancy_max", "visits")),
        )
    ]


def test_a_crossing_becomes_a_row_and_a_count() -> None:
    camera = make_camera()
    done = ingest([facts(camera, crossing(7, NOON_S + 61.5), observed_s={NOON + 1: 1.5})])
    row = models.Crossing.objects.get()
    assert (row.camera_id, row.line_id, row.track_id, row.nth) == (camera.pk, "gate", 7, 0)
    assert row.at == datetime(2026, 1, 1, 12, 1, 1, 500_000, UTC)
    assert counted() == {(camera.pk, NOON + 1, "gate", "car", "small", "forward"): 1}
    assert models.ObservedMinute.objects.get().observed_s == 1.5
    assert (done.cameras, done.crossings, done.visits, done.unknown) == ({camera.pk}, 1, 0, 0)


def test_crossings_of_one_minute_add_up_by_line_class_size_and_direction() -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1), crossing(2), crossing(3, direction="backward"))])
    ingest([facts(camera, crossing(4), crossing(5, object_class="bus", size="large"), sequence=1)])
    assert counted() == {
        (camera.pk, NOON, "gate", "car", "small", "forward"): 3,
        (camera.pk, NOON, "gate", "car", "small", "backward"): 1,
        (camera.pk, NOON, "gate", "bus", "large", "forward"): 1,
    }


def test_a_batch_sent_again_adds_nothing() -> None:
    camera = make_camera()
    batch = facts(
        camera,
        crossing(1),
        visits=(visit(2),),
        observed_s={NOON: 4.0},
        zone_minutes=(ZoneMinute("yard", NOON, 8.0, 3),),
    )
    ingest([batch])
    before = measures()
    again = ingest([batch, batch])
    assert measures() == before
    assert (again.crossings, again.visits, again.cameras) == (0, 0, frozenset())


def test_a_fact_that_comes_in_another_batch_counts_once() -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1))])
    ingest([facts(camera, crossing(1), crossing(1, nth=1), sequence=1)])
    assert models.Crossing.objects.count() == 2
    assert list(counted().values()) == [2]


def test_the_same_track_number_in_another_run_is_another_object() -> None:
    camera = make_camera()
    ingest([facts(camera, crossing(1)), facts(camera, crossing(1), run="run-2")])
    assert models.Crossing.objects.count() == 2


def test_facts_of_a_deleted_camera_are_ignored_and_the_others_are_stored() -> None:
    gone, camera = make_camera(), make_camera()
    late = facts(gone, crossing(1))
    camera_delete(camera=gone, by=None)
    done = ingest([late, status(camera), facts(camera, crossing(1))])
    assert (done.unknown, done.crossings, done.cameras) == (1, 1, {camera.pk})


def test_observed_seconds_add_up_over_batches_and_never_pass_a_minute() -> None:
    camera = make_camera()
    for sequence, seconds in enumerate((20.0, 25.0, 30.0)):
        ingest([facts(camera, sequence=sequence, observed_s={NOON: seconds, NOON + 1: 1.0})])
    seconds = dict(models.ObservedMinute.objects.values_list("minute", "observed_s"))
    assert seconds == {NOON: 60.0, NOON + 1: 3.0}


def test_occupancy_adds_up_its_maximum_is_kept_and_visits_belong_to_the_minute_they_began() -> None:
    camera = make_camera()
    parts = [(10.0, 2), (5.0, 4), (1.0, 1)]
    for sequence, (occupied_s, most) in enumerate(parts):
        minute = ZoneMinute("yard", NOON, occupied_s, most)
        ingest([facts(camera, sequence=sequence, zone_minutes=(minute,))])
    ingest([facts(camera, sequence=3, visits=(visit(1, NOON_S + 50, 40.0), visit(2)))])
    row = models.ZoneMinute.objects.get()
    assert (row.occupied_s, row.occupancy_max, row.visits) == (16.0, 4, 2)
    assert sorted(models.Visit.objects.values_list("dwell_s", flat=True)) == [30.0, 40.0]


def test_a_camera_is_changed_by_a_new_minute_but_not_by_each_second_of_it() -> None:
    camera = make_camera()
    assert ingest([facts(camera, observed_s={NOON: 1.0})]).cameras == {camera.pk}
    assert ingest([facts(camera, sequence=1, observed_s={NOON: 1.0})]).cameras == frozenset()


def test_the_last_status_stands_and_since_tells_when_its_state_began() -> None:
    camera = make_camera()
    ingest([status(camera, "connecting", NOON_S), status(camera, "live", NOON_S + 1)])
    ingest([status(camera, "live", NOON_S + 9, last_frame_at_s=NOON_S + 8.5, width=640)])
    state = models.CameraState.objects.get()
    assert (state.state, state.width) == ("live", 640)
    assert state.since == datetime(2026, 1, 1, 12, 0, 1, tzinfo=UTC)
    ingest([status(camera, "failed", NOON_S + 20, cause="timeout", retry_in_s=2.0)])
    state.refresh_from_db()
    assert (state.state, state.cause, state.retry_in_s) == ("failed", "timeout", 2.0)
    assert state.since == datetime(2026, 1, 1, 12, 0, 20, tzinfo=UTC)
    # How old the last picture is stays known while the camera is away.
    assert state.last_frame_at == datetime(2026, 1, 1, 12, 0, 8, 500_000, UTC)


def test_a_worker_s_last_words_do_not_wake_a_paused_camera() -> None:
    camera = make_camera()
    camera_pause(camera=camera, by=None)
    ingest([status(camera, "live")])
    assert models.CameraState.objects.get().state == "paused"


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0, 1e18])
def test_a_time_outside_the_calendar_is_refused_and_its_neighbours_are_kept(
    nonsense: float,
) -> None:
    camera = make_camera()
    done = ingest([facts(camera, crossing(1, nonsense), crossing(2), visits=(visit(3, nonsense),))])
    assert (done.crossings, done.refused) == (1, 2)
    ingest([status(camera, at_s=nonsense, last_frame_at_s=nonsense, source_fps=nonsense)])
    assert models.CameraState.objects.get().state == "live"


def test_text_that_no_column_holds_is_cut_and_not_tried_for_ever() -> None:
    camera = make_camera()
    strange = dataclasses.replace(crossing(1), object_class="x\x00" + "y" * 99)
    ingest([facts(camera, strange), status(camera, detail="\x00" + "z" * 2000)])
    assert models.Crossing.objects.get().object_class == "x" + "y" * 39
    assert len(models.CameraState.objects.get().detail) == 500


def test_nothing_of_a_batch_is_stored_when_its_commit_fails(monkeypatch: Any) -> None:
    camera = make_camera()

    def broken(*_: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("sensing.ingest.set_states", broken)
    with pytest.raises(RuntimeError):
        ingest([facts(camera, crossing(1), observed_s={NOON: 1.0})])
    assert measures() == [[], [], [], [], []]
    monkeypatch.undo()
    assert ingest([facts(camera, crossing(1), observed_s={NOON: 1.0})]).crossings == 1


def test_the_number_of_queries_does_not_depend_on_the_number_of_facts() -> None:
    camera = make_camera()

    def queries(count: int, run: str) -> int:
        batch = facts(camera, *(crossing(i) for i in range(count)), run=run)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            ingest([batch])
        return len(captured)

    queries(1, "warm")
    assert queries(2, "few") == queries(40, "many")


class Retries(TestCase):
    """However batches are cut, repeated and mixed, the counts are those of the distinct facts."""

    @settings(max_examples=40, deadline=None)
    @given(
        keys=st.lists(
            st.tuples(
                st.integers(1, 6), st.integers(0, 2), st.integers(0, 3), st.sampled_from("ab")
            ),
            max_size=25,
        ),
        cuts=st.lists(st.integers(1, 6), min_size=1, max_size=8),
        repeats=st.lists(st.integers(1, 3), min_size=1, max_size=8),
        joined=st.integers(1, 4),
    )
    def test_any_repetition_gives_the_counts_of_the_distinct_facts(
        self,
        keys: list[tuple[int, int, int, str]],
        cuts: list[int],
        repeats: list[int],
        joined: int,
    ) -> None:
        camera = make_camera()
        # The key decides the rest: a repeated fact is the same fact.
        found = [
            crossing(t, NOON_S + 60 * ((t + n) % 3), nth=n, line=line) for t, n, _, line in keys
        ]
        batches: list[Facts] = []
        rest = list(found)
        while rest:
            size = cuts[len(batches) % len(cuts)]
            part, rest = rest[:size], rest[size:]
            minute = {NOON + len(batches) % 2: 1.0}
            batches.append(facts(camera, *part, sequence=len(batches), observed_s=minute))
        sent = [b for i, b in enumerate(batches) for _ in range(repeats[i % len(repeats)])]
        for start in range(0, len(sent), joined):
            ingest(sent[start : start + joined])
        ingest(batches)

        distinct = {(c.line_id, c.track_id, c.nth): c for c in found}.values()
        assert models.Crossing.objects.filter(camera=camera).count() == len(distinct)
        expected = Counter((int(c.time_s // 60), c.line_id) for c in distinct)
        assert {key[1:3]: n for key, n in counted().items() if key[0] == camera.pk} == expected
        observed = models.ObservedMinute.objects.filter(camera=camera)
        assert sum(row.observed_s for row in observed) == pytest.approx(len(batches))
