from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import pytest

from sensing.domain.heat import HeatMap
from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS, add_heat, pack_heat
from tests.sensing.domain.paths import HEIGHT, WIDTH, tracks


def heat() -> HeatMap:
    return HeatMap(WIDTH, HEIGHT, longest_gap_s=1.0)


def test_an_object_s_seconds_go_to_the_cell_of_its_lower_edge() -> None:
    subject = heat()
    for k in range(11):
        subject.add(tracks({1: (510.0, 480.0)}, k / 10), k / 10)
    ((kind, quarter, cells),) = subject.take()
    grid = add_heat([cells])
    assert (kind, quarter) == ("vehicle", 0)
    assert grid.sum() == pytest.approx(1.0)
    foot = int(500.0 / HEIGHT * HEAT_ROWS), int(510.0 / WIDTH * HEAT_COLUMNS)
    assert grid[foot] == pytest.approx(1.0)
    assert subject.take() == ()


def test_two_in_one_cell_count_twice_and_persons_by_themselves() -> None:
    subject = heat()
    subject.add(tracks({}, 0.0), 0.0)
    subject.add(tracks({1: (500, 500), 2: (501, 501)}, 0.5), 0.5)
    subject.add(tracks({3: (500, 500)}, 1.0, label="person"), 1.0)
    sums = {kind: add_heat([cells]) for kind, _, cells in subject.take()}
    assert sums["vehicle"].max() == pytest.approx(1.0)
    assert sums["person"].max() == pytest.approx(0.5)


def test_neither_a_gap_nor_a_track_out_of_sight_nor_another_class_is_counted() -> None:
    subject = heat()
    subject.add(tracks({1: (500, 500)}, 0.0), 0.0)
    subject.add(tracks({1: (500, 500)}, 5.0), 5.0)
    subject.add(tracks({1: (500, 500)}, 5.5, unseen=[1]), 5.5)
    other = dataclasses.replace(tracks({1: (500, 500)}, 6.0), labels=("kite",) * 6)
    subject.add(other, 6.0)
    assert subject.take() == ()


def test_what_reaches_out_of_the_picture_counts_at_its_edge() -> None:
    subject = heat()
    subject.add(tracks({}, 0.0), 0.0)
    subject.add(tracks({1: (-20.0, 1200.0), 2: (1200.0, -90.0)}, 0.5), 0.5)
    ((_, _, cells),) = subject.take()
    grid = add_heat([cells])
    assert (grid[-1, 0], grid[0, -1]) == (0.5, 0.5)


def test_a_quarter_of_an_hour_that_ends_is_kept_apart() -> None:
    subject = heat()
    for time_s in (899.0, 899.5, 900.25, 900.5):
        subject.add(tracks({1: (500, 500)}, time_s), time_s)
    taken = subject.take()
    assert [(kind, quarter) for kind, quarter, _ in taken] == [("vehicle", 0), ("vehicle", 1)]
    assert [float(np.sum(add_heat([cells]))) for *_, cells in taken] == [0.5, 1.0]


def test_packed_grids_are_short_exact_to_the_hundredth_and_add_to_those_stored_before() -> None:
    grid = np.zeros((HEAT_ROWS, HEAT_COLUMNS))
    grid[:, 10:15] = np.arange(HEAT_ROWS * 5).reshape(HEAT_ROWS, 5) / 7.0
    packed = pack_heat(grid)
    assert len(packed) < grid.astype("<f4").nbytes / 4
    assert np.abs(add_heat([packed]) - grid).max() <= 0.005
    before = grid.astype("<f4").tobytes()
    assert np.abs(add_heat([packed, before, b"", packed]) - 3 * grid).max() <= 0.011
    assert pack_heat(np.full_like(grid, 0.004)) == b""


@pytest.mark.parametrize(
    "other", [b"x", b"x" * 5183, zlib.compress(b"x" * 9), zlib.compress(bytes(10**6))]
)
def test_bytes_that_are_no_grid_are_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match="expected a"):
        add_heat([other])
