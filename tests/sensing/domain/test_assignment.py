"""The assignment is scipy's own, found without importing scipy.optimize."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize

from sensing.domain.assignment import (
    compiled_assignment,
    documented_assignment,
    linear_sum_assignment,
)
from tests.shared_data import ROOT


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 2), (30, 30), (0, 4)])
def test_it_assigns_as_scipy_documents(shape: tuple[int, int]) -> None:
    cost = np.random.default_rng(5).random(shape)
    for assign in (linear_sum_assignment, documented_assignment()):
        rows, columns = assign(cost)
        expected = optimize.linear_sum_assignment(cost)
        np.testing.assert_array_equal((rows, columns), expected)


def test_this_scipy_has_it_where_it_is_looked_for() -> None:
    assert compiled_assignment() is not None


def test_a_cameras_process_does_not_import_all_of_scipy_optimize() -> None:
    code = "import sys, sensing.worker.child; print('scipy.optimize' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
