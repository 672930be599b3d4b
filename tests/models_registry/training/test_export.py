from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from models_registry.runtime.detector import load_detector
from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe import Recipe
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import HEIGHT, WIDTH, needs_torch, recipe_document

pytestmark = needs_torch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe(recipe_document())


@pytest.fixture
def net(torch: Any, recipe: Recipe) -> Any:
    """Its normalisations have seen pictures, so that folding them away must change nothing."""
    torch.manual_seed(3)
    net = with_torch("network").DetectorNet(recipe.network, 2)
    for _ in range(3):
        net(torch.rand(4, 3, HEIGHT, WIDTH))
    with torch.no_grad():
        for head in net.heads:
            head.kinds.bias += 4.0  # scores worth reading
    return net.eval()


def test_the_file_gives_the_boxes_that_torch_gives(
    torch: Any, net: Any, recipe: Recipe, tmp_path: Path
) -> None:
    export = with_torch("export")
    path = tmp_path / "net.onnx"
    export.export(net, recipe, path, {"recipe": "test"})
    frame = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels = np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1))[None].astype(np.float32)
    (given,) = Session(path.read_bytes()).run({"images": pixels})
    with torch.no_grad():
        answer = net(torch.from_numpy(pixels / 255))
    network = with_torch("network")
    cells = network.cells_of(WIDTH, HEIGHT, recipe.network.strides)
    corners = network.corners_of(answer[:, :4], cells)[0].numpy()
    x, y, wide, high = given[0, :4]
    shown = np.stack([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], 1)
    np.testing.assert_allclose(shown, corners, rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(given[0, 4:], answer[0, 4:].sigmoid().numpy(), rtol=1e-3, atol=1e-4)
    # And through the whole runtime: the strongest box, cut at the picture's edges.
    found = load_detector(path).detect(frame, 0.0)
    best = int(given[0, 4:].max(axis=0).argmax())
    expected = np.clip(corners[best], 0, [WIDTH, HEIGHT] * 2)
    np.testing.assert_allclose(found.xyxy[0], expected, rtol=1e-3, atol=0.01)
    assert found.confidence[0] == pytest.approx(float(given[0, 4:].max()), abs=1e-4)


def test_the_graph_is_plain(net: Any, recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with_torch("export").export(net, recipe, path, {})
    model = onnx.load(path)
    kinds = {node.op_type for node in model.graph.node}
    assert "BatchNormalization" not in kinds
    assert {"Conv", "Relu", "Resize"} <= kinds
    assert model.opset_import[0].version >= 13


def test_the_file_tells_its_contract_by_itself(torch: Any, tmp_path: Path) -> None:
    """Whoever uploads the file alone gets the same reading of it."""
    document = recipe_document()
    document["network"]["strides"] = [8, 16, 32]
    recipe, path = read_recipe(document), tmp_path / "net.onnx"
    net = with_torch("network").DetectorNet(recipe.network, 2).eval()
    contract = with_torch("export").export(net, recipe, path, {})
    path.with_suffix(".json").unlink()
    seen = load_detector(path).contract
    for field in ("layout", "input_width", "input_height", "labels", "colour_order", "scale"):
        assert getattr(seen, field) == getattr(contract, field), field


def test_an_operation_without_an_onnx_counterpart_here_is_told(torch: Any) -> None:
    class Strange(torch.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return x.cumsum(1)

    with pytest.raises(TrainingFailed, match="cumsum"):
        with_torch("onnx_graph").to_onnx(Strange(), (1, 3, 8, 8), (1, 3, 8, 8))
