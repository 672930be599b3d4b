from __future__ import annotations

import pytest

from sensing.domain.scoring import (
    ScoredEvent,
    ScoredVisit,
    match_times,
    score_crossings,
    score_visits,
    total_score,
)


def event(
    time_s: float, direction: str = "forward", line: str = "a", kind: str = ""
) -> ScoredEvent:
    return ScoredEvent(line, direction, time_s, kind)


def test_events_match_on_line_direction_and_time() -> None:
    found = [event(1.0), event(5.0), event(9.0, "backward"), event(2.0, line="b")]
    truth = [event(1.2), event(7.0), event(9.0), event(2.0, line="b")]
    scores = score_crossings(found, truth, 0.5)
    assert (scores["a"].found, scores["a"].truth, scores["a"].matched) == (3, 3, 1)
    assert scores["a"].precision == scores["a"].recall == scores["a"].f1 == pytest.approx(1 / 3)
    assert scores["b"].f1 == 1.0
    assert [e.time_s for e in scores["a"].missed] == [7.0, 9.0]
    assert [e.time_s for e in scores["a"].surplus] == [5.0, 9.0]
    assert scores["a"].time_errors_s == pytest.approx((-0.2,))


def test_the_matching_is_the_largest_possible_not_the_nearest_first() -> None:
    # Nearest first would pair 1.0 with 1.1 and leave 0.5 and 1.6 without partners.
    pairs = match_times([0.5, 1.1], [1.0, 1.6], 0.5)
    assert sorted(pairs) == [(0, 0), (1, 1)]


def test_of_equally_large_matchings_the_one_with_the_least_error_wins() -> None:
    assert match_times([1.0, 1.3], [1.25], 0.5) == [(1, 0)]


def test_the_tolerance_is_inclusive_also_in_binary_fractions() -> None:
    assert len(match_times([0.1 + 0.2], [0.8], 0.5)) == 1
    assert match_times([0.0], [0.51], 0.5) == []


def test_a_day_of_events_is_matched() -> None:
    truth = [i * 2.0 for i in range(40_000)]
    assert len(match_times([t + 0.1 for t in truth], truth, 0.5)) == 40_000


def test_one_found_event_serves_one_true_event() -> None:
    score = score_crossings([event(1.0)], [event(0.9), event(1.1)], 0.5)["a"]
    assert (score.matched, score.precision, score.recall) == (1, 1.0, 0.5)


@pytest.mark.parametrize(
    ("found", "truth", "precision", "recall", "f1"),
    [([], [event(1)], 0.0, 0.0, 0.0), ([event(1)], [], 0.0, 0.0, 0.0)],
)
def test_nothing_found_or_nothing_true_scores_zero(
    found: list[ScoredEvent], truth: list[ScoredEvent], precision: float, recall: float, f1: float
) -> None:
    score = score_crossings(found, truth, 1.0)["a"]
    assert (score.precision, score.recall, score.f1) == (precision, recall, f1)


def test_two_empty_lists_agree() -> None:
    assert score_crossings([], [], 1.0) == {}
    assert total_score({}).f1 == 1.0


def test_classes_are_compared_where_both_are_known() -> None:
    found = [event(1, kind="car"), event(5, kind="truck"), event(9)]
    truth = [event(1, kind="car"), event(5, kind="car"), event(9, kind="bus")]
    score = score_crossings(found, truth, 0.5)["a"]
    assert dict(score.confusion) == {("car", "car"): 1, ("car", "truck"): 1}


def test_the_total_adds_the_lines() -> None:
    scores = score_crossings([event(1), event(2, line="b")], [event(1), event(9, line="b")], 0.5)
    total = total_score(scores)
    assert (total.found, total.truth, total.matched, total.f1) == (2, 2, 1, 0.5)


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
def test_a_bad_tolerance_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="expected a tolerance of at least 0 s"):
        score_crossings([], [], tolerance)


def test_visits_match_by_their_overlap_and_tell_how_well_their_ends_fit() -> None:
    truth = [ScoredVisit("z", 0, 10), ScoredVisit("z", 20, 30), ScoredVisit("z", 50, 60)]
    found = [ScoredVisit("z", 0.5, 10.5), ScoredVisit("z", 20, 26), ScoredVisit("z", 80, 90)]
    score = score_visits(found, truth, 1.0)["z"]
    assert (score.found, score.truth, score.matched, score.within_tolerance) == (3, 3, 2, 1)
    assert [v.enter_s for v in score.missed] == [50]
    assert [v.enter_s for v in score.surplus] == [80]
    assert score.f1 == pytest.approx(2 / 3)


def test_a_visit_cut_in_two_matches_once() -> None:
    score = score_visits(
        [ScoredVisit("z", 0, 6), ScoredVisit("z", 6, 10)], [ScoredVisit("z", 0, 10)], 1.0
    )["z"]
    assert (score.matched, score.precision, score.recall) == (1, 0.5, 1.0)
