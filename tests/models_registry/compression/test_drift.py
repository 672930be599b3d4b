from __future__ import annotations

import numpy as np
import pytest

from models_registry.compression.drift import Comparison
from models_registry.compression.step import StepFailed


def compared(parent: object, child: object) -> Comparison:
    comparison = Comparison(["o"])
    comparison.add({"o": np.asarray(parent, float)}, {"o": np.asarray(child, float)})
    return comparison


@pytest.mark.parametrize(
    ("parent", "child", "relative", "max_abs", "cosine"),
    [
        ([3, 4], [3, 4], 0, 0, 1),
        ([3, 4], [0, 0], 1, 4, 0),
        ([3, 4], [-3, -4], 2, 8, -1),
        ([3, 4], [6, 8], 1, 4, 1),
        ([0, 0], [0, 0], 0, 0, 1),
        ([np.inf, 4], [np.inf, 3], 0.25, 1, 1),
    ],
)
def test_drift_by_hand(
    parent: list[float], child: list[float], relative: float, max_abs: float, cosine: float
) -> None:
    (found,) = compared(parent, child).result().outputs
    assert (found.relative, found.max_abs, found.cosine) == pytest.approx(
        (relative, max_abs, cosine)
    )


def test_runs_add_up_to_one_norm() -> None:
    comparison = compared([3, 0], [3, 1])
    comparison.add({"o": np.array([4.0])}, {"o": np.array([4.0])})
    assert comparison.result().relative == pytest.approx(1 / 5)


def test_lists_of_another_length_cannot_be_compared() -> None:
    drift = compared([1, 2, 3], [1, 2]).result()
    assert drift.relative is None
    assert drift.as_json()["outputs"] == [
        {"output": "o", "relative": None, "max_abs": None, "cosine": None}
    ]


@pytest.mark.parametrize("child", [[1.0, np.nan], [1.0, np.inf]])
def test_a_child_that_is_not_finite_is_broken(child: list[float]) -> None:
    with pytest.raises(StepFailed) as refusal:
        compared([1.0, 2.0], child)
    assert refusal.value.code == "result_broken"
