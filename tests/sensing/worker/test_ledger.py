from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.domain.results import Crossing, SensedFacts, Visit
from sensing.worker.ledger import Ledger

NOTHING = SensedFacts()
CROSSING = Crossing("a", 1, 0, "forward", "car", "small", 0.9, 61.0, 3)
VISIT = Visit("z", 1, 0, "person", 10.0, 20.0)


def test_observed_seconds_go_to_the_minutes_in_which_they_passed() -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    for tenths in range(595, 611):
        ledger.add(NOTHING, tenths / 10)
    batch = ledger.batch()
    assert batch is not None
    assert batch.observed_s == pytest.approx({0: 0.5, 1: 1.0})


def test_a_gap_is_not_observed() -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    for time_s in (10.0, 10.5, 14.0, 14.5):
        ledger.add(NOTHING, time_s)
    batch = ledger.batch()
    assert batch is not None
    assert batch.observed_s == pytest.approx({0: 1.0})


def test_occupancy_is_integrated_over_the_time_it_lasted() -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    ledger.add(SensedFacts(occupancy={"z": 2}), 59.5)
    ledger.add(SensedFacts(occupancy={"z": 1}), 60.5)
    ledger.add(SensedFacts(occupancy={"z": 0}), 61.0)
    batch = ledger.batch()
    assert batch is not None
    found = {(z.zone_id, z.minute): (z.occupied_s, z.occupancy_max) for z in batch.zone_minutes}
    assert found == {("z", 0): (1.0, 2), ("z", 1): (1.0 + 0.5, 1)}


def test_batches_add_up_and_are_numbered() -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    assert ledger.batch() is None
    ledger.add(SensedFacts(crossings=(CROSSING,)), 61.0)
    first = ledger.batch()
    ledger.add(SensedFacts(visits=(VISIT,)), 61.5)
    second = ledger.batch()
    assert first is not None
    assert second is not None
    assert (first.sequence, first.crossings, first.visits) == (0, (CROSSING,), ())
    assert (second.sequence, second.crossings, second.visits) == (1, (), (VISIT,))
    assert (second.camera_id, second.run_id) == (7, "run")
    assert ledger.batch() is None


def test_events_are_due_sooner_than_mere_coverage() -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    ledger.add(NOTHING, 1.0)
    assert not ledger.due(60.0)
    ledger.add(NOTHING, 1.1)
    assert not ledger.due(0.6)
    assert ledger.due(1.1)
    ledger.add(SensedFacts(crossings=(CROSSING,)), 1.2)
    assert ledger.due(0.6)


SEEN, GAP = st.floats(0.01, 0.99), st.floats(1.01, 3.0)


@given(st.lists(SEEN | GAP, min_size=1, max_size=200), st.integers(1, 50))
def test_no_second_is_lost_or_counted_twice_however_batches_fall(
    steps: list[float], every: int
) -> None:
    ledger = Ledger(7, "run", longest_gap_s=1.0)
    total: dict[int, float] = {}
    for number, time_s in enumerate(np.cumsum([0.0, *steps]) + 1e9):
        ledger.add(NOTHING, float(time_s))
        if number % every == 0 and (batch := ledger.batch()) is not None:
            for minute, seconds in batch.observed_s.items():
                total[minute] = total.get(minute, 0.0) + seconds
    if (batch := ledger.batch()) is not None:
        for minute, seconds in batch.observed_s.items():
            total[minute] = total.get(minute, 0.0) + seconds
    assert sum(total.values()) == pytest.approx(sum(s for s in steps if s < 1.0), abs=1e-3)
    assert max(total.values(), default=0.0) <= 60.0 + 1e-6
