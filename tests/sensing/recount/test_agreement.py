from __future__ import annotations

import pytest

from sensing.domain.recounting import recount_agreement
from sensing.domain.scoring import ScoredEvent
from sensing.domain.statistics.agreement import f1_share, wilson


def events(*given: tuple[float, str, str]) -> list[ScoredEvent]:
    return [ScoredEvent("gate", direction, at, name) for at, direction, name in given]


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Newcombe 1998, table I, method 3 (Wilson's score without continuity correction).
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(hits: int, of: int, low: float, high: float) -> None:
    share = wilson(hits, of)
    assert (share.low, share.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_shares_of_nothing_claim_nothing() -> None:
    assert (wilson(0, 0).value, wilson(0, 0).low, wilson(0, 0).high) == (None, 0.0, 1.0)
    assert f1_share(0, 0, 0).value is None
    with pytest.raises(ValueError, match="expected"):
        wilson(3, 2)


def test_f1_lies_inside_its_interval_which_narrows_with_n() -> None:
    few, many = f1_share(9, 10, 10), f1_share(900, 1000, 1000)
    assert few.value == many.value == pytest.approx(0.9)
    assert few.low < 0.7 < many.low < 0.9 < many.high < few.high


def test_totals_that_agree_hide_errors_that_events_and_bins_show() -> None:
    # Counted once too often early and once too few late: 3 against 3.
    found = events((5, "forward", "car"), (8, "forward", "car"), (65, "forward", "truck"))
    truth = events((5, "forward", "car"), (65, "forward", "bus"), (110, "forward", "car"))
    result = recount_agreement(found, truth, lines=["gate"], spans=[(0.0, 120.0)])
    assert result.totals.wape_percent == 0.0
    assert result.counts.wape_percent == pytest.approx(100 * 2 / 3)  # |2-1| + |1-2| over 3
    total = result.total
    assert (total.matched, total.wrong, total.missed) == (2, 1, 1)
    assert total.precision.value == total.recall.value == total.f1.value == pytest.approx(2 / 3)
    assert result.confusion == {("car", "car"): 1, ("bus", "truck"): 1}
    assert result.class_accuracy.value == 0.5
    assert result.few
    assert result.geh == {}, "no GEH of less than an hour"


def test_what_happened_in_a_gap_is_in_no_figure() -> None:
    found = events((5, "forward", "car"), (50, "forward", "car"))
    result = recount_agreement(
        found, events((5, "forward", "car")), lines=["gate"], spans=[(0.0, 40.0), (60.0, 90.0)]
    )
    assert (result.total.automatic, result.total.manual, result.total.matched) == (1, 1, 1)


def test_geh_is_stated_from_an_observed_hour_on() -> None:
    found = events(*((n * 36.0, "forward", "car") for n in range(100)))
    truth = events(*((n * 36.0, "forward", "car") for n in range(80)))
    result = recount_agreement(found, truth, lines=["gate"], spans=[(0.0, 3600.0)])
    assert result.geh["gate", "forward"] == pytest.approx((2 * 20**2 / 180) ** 0.5)
    assert ("gate", "backward") not in result.geh
    assert result.bin_s == 300.0
    assert not result.few
