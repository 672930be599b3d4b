"""The frequency stem: what its bands are, which of them gates keep, and what is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models_registry.inspection.macs import count_macs
from models_registry.runtime.session import Session
from models_registry.training.extra import with_torch
from models_registry.training.frequency import ALL_BANDS, COARSE, Band, band_weights
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import HEIGHT, WIDTH, needs_torch, recipe_document


def test_luminance_bands_are_the_cosine_transform_of_the_grey_block() -> None:
    block = np.random.default_rng(1).random((4, 4, 3)).astype(np.float32)
    found = np.einsum("bcyx,yxc->b", band_weights(ALL_BANDS), block)
    grey = block @ np.array([0.299, 0.587, 0.114], np.float32)
    expected = cv2.dct(grey)
    for band, value in zip(ALL_BANDS, found, strict=True):
        if band.plane == "Y":
            assert value == pytest.approx(expected[band.down, band.across], abs=1e-5), band


def test_grey_has_no_colour_and_flat_blocks_only_their_mean() -> None:
    found = np.einsum("bcyx,yxc->b", band_weights(ALL_BANDS), np.full((4, 4, 3), 0.5, np.float32))
    assert found[0] == pytest.approx(4 * 0.5)
    np.testing.assert_allclose(found[1:], 0, atol=1e-6)


def test_bands_begin_with_the_coarse_ones_and_name_each_once() -> None:
    assert ALL_BANDS[:3] == (Band("Y"), Band("Y", 0, 1), Band("Y", 1, 0))
    assert len({x.name for x in ALL_BANDS}) == 18
    assert set(COARSE) <= set(ALL_BANDS)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@needs_torch
def test_gates_shut_bands_that_tell_nothing(torch: Any) -> None:
    gates_of, generator = with_torch("frequency_gates"), torch.manual_seed(0)
    gates = gates_of.BandGates(4)
    weights = torch.nn.Parameter(torch.ones(4))
    learns = torch.optim.Adam([*gates.parameters(), weights], lr=0.02)
    for _ in range(300):
        x = torch.randn(64, 4, 1, 1, generator=generator)
        meant = x[:, 0, 0, 0] * 2  # only the first band is worth anything
        told = (gates(x)[:, :, 0, 0] * weights).sum(1)
        loss = ((told - meant) ** 2).mean() + 0.3 * gates_of.open_share(gates)
        learns.zero_grad()
        loss.backward()
        learns.step()
    factors = gates.eval().factors.tolist()
    assert factors[0] == pytest.approx(1.0, abs=0.1)
    assert factors[1:] == [0.0, 0.0, 0.0]


@needs_torch
def test_a_net_without_gates_pays_nothing(torch: Any) -> None:
    assert with_torch("frequency_gates").open_share(torch.nn.Conv2d(3, 3, 1)) == 0.0


@needs_torch
def test_what_is_exported_has_no_gates_and_only_the_bands_they_keep(torch: Any) -> None:
    stems = with_torch("stems")
    stem = stems.STEMS["gated_bands"](8)
    for _ in range(3):
        stem(torch.rand(4, 3, 16, 16))  # its normalisations have seen pictures
    with torch.no_grad():
        stem.gates.place[5:] = -1.0
        stem.gates.place[:5] = torch.tensor([1.0, 0.05, 0.0, 0.02, 1.0])
    stem.eval()
    settled, x = stem.settled(), torch.rand(2, 3, 16, 16)
    assert stem.kept == [0, 1, 2, 3, 4]
    # Three empty ones fill up: ONNX Runtime shuffles channels by fours or not at all.
    assert settled.analysis.out_channels == settled.mix[0].weight.shape[1] == 8
    assert not settled.analysis.weight[5:].any()
    torch.testing.assert_close(settled(x), stem(x))
    model = with_torch("onnx_graph").to_onnx(settled, (2, 3, 16, 16), (2, 8, 4, 4))
    assert [x.op_type for x in model.graph.node] == ["Conv", "Conv", "Relu", "Identity"]
    assert count_macs(model) == 2 * 16 * (8 * 48 + 8 * 8)
    (given,) = Session(model.SerializeToString()).run({"images": x.numpy()})
    np.testing.assert_allclose(given, stem(x).detach().numpy(), rtol=1e-3, atol=1e-4)


@needs_torch
def test_the_strongest_band_stays_where_all_gates_are_shut(torch: Any) -> None:
    stem = with_torch("stems").STEMS["gated_bands"](8).eval()
    with torch.no_grad():
        stem.gates.place[:] = -1.0
        stem.gates.place[7] = -0.9
    assert stem.kept == [7]


@needs_torch
@pytest.mark.parametrize("word", ["downscaled", "bands", "gated_bands"])
def test_a_detector_behind_bands_answers_for_the_same_cells(
    torch: Any, word: str, tmp_path: Path
) -> None:
    document = recipe_document()
    document["network"]["stem"] = word
    recipe = read_recipe(document)
    torch.manual_seed(3)
    net = with_torch("network").DetectorNet(recipe.network, 2)
    plain = with_torch("network").DetectorNet(read_recipe(recipe_document()).network, 2)
    for _ in range(3):
        shape = net(torch.rand(4, 3, HEIGHT, WIDTH)).shape
    assert shape == plain(torch.rand(4, 3, HEIGHT, WIDTH)).shape
    pixels = torch.randint(0, 256, (1, 3, HEIGHT, WIDTH)).float()
    with torch.no_grad():
        answer = net.eval()(pixels / 255)
    export, path = with_torch("export"), tmp_path / "net.onnx"
    export.export(net, recipe, path, {})
    (given,) = Session(path.read_bytes()).run({"images": pixels.numpy()})
    np.testing.assert_allclose(given[0, 4:], answer[0, 4:].sigmoid().numpy(), rtol=1e-3, atol=1e-4)
    with_torch("export").export(plain.eval(), read_recipe(recipe_document()), path, {})
    first = numpy_helper.to_array(onnx.load(path).graph.initializer[0])
    assert first.shape[2:] == (3, 3)  # and the plain stem is what it was


@needs_torch
def test_a_detector_behind_gated_bands_learns_and_pays_for_open_gates(
    torch: Any, tmp_path: Path
) -> None:
    trainers = with_torch("trainer")
    document = recipe_document(steps=3)
    document["network"]["stem"] = "gated_bands"
    trainer = trainers.Trainer(read_recipe(document), tmp_path, lambda net, step: [], print)
    before = trainer.net.stem.gates.place.detach().clone()
    pixels = np.random.default_rng(0).integers(0, 255, (2, 3, HEIGHT, WIDTH), np.uint8)
    empty = [np.zeros((0, n), np.float32) for n in (7, 6)]
    batch = with_torch("batches").Batch(pixels, *empty, np.ones((2, 2), np.bool_))
    trainer._learn(batch)
    assert not torch.equal(trainer.net.stem.gates.place, before)
    assert not trainer.net.stem.analysis.weight.requires_grad
