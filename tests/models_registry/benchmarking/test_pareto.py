"""The Pareto front and the best trade-off, in cases that fit on a napkin."""

from __future__ import annotations

import pytest

from models_registry.benchmarking.pareto import Candidate, best_trade_off, pareto_front


def of(name: str, accuracy: float | None, ms: float | None, size: float | None = 1e6) -> Candidate:
    return Candidate(name, accuracy, ms, size)


FULL = of("full", 0.80, 40, 8e6)
SMALL = of("small", 0.78, 10, 4e6)
TINY = of("tiny", 0.30, 5, 1e6)
POOR = of("poor", 0.60, 20, 6e6)  # slower, larger and worse than small
COMPACT = of("compact", 0.70, 50, 2e6)  # slow, but small for what it finds

FRONTS = {
    "by latency": ([FULL, SMALL, TINY, POOR, COMPACT], ("latency_ms",), ["tiny", "small", "full"]),
    "by size": (
        [FULL, SMALL, TINY, POOR, COMPACT],
        ("size_bytes",),
        ["tiny", "compact", "small", "full"],
    ),
    "by both": (
        [FULL, SMALL, TINY, POOR, COMPACT],
        ("latency_ms", "size_bytes"),
        ["tiny", "small", "full", "compact"],
    ),
    "one": ([POOR], ("latency_ms",), ["poor"]),
    "none": ([], ("latency_ms",), []),
    "equal ones stay": ([SMALL, of("twin", 0.78, 10)], ("latency_ms",), ["small", "twin"]),
    "equal accuracy, one faster": ([SMALL, of("slow", 0.78, 11)], ("latency_ms",), ["small"]),
    "equal latency, one better": ([SMALL, of("worse", 0.77, 10)], ("latency_ms",), ["small"]),
    "not measured": ([SMALL, of("x", None, 1), of("y", 0.9, None)], ("latency_ms",), ["small"]),
    "no number": ([SMALL, of("x", float("nan"), 1)], ("latency_ms",), ["small"]),
}


@pytest.mark.parametrize(("candidates", "costs", "front"), FRONTS.values(), ids=FRONTS)
def test_the_front_holds_those_that_none_beats(
    candidates: list[Candidate], costs: tuple[str, ...], front: list[str]
) -> None:
    assert [x.name for x in pareto_front(candidates, costs)] == front


def test_the_best_trade_off_is_the_cheapest_that_keeps_nearly_all_accuracy() -> None:
    result = best_trade_off([FULL, SMALL, TINY, POOR, of("unmeasured", None, 1)])
    assert result is not None
    assert result.best == "small"
    assert result.front == ("tiny", "small", "full")
    assert result.not_compared == ("unmeasured",)
    assert result.words == (
        "small gives 0.780 instead of 0.800 of accuracy of full,"
        " at 25% of the latency (10 instead of 40 ms)."
    )


def test_both_costs_are_explained() -> None:
    result = best_trade_off([FULL, SMALL, TINY], ("latency_ms", "size_bytes"))
    assert result is not None
    assert "25% of the latency (10 instead of 40 ms)" in result.words
    assert "50% of the size (4 instead of 8 MB)" in result.words


def test_accuracy_is_not_given_away_for_speed() -> None:
    result = best_trade_off([FULL, TINY])
    assert result is not None
    assert result.best == "full"
    assert result.words == (
        "full is the most accurate (0.800), and nothing cheaper keeps 95% of that."
    )


def test_a_single_winner_needs_no_trade_off() -> None:
    result = best_trade_off([SMALL, POOR])
    assert result is not None
    assert result.words == "small is the best in every figure compared."


def test_without_figures_nothing_is_named() -> None:
    assert best_trade_off([of("x", None, None)]) is None
