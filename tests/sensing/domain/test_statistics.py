"""Statistics against tables that can be worked out by hand, and against other implementations."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from scipy import stats

from sensing.domain.results import Visit
from sensing.domain.scoring import ScoredEvent
from sensing.domain.statistics.agreement import (
    compare_counts,
    compare_events,
    compare_speeds,
    confusion_matrix,
    geh,
    geh_of_counts,
    geh_share_percent,
)
from sensing.domain.statistics.bins import CountBin, fill_bins, merge_bins
from sensing.domain.statistics.flow import density_per_km, peak_hour
from sensing.domain.statistics.mix import DEFAULT_PCU, car_units, class_shares_percent
from sensing.domain.statistics.movements import Passage, movements
from sensing.domain.statistics.people import (
    Passing,
    Stay,
    dwell,
    occupancy,
    stays,
    without_turn_backs,
)
from sensing.domain.statistics.speeds import (
    SpeedHistogram,
    free_speeds,
    histogram_of,
    mean_with_error,
    over_limit_percent,
    over_limit_percent_from_bins,
    pace,
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
        found = [
            CountBin(0, 60, 60),
            CountBin(60, 60, 0, down_s=60),
            CountBin(120, 60, 0),
            CountBin(180, 60, 20, {"car": 2}, down_s=40),
        ]
        assert [b.coverage for b in found] == ["complete", "down", "unknown", "partial"]
        assert [b.total for b in found] == [0, None, None, 2]
        # Two cars in the twenty seconds observed.
        assert [b.flow_per_h for b in found] == [0, None, None, 360]

    def test_merging_adds_counts_and_coverage_and_invents_nothing(self) -> None:
        minutes = [CountBin(60.0 * k, 60, 60, {"car": k, "bus": 1}) for k in range(10)]
        first, second = merge_bins([m for m in minutes if m.start_s != 420], 300)
        assert first == CountBin(0, 300, 300, {"car": 10, "bus": 5})
        assert (second.total, second.observed_s, second.coverage) == (32, 240, "partial")
        apart = merge_bins([minutes[0], CountBin(900, 60, 60)], 300)
        assert [b.coverage for b in apart] == ["partial", "unknown", "unknown", "partial"]

    def test_missing_bins_of_a_period_are_unknown(self) -> None:
        period = fill_bins([CountBin(60, 60, 60)], 0, 180, 60)
        assert [b.coverage for b in period] == ["unknown", "complete", "unknown"]

    @pytest.mark.parametrize(
        ("width_s", "observed_s", "counts"),
        [(0, 0, {}), (60, 61, {}), (60, -1, {}), (60, 9, {"a": -1})],
    )
    def test_impossible_bins_are_refused(
        self, width_s: float, observed_s: float, counts: dict[str, float]
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            CountBin(0, width_s, observed_s, counts)
        with pytest.raises(ValueError, match="within"):
            merge_bins([CountBin(30, 60, 60)], 60)


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
        mean, error = mean_with_error(values)
        assert (mean, error) == pytest.approx((RANDOM.mean(), stats.sem(RANDOM)))

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
        binned = histogram_of(RANDOM, 1 * KMH)
        assert binned.count == 500
        for percent in (15, 50, 85):
            exact = percentile(RANDOM, percent).value_mps
            assert percentile_from_bins(binned, percent).value_mps == pytest.approx(exact, abs=KMH)

    def test_the_pace_holds_most(self) -> None:
        speeds = np.array([30, 41, 44, 45, 48, 50, 51, 52, 70]) * KMH
        found = pace(speeds)
        assert found is not None
        # 41 to 51 km/h and 44 to 54 hold six each: the slower band is named.
        assert found.low_mps == pytest.approx(41 * KMH)
        assert (found.count, found.share_percent) == (6, pytest.approx(600 / 9))
        most = max(np.sum((low <= speeds) & (speeds <= low + 10 * KMH)) for low in speeds)
        assert found.count == most

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
        assert pace([]) is None
        assert pace_from_bins(SpeedHistogram(0, 5 * KMH, ())) is None

    def test_over_the_limit_is_faster_than_it(self) -> None:
        assert over_limit_percent(np.array([40, 50, 51, 60]) * KMH, 50 * KMH) == 50
        bins = SpeedHistogram(40 * KMH, 10 * KMH, (2, 2))
        assert over_limit_percent_from_bins(bins, 50 * KMH) == pytest.approx(50)
        assert over_limit_percent_from_bins(bins, 55 * KMH) == pytest.approx(25)
        assert over_limit_percent([], 10) is None

    def test_free_speeds_are_of_those_who_follow_nobody(self) -> None:
        assert free_speeds([10, 11, 12, 13], [np.nan, 3.9, 4.0, 20]).tolist() == [12, 13]

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


class TestMovements:
    passages = (
        Passage(1, "north", "in", 10, "car"),
        Passage(1, "east", "out", 20, "car"),
        Passage(2, "east", "out", 31, "bus"),
        Passage(2, "north", "in", 21, "bus"),
        Passage(3, "south", "in", 5, "car"),
        Passage(4, "north", "in", 40, "car"),
        Passage(4, "middle", "out", 44, "car"),
        Passage(4, "south", "out", 50, "car"),
    )

    def test_each_trip_is_one_movement_from_first_to_last_line(self) -> None:
        found = movements(self.passages)
        assert found.gates == ([("north", "in")], [("east", "out"), ("south", "out")])
        assert found.matrix() == [[2, 1]]
        assert found.matrix("bus") == [[1, 0]]
        assert found.single == {("south", "in"): 1}

    def test_steps_count_every_pair(self) -> None:
        found = movements(self.passages, pairs="steps")
        assert sum(found.counts.values()) == 4
        assert found.counts[("middle", "out"), ("south", "out"), "car"] == 1

    def test_a_long_pause_begins_another_trip_and_a_turn_comes_back(self) -> None:
        way = [
            Passage(9, "north", "in", 0),
            Passage(9, "north", "out", 30),
            Passage(9, "east", "in", 900),
        ]
        found = movements(way)
        assert found.counts == {(("north", "in"), ("north", "out"), ""): 1}
        assert found.single == {("east", "in"): 1}


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
        assert geh_share_percent([1, 4.9, 5, 7]) == 50
        assert geh_share_percent([]) is None

    def test_geh_of_less_than_an_hour_is_refused(self) -> None:
        with pytest.raises(ValueError, match="hour"):
            geh_of_counts(10, 12, 900)

    def test_events_do_not_cancel_as_totals_do(self) -> None:
        truth = [ScoredEvent("a", "forward", t, "car") for t in (1, 5, 9, 13)]
        found = [
            ScoredEvent("a", "forward", t, c)
            for t, c in ((1.2, "car"), (5.1, "bus"), (20, "car"), (30, "car"))
        ]
        score = compare_events(found, truth, 0.5)
        assert score.found == score.truth == 4
        assert (score.matched, score.precision, score.recall, score.f1) == (2, 0.5, 0.5, 0.5)
        assert score.class_accuracy_percent == 50
        assert confusion_matrix(score.confusion) == (["bus", "car"], [[0, 0], [1, 1]])
        assert compare_events([], [], 1).class_accuracy_percent is None

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


class TestPeople:
    def test_occupancy_counts_on_and_shows_its_drift_at_the_reset(self) -> None:
        passings = [
            Passing(t, inward) for t, inward in ((10, True), (20, True), (30, False), (40, True))
        ]
        found = occupancy([*passings, Passing(110, False)], 0, initial=1, resets=[(100, 0)])
        assert found.times_s == (0, 10, 20, 30, 40, 100, 110)
        assert found.inside == (1, 2, 3, 2, 3, 0, -1)
        assert found.drifts == ((100, 3),)
        assert found.most == 3
        with pytest.raises(ValueError, match="from"):
            occupancy([Passing(-1, True)], 0)

    def test_who_turns_back_has_not_come(self) -> None:
        way = [
            Passing(0, True, 1), Passing(3, False, 1), Passing(1, True, 2), Passing(60, False, 2),
            Passing(2, True), Passing(2.5, False),
        ]  # fmt: skip
        kept = without_turn_backs(way, 10)
        assert [(p.time_s, p.track_id) for p in kept] == [(1, 2), (2, None), (2.5, None), (60, 2)]

    def test_footfall_knows_least_stays_and_returns(self) -> None:
        visits = [
            Visit("shop", 1, 0, "person", 0, 10),
            Visit("shop", 1, 1, "person", 15, 20),
            Visit("shop", 1, 2, "person", 100, 104),
            Visit("shop", 2, 0, "person", 5, 7),
            Visit("door", 2, 0, "person", 7, 12),
        ]
        found = stays(visits, least_stay_s=3, reentry_s=30)
        assert found == [
            Stay("shop", 1, 0, 20, 15),
            Stay("door", 2, 7, 12, 5),
            Stay("shop", 1, 100, 104, 4),
        ]
        assert len(stays(visits, least_stay_s=0)) == 5

    def test_dwell_is_the_middle_and_the_ninth_tenth(self) -> None:
        found = dwell([Stay("z", k, 0, t, t) for k, t in enumerate(range(1, 12))])
        assert (found.count, found.median_s, found.p90_s) == (11, 6, 10)
        deciles = statistics.quantiles(range(1, 12), n=10, method="inclusive")
        assert found.p90_s == deciles[8]
        assert dwell([]).median_s is None
