"""Statistics against tables that can be worked out by hand, and against other implementations."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from scipy import stats

from sensing.domain.statistics.agreement import (
    compare_counts,
    compare_speeds,
    confusion_matrix,
    geh,
    geh_of_counts,
)
from sensing.domain.statistics.bins import coverage_of, flow_per_h
from sensing.domain.statistics.flow import density_per_km, peak_hour
from sensing.domain.statistics.mix import DEFAULT_PCU, car_units, class_shares_percent
from sensing.domain.statistics.speeds import (
    SpeedHistogram,
    over_limit_percent_from_bins,
    pace_from_bins,
    percentile,
    percentile_from_bins,
    space_mean_mps,
    time_mean_mps,
)

KMH = 1 / 3.6
RANDOM = np.random.default_rng(1).normal(14, 2, 500).clip(1)


class TestBins:
    def test_dead_camera_gap_and_true_zero_are_three_things(self) -> None:
        observed = [(60, 0), (58.8, 0), (0, 60), (0, 0), (20, 40)]
        assert [coverage_of(60, seen_s, down_s) for seen_s, down_s in observed] == [
            "complete",
            "complete",
            "down",
            "unknown",
            "partial",
        ]

    def test_flow_is_of_the_time_observed(self) -> None:
        # Two cars in twenty seconds.
        assert flow_per_h(2, 20) == 360
        assert flow_per_h(0, 60) == 0
        assert flow_per_h(0, 0) is None


class TestFlow:
    def test_the_peak_hour_slides_by_quarters(self) -> None:
        found = peak_hour([100, 150, 200, 250, 200, 50])
        assert found is not None
        # 150 + 200 + 250 + 200 = 800, over four times 250.
        assert (found.first, found.volume, found.busiest_quarter, found.factor) == (
            1,
            800,
            250,
            0.8,
        )

    def test_an_hour_with_a_missing_quarter_is_none(self) -> None:
        found = peak_hour([10, 10, 10, 10, None, 500, 500, 500])
        assert found is not None
        assert (found.first, found.factor) == (0, 1.0)
        assert peak_hour([1, 2, 3]) is None
        assert peak_hour([500, None, 500, 500, 500]) is None

    def test_an_empty_hour_has_no_factor(self) -> None:
        found = peak_hour([0, 0, 0, 0])
        assert found is not None
        assert found.factor is None

    def test_density_is_flow_over_space_mean(self) -> None:
        assert density_per_km(1200, 60 * KMH) == pytest.approx(20)
        assert density_per_km(0, 0.0) is None


class TestSpeeds:
    def test_means_by_hand(self) -> None:
        # 2 / (1/10 + 1/30) = 15
        assert time_mean_mps([10, 30]) == 20
        assert space_mean_mps([10, 30]) == pytest.approx(15)
        assert time_mean_mps([]) is None
        assert space_mean_mps([]) is None

    def test_means_as_other_implementations_have_them(self) -> None:
        values = RANDOM.tolist()
        assert time_mean_mps(RANDOM) == pytest.approx(statistics.fmean(values))
        assert space_mean_mps(RANDOM) == pytest.approx(statistics.harmonic_mean(values))
        assert space_mean_mps(RANDOM) == pytest.approx(stats.hmean(RANDOM))

    @pytest.mark.parametrize("percent", [15, 50, 85])
    def test_percentiles_as_other_implementations_have_them(self, percent: int) -> None:
        theirs = statistics.quantiles(RANDOM.tolist(), n=100, method="inclusive")[percent - 1]
        found = percentile(RANDOM, percent)
        assert found.value_mps == pytest.approx(theirs)
        assert found.value_mps == pytest.approx(stats.scoreatpercentile(RANDOM, percent))
        assert (found.count, found.soundness) == (500, "sound")

    @pytest.mark.parametrize(
        ("count", "soundness"), [(29, "refused"), (30, "few"), (99, "few"), (100, "sound")]
    )
    def test_few_speeds_are_marked_and_fewer_refused(self, count: int, soundness: str) -> None:
        single = percentile(np.full(count, 10.0), 85)
        binned = percentile_from_bins(SpeedHistogram(10, 1, (count,)), 85)
        assert single.soundness == binned.soundness == soundness
        assert (single.value_mps is None) == (binned.value_mps is None) == (soundness == "refused")

    def test_v85_from_bins_by_hand(self) -> None:
        """n = 100; 85 vehicles are reached 15 of 30 into the bin of 50–55 km/h, F being 70."""
        bins = SpeedHistogram(40 * KMH, 5 * KMH, (20, 50, 30))
        assert percentile_from_bins(bins, 85).value_mps == pytest.approx(52.5 * KMH)
        assert percentile_from_bins(bins, 20).value_mps == pytest.approx(45 * KMH)
        empty = SpeedHistogram(0, 5 * KMH, (50, 0, 0, 50))
        assert percentile_from_bins(empty, 50).value_mps == pytest.approx(5 * KMH)

    def test_bins_and_values_agree_within_a_bin(self) -> None:
        counts, edges = np.histogram(RANDOM, np.arange(0.0, 30.0, KMH))
        binned = SpeedHistogram(edges[0], KMH, tuple(counts.tolist()))
        assert binned.count == 500
        for percent in (15, 50, 85):
            exact = percentile(RANDOM, percent).value_mps
            assert percentile_from_bins(binned, percent).value_mps == pytest.approx(exact, abs=KMH)

    def test_the_pace_from_bins_by_hand(self) -> None:
        bins = SpeedHistogram(30 * KMH, 5 * KMH, (1, 5, 9, 8, 3))
        found = pace_from_bins(bins)
        assert found is not None
        assert (found.low_mps, found.count) == (pytest.approx(40 * KMH), pytest.approx(17))
        # 10 km/h over bins of 4: two whole ones and, of the third, half of its vehicles.
        bins = SpeedHistogram(40 * KMH, 4 * KMH, (2, 10, 8, 4))
        found = pace_from_bins(bins)
        assert found is not None
        assert (found.low_mps, found.count) == (pytest.approx(44 * KMH), pytest.approx(20))
        assert pace_from_bins(SpeedHistogram(0, 5 * KMH, ())) is None

    def test_over_the_limit_is_faster_than_it(self) -> None:
        bins = SpeedHistogram(40 * KMH, 10 * KMH, (2, 2))
        assert over_limit_percent_from_bins(bins, 50 * KMH) == pytest.approx(50)
        assert over_limit_percent_from_bins(bins, 55 * KMH) == pytest.approx(25)
        assert over_limit_percent_from_bins(SpeedHistogram(0, KMH, ()), 10) is None

    @pytest.mark.parametrize("bad", [[np.nan], [-1.0], [np.inf]])
    def test_what_is_no_speed_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="finite"):
            time_mean_mps(bad)
        with pytest.raises(ValueError, match="above 0"):
            space_mean_mps([0.0, 1.0])


class TestMix:
    def test_car_units_follow_the_table_and_name_what_it_leaves_out(self) -> None:
        found = car_units({"car": 10, "truck": 3, "motorcycle": 5, "tram": 2})
        assert found.value == pytest.approx(10 + 6 + 2)
        assert found.left_out == {"tram": 2}
        own = car_units({"truck": 3}, {**DEFAULT_PCU, "truck": 2.5})
        assert own.value == 7.5
        with pytest.raises(ValueError, match="truck"):
            car_units({}, {"truck": -1})

    def test_shares_add_up(self) -> None:
        assert class_shares_percent({"car": 3, "bus": 1}) == {"car": 75, "bus": 25}
        assert class_shares_percent({"car": 0}) == {}


class TestAgreement:
    def test_counts_by_hand(self) -> None:
        found = compare_counts([90, 0, 55, None, 7], [100, 10, 50, 30, 0])
        # |−10| + |−10| + |5| + |7| = 32 of 160; (10 + 100 + 10) / 3 = 40
        assert (found.wape_percent, found.mape_percent) == (20, 40)
        assert (found.bins, found.mape_bins, found.manual, found.automatic) == (4, 3, 160, 152)
        assert found.bias_percent == -5
        nothing = compare_counts([1], [0])
        assert (nothing.wape_percent, nothing.mape_percent) == (None, None)

    def test_geh_by_hand(self) -> None:
        # 2 · 100² / 2100 = 9.5238
        assert geh(1100, 1000) == pytest.approx(3.0861, abs=1e-4)
        assert geh(0, 0) == 0
        assert geh_of_counts(2200, 2000, 7200) == pytest.approx(geh(1100, 1000))

    def test_geh_of_less_than_an_hour_is_refused(self) -> None:
        with pytest.raises(ValueError, match="hour"):
            geh_of_counts(10, 12, 900)

    def test_the_confusion_matrix_begins_with_what_was_true_most_often(self) -> None:
        pairs = {("car", "car"): 5, ("car", "bus"): 1, ("bus", "bus"): 2, ("bus", "truck"): 3}
        classes, rows = confusion_matrix(pairs)
        assert classes == ["car", "bus", "truck"]
        assert rows == [[5, 1, 0], [0, 2, 3], [0, 0, 0]]

    def test_speeds_by_hand(self) -> None:
        measured = np.array([50, 54, 49, 103.1, 110]) * KMH
        reference = np.array([50, 50, 50, 100, 107]) * KMH
        found = compare_speeds(measured, reference)
        assert found is not None
        errors = np.array([0, 4, -1, 3.1, 3]) * KMH
        assert found.mean_absolute_mps == pytest.approx(statistics.fmean(np.abs(errors).tolist()))
        assert found.median_absolute_mps == pytest.approx(3 * KMH)
        assert found.bias_mps == pytest.approx(9.1 / 5 * KMH)
        assert found.p95_absolute_mps == pytest.approx((3.1 + 0.8 * 0.9) * KMH)
        # 4 > 3; at 100 km/h still ±3; 3 % of 107 is 3.21.
        assert found.within_percent == 60
        assert compare_speeds([], []) is None
        with pytest.raises(ValueError, match="pairs"):
            compare_speeds([1], [1, 2])
