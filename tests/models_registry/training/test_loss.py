from __future__ import annotations

from typing import Any

import pytest

from models_registry.training.extra import with_torch
from models_registry.training.labelled import ANY_CLASS
from models_registry.training.recipe import LossRecipe
from tests.models_registry.training.rectangles import needs_torch

pytestmark = needs_torch
WIDTH, HEIGHT, STRIDES = 64, 32, (8, 16)
CELLS = 8 * 4 + 4 * 2


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def gradient(
    torch: Any, rows: list[list[float]], ignored: list[list[float]], labelled: list[list[bool]]
) -> Any:
    """Of the class logits (B, C, N), all of which say .5."""
    loss = with_torch("loss")
    answer = torch.zeros(len(labelled), 4 + len(labelled[0]), CELLS, requires_grad=True)
    truth = loss.Truth(
        torch.tensor(rows, dtype=torch.float32).reshape(-1, 7),
        torch.tensor(ignored, dtype=torch.float32).reshape(-1, 6),
        torch.tensor(labelled),
    )
    loss.DetectionLoss(LossRecipe(), STRIDES)(answer, WIDTH, HEIGHT, truth).total.backward()
    return answer.grad[:, 4:]


def test_a_class_that_nobody_labelled_is_not_pushed_down(torch: Any) -> None:
    slope = gradient(torch, [], [], [[True, False], [False, True]])
    assert (slope[0, 0] > 0).all()
    assert (slope[0, 1] == 0).all()
    assert (slope[1, 0] == 0).all()
    assert (slope[1, 1] > 0).all()


def test_an_object_counts_even_where_its_class_is_not_labelled_throughout(torch: Any) -> None:
    slope = gradient(torch, [[0, 1, 8, 8, 24, 24, 1.0]], [], [[True, False]])
    assert (slope[0, 1] != 0).any()
    assert (slope[0, 1] != 0).sum() < 12  # the cells that answer for it, no others


def test_nothing_is_learnt_in_a_region_that_counts_neither_way(torch: Any) -> None:
    left = [0.0, 0.0, 32.0, 32.0]
    slope = gradient(torch, [], [[0, 1, *left], [1, ANY_CLASS, *left]], [[True, True]] * 2)
    centres = with_torch("network").cells_of(WIDTH, HEIGHT, STRIDES).centres
    inside = centres[0] < 32
    assert (slope[0, 0] > 0).all()
    assert (slope[0, 1, inside] == 0).all()
    assert (slope[0, 1, ~inside] > 0).all()
    assert (slope[1, :, inside] == 0).all()
    assert (slope[1, :, ~inside] > 0).all()


def test_a_teacher_in_doubt_asks_for_less(torch: Any) -> None:
    loss = with_torch("loss")
    cells = with_torch("network").cells_of(WIDTH, HEIGHT, STRIDES)
    box = torch.tensor([[8.0, 8, 24, 24]])

    def best_logit(score: float) -> float:
        """Where a logit comes to rest that may only say how sure it is."""
        logits = torch.zeros(1, 1, CELLS, requires_grad=True)
        optimiser = torch.optim.Adam([logits], lr=0.2)
        reach = torch.cat(
            [cells.centres - box[0, :2, None], box[0, 2:, None] - cells.centres]
        ).clamp(min=0.5)
        sides = (reach / cells.strides).log()[None]
        truth = loss.Truth(
            torch.tensor([[0.0, 0, *box[0].tolist(), score]]),
            torch.zeros(0, 6),
            torch.tensor([[True]]),
        )
        for _ in range(60):
            optimiser.zero_grad()
            answer = torch.cat([sides, logits], 1)
            loss.DetectionLoss(LossRecipe(), STRIDES)(answer, WIDTH, HEIGHT, truth).total.backward()
            optimiser.step()
        return float(logits.detach().max().sigmoid())

    assert best_logit(1.0) > 0.9
    assert best_logit(0.5) == pytest.approx(0.5, abs=0.08)


def test_every_object_gets_a_cell_however_small(torch: Any) -> None:
    assign = with_torch("assignment").assign
    cells = with_torch("network").cells_of(WIDTH, HEIGHT, STRIDES)
    rows = torch.tensor(
        [[0.0, 0, 3, 3, 5, 5, 1], [0, 0, 40, 10, 42, 13, 1], [1, 1, 0, 0, 64, 32, 1]]
    )
    corners = torch.zeros(2, CELLS, 4)
    given = assign(torch.full((2, 2, CELLS), 0.01), corners, rows, cells, LossRecipe())
    assert sorted(set(given.row.tolist())) == [0, 1, 2]
    assert given.picture.tolist() == rows[given.row, 0].tolist()


def test_no_cell_answers_for_two_objects(torch: Any) -> None:
    assign = with_torch("assignment").assign
    cells = with_torch("network").cells_of(WIDTH, HEIGHT, STRIDES)
    rows = torch.tensor([[0.0, 0, 8, 8, 24, 24, 1], [0, 1, 10, 8, 26, 24, 1]])
    reach = 8.0
    corners = torch.cat([cells.centres - reach, cells.centres + reach]).T[None]
    given = assign(torch.full((1, 2, CELLS), 0.5), corners, rows, cells, LossRecipe())
    assert len(set(given.cell.tolist())) == len(given.cell)
    assert set(given.row.tolist()) == {0, 1}
    assert float(given.quality.max()) > 0.4


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (20, 0, 30, 10), -1 / 3),
    ],
)
def test_generalised_iou(
    torch: Any, one: tuple[int, ...], other: tuple[int, ...], expected: float
) -> None:
    found = with_torch("loss").generalised_iou(
        torch.tensor([one], dtype=torch.float32), torch.tensor([other], dtype=torch.float32)
    )
    assert float(found) == pytest.approx(expected, abs=1e-5)
