from __future__ import annotations

import numpy as np
import pytest

from sensing.domain.statistics.packing import DWELL_BINS, dwell_bin, dwell_edges_s
from sensing.domain.statistics.people import (
    dwell_of_histogram,
    occupancy_by_bin,
    without_undone,
)


def histogram(**stays_by_bin: int) -> list[int]:
    counts = [0] * DWELL_BINS
    for place, count in stays_by_bin.items():
        counts[int(place.removeprefix("bin"))] = count
    return counts


class TestDwellOfHistogram:
    def test_percentiles_are_interpolated_within_their_bin(self) -> None:
        # 40 stays in bin 20 and 20 in bin 30. The 30th is three quarters through bin 20, the 54th
        # is 14 of 20 through bin 30.
        found = dwell_of_histogram(histogram(bin20=40, bin30=20))
        low, high = 1.15**19, 1.15**29
        assert found.count == 60
        assert found.median_s == pytest.approx(low * (1 + 0.15 * 0.75))
        assert found.p90_s == pytest.approx(high * (1 + 0.15 * 0.7))

    @pytest.mark.parametrize(
        ("count", "median", "p90"),
        [
            (0, False, False),
            (9, False, False),
            (10, True, False),
            (29, True, False),
            (30, True, True),
        ],
    )
    def test_too_few_stays_have_no_percentile(self, count: int, median: bool, p90: bool) -> None:
        found = dwell_of_histogram(histogram(bin5=count))
        assert found.count == count
        assert (found.median_s is not None, found.p90_s is not None) == (median, p90)

    def test_they_agree_with_the_stays_themselves_to_the_width_of_a_bin(self) -> None:
        stays_s = np.random.default_rng(7).lognormal(4.0, 1.0, 4000)
        counts = np.bincount([dwell_bin(float(s)) for s in stays_s], minlength=DWELL_BINS)
        found = dwell_of_histogram(counts)
        assert found.median_s == pytest.approx(float(np.percentile(stays_s, 50)), rel=0.03)
        assert found.p90_s == pytest.approx(float(np.percentile(stays_s, 90)), rel=0.03)

    def test_a_stay_lies_within_the_edges_of_its_bin(self) -> None:
        edges_s = dwell_edges_s()
        for stay_s in (0.0, 0.99, 1.0, 1.2, 60.0, 3599.0, 90_000.0):
            k = dwell_bin(stay_s)
            assert edges_s[k] <= stay_s < edges_s[k + 1]

    def test_another_number_of_bins_is_refused(self) -> None:
        with pytest.raises(ValueError, match=f"expected {DWELL_BINS} counts"):
            dwell_of_histogram([1, 2, 3])


class TestWithoutUndone:
    def test_what_was_undone_is_taken_away(self) -> None:
        assert without_undone([5, 3, 0], [1, 0, 0]) == [4, 3, 0]

    def test_what_was_undone_after_a_border_is_taken_from_before_it(self) -> None:
        assert without_undone([5, 0, 1, 0], [0, 0, 2, 1]) == [3, 0, 0, 0]

    def test_who_turns_back_behind_a_border_has_not_come(self) -> None:
        # One comes in at 890 s and turns back at 905 s, one comes at 1810 s, one leaves at 1900 s.
        assert without_undone([1, 0, 1], [0, 1, 0]) == [0, 0, 1]
        assert without_undone([0, 1, 1], [0, 1, 0]) == [0, 0, 1]


class TestOccupancyByBin:
    def test_it_begins_anew_at_a_reset_and_tells_the_drift(self) -> None:
        came, left = [3, 2, 0, 1, 4], [0, 1, 2, 0, 1]
        inside, drifts = occupancy_by_bin(came, left, {3})
        assert inside == [3, 4, 2, 1, 4]
        assert drifts == [(3, 2)]

    def test_more_who_left_than_came_are_shown_and_not_hidden(self) -> None:
        assert occupancy_by_bin([0, 1], [2, 0], ()) == ([-2, -1], [])
