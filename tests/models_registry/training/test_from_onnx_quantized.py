"""Int8 files as torch modules: the same rounding, gradients through it, new integers at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from models_registry.compression.capture import loaded, run
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context
from models_registry.training.extra import with_torch
from tests.models_registry.compression.nets import detector, pictures, weights
from tests.models_registry.training.rectangles import needs_torch

pytestmark = needs_torch


@pytest.fixture(scope="module")
def quantized() -> onnx.ModelProto:
    step = Int8(max_float_share=0.0, reduce_range="never", drift_limit=1.0)
    return step.apply(detector(), Context(pictures())).model


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def trained(torch: Any, net: Any, steps: int = 25) -> list[float]:
    """Damaged, then trained towards the float net's answers; the losses on the way."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in net.weights:
            weight.mul_(1 + 0.2 * torch.randn(weight.shape))
    feeds = [x["pictures"] for x in pictures(8, seed=9)]
    meant = [run(loaded(detector()), {"pictures": x})["output"] for x in feeds]
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(steps):
        found = net(torch.from_numpy(np.concatenate(feeds)))[0]
        loss = (found - torch.from_numpy(np.concatenate(meant))).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_it_rounds_as_the_runtime_rounds(torch: Any, quantized: onnx.ModelProto) -> None:
    net = with_torch("from_onnx").GraphNet(quantized)
    assert net.quantized
    for feeds in pictures(4, seed=7):
        expected = run(loaded(quantized), feeds)["output"]
        found = net(torch.from_numpy(feeds["pictures"]))[0].detach().numpy()
        # A step now and then falls to the other side, where sums differ in their last bits.
        assert np.abs(found - expected).mean() < 0.01 * np.abs(expected).mean()


@pytest.mark.parametrize("learn_scales", [False, True])
def test_untrained_the_file_keeps_its_numbers(
    quantized: onnx.ModelProto, learn_scales: bool
) -> None:
    net = with_torch("from_onnx").GraphNet(quantized, learn_scales=learn_scales)
    old, new = weights(quantized), weights(net.model())
    assert old.keys() == new.keys()
    for name, values in old.items():
        assert values.dtype == new[name].dtype
        if values.dtype == np.float32:
            np.testing.assert_allclose(new[name], values, rtol=1e-5)
        else:
            assert np.abs(values.astype(int) - new[name]).max(initial=0) <= (
                values.dtype == np.int32
            )


@pytest.mark.parametrize("learn_scales", [False, True])
def test_it_learns_through_the_rounding(
    torch: Any, quantized: onnx.ModelProto, learn_scales: bool
) -> None:
    net = with_torch("from_onnx").GraphNet(quantized, learn_scales=learn_scales)
    losses = trained(torch, net)
    assert losses[-1] < 0.5 * losses[0]
    learnt = net.model()
    old, new = weights(quantized), weights(learnt)
    assert any(
        values.dtype == np.int8 and not np.array_equal(values, new[name])
        for name, values in old.items()
    )
    scales = [name for name in old if old[name].dtype == np.float32 and "scale" in name]
    moved = [name for name in scales if not np.allclose(old[name], new[name], rtol=1e-5)]
    assert bool(moved) == learn_scales
    feeds = pictures(1, seed=9)[0]
    expected = run(loaded(learnt), feeds)["output"]
    found = net(torch.from_numpy(feeds["pictures"]))[0].detach().numpy()
    assert np.abs(found - expected).mean() < 0.01 * np.abs(expected).mean()


def test_a_bias_counts_in_steps_of_input_and_weight(torch: Any, quantized: onnx.ModelProto) -> None:
    """Whatever scale the file states for it, a runtime adds its integers to the products'."""
    net = with_torch("from_onnx").GraphNet(quantized)
    trained(torch, net, steps=5)
    learnt = net.model()
    values = weights(learnt)
    producer = {x.output[0]: x for x in learnt.graph.node}
    checked = 0
    for layer in learnt.graph.node:
        if layer.op_type == "Conv" and len(layer.input) == 3:
            data, weight, bias = (values[producer[x].input[1]] for x in layer.input)
            np.testing.assert_allclose(bias, data * weight, rtol=1e-6)
            checked += 1
    assert checked == 6


@pytest.mark.parametrize("reduced", [False, True])
def test_weights_of_seven_bits_stay_in_seven_bits(torch: Any, reduced: bool) -> None:
    step = Int8(max_float_share=0.0, reduce_range="always" if reduced else "never", drift_limit=1.0)
    net = with_torch("from_onnx").GraphNet(step.apply(detector(), Context(pictures(4))).model)
    with torch.no_grad():
        for weight in net.weights:
            weight.mul_(3)
    largest = max(
        int(np.abs(x.astype(int)).max())
        for x in weights(net.model()).values()
        if x.dtype == np.int8
    )
    assert largest == (64 if reduced else 127)


def test_the_gradient_of_a_step_is_lsqs(torch: Any) -> None:
    """Esser et al. 2020, equation 3: rounding error inside, the bound outside."""
    fake = with_torch("fake_quant")
    x = torch.tensor([0.26, -5.0, 9.0], requires_grad=True)
    scale = torch.tensor(0.5, requires_grad=True)
    gradients: list[NDArray[Any]] = []
    for at in range(3):
        found = fake.value(fake.levels(x, scale, torch.tensor(0.0), -4, 4), scale, 0.0)
        gradients.append(torch.autograd.grad(found[at], scale)[0].item())
    assert gradients == pytest.approx([round(0.52) - 0.52, -4, 4])
    found = fake.value(fake.levels(x, scale, torch.tensor(0.0), -4, 4), scale, 0.0)
    np.testing.assert_allclose(torch.autograd.grad(found.sum(), x)[0], [1, 0, 0])
