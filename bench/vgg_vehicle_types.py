"""Trains the VGG16-shaped classifier on which packing is measured (needs torch: the extra `train`).

    python -m bench.vgg_vehicle_types OUT_FOLDER [--minutes 15] [--prune 0.8 --tune-minutes 4]

13 convolutions and 3 fully connected layers of 4096 as in VGG16, batch normalisation added,
33.6 M parameters. Pictures of 32×32, which one core can learn from in a quarter of an hour; at
64×64 it sees too few. Pictures 0–639 of each class train, 640–799 (the last fifth, so that
neighbours in time do not straddle the split) are held out. Writes ``vgg.onnx``, with ``--prune``
also ``vgg_pruned.onnx``: the smallest weights set to zero, the others trained on for a while.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from bench.provenance import print_provenance
from bench.vehicle_types import CLASSES, SIDE_PX, pictures

PLAN = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
HIDDEN = 4096
BATCH = 32  # few epochs fit into the time: many small steps learn more than few large ones


class Vgg(nn.Module):
    """VGG16 with batch normalisation, every layer ``width`` times as wide; a picture ends as one
    point of 512 channels."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for planned in PLAN:
            if planned == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            wide = round(planned * width)
            layers += [nn.Conv2d(channels, wide, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(wide), nn.ReLU(inplace=True)]
            channels = wide
        self.features = nn.Sequential(*layers)
        hidden = round(HIDDEN * width)
        sizes = ((channels, hidden), (hidden, hidden), (hidden, len(CLASSES)))
        self.dense = nn.ModuleList(nn.Linear(*pair) for pair in sizes)
        self.drop = nn.Dropout(0.3)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.dense[-1].weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x).flatten(1)
        for layer in self.dense[:-1]:
            x = self.drop(torch.relu(layer(x)))
        return self.dense[-1](x)


def for_minutes(minutes: float) -> Callable[[int], float]:
    """The share of a training that is over, by the clock."""
    began = time.monotonic()
    return lambda step: (time.monotonic() - began) / (60 * minutes)


def train(net: Vgg, spent: Callable[[int], float], rate: float, seed: int) -> None:
    """Until ``spent`` (of a step's number) is 1. Weights that are exactly zero in a pruned net stay
    zero. In bfloat16, which has no say in what the file computes."""
    x, y = (torch.from_numpy(a) for a in pictures(held_out=False))
    masks = [(w, (w != 0).float()) for w in net.parameters() if (w == 0).float().mean() > 0.1]
    draws = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9, weight_decay=5e-4)
    shown, step = 0.0, 0
    net.train()
    while (share := spent(step)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, share / 0.03 + 0.05) * (1 + np.cos(np.pi * share)) / 2
        batch = torch.randint(len(x), (BATCH,), generator=draws)
        with torch.autocast("cpu", torch.bfloat16):
            answers = net(augmented(x[batch], draws))
        loss = nn.functional.cross_entropy(answers.float(), y[batch], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        with torch.no_grad():
            for weight, mask in masks:
                weight.mul_(mask)
        step += 1
        if share - shown > 0.05:
            shown = share
            print(f"{share:4.0%}  {step * BATCH} pictures seen, loss {loss.item():.3f}", flush=True)


def augmented(x: Tensor, draws: torch.Generator) -> Tensor:
    """Mirrored by chance, shifted by up to 2 pixels, brightness changed a little."""
    flip = torch.rand(len(x), generator=draws) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dy, dx = (int(v) for v in torch.randint(-2, 3, (2,), generator=draws))
    return torch.roll(x, (dy, dx), (2, 3)) + 0.2 * torch.randn(len(x), 1, 1, 1, generator=draws)


def held_out_accuracy(net: Vgg) -> float:
    x, y = (torch.from_numpy(a) for a in pictures(held_out=True))
    net.eval()
    with torch.no_grad():
        answers = torch.cat([net(part).argmax(1) for part in x.split(BATCH)])
    return float((answers == y).float().mean())


def prune(net: Vgg, share: float) -> None:
    """Sets the smallest ``share`` of each large layer's weights to zero."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > 10_000:
            magnitudes = module.weight.detach().abs()
            limit = magnitudes.flatten().kthvalue(int(share * magnitudes.numel()))[0]
            with torch.no_grad():
                module.weight *= magnitudes > limit


def to_onnx(net: Vgg, accuracy: float) -> onnx.ModelProto:
    """The net with its batch normalisation folded into the convolutions."""
    nodes, constants = [], []
    at, index = "pictures", 0

    def add(kind: str, *weights: NDArray[np.float32], **attributes: object) -> None:
        nonlocal at, index
        index += 1
        names = [f"{kind.lower()}_{index}.{role}" for role in ("weight", "bias")[: len(weights)]]
        constants.extend(map(numpy_helper.from_array, weights, names))
        result = f"at_{index}"
        nodes.append(
            helper.make_node(kind, [at, *names], [result], f"{kind}_{index}", **attributes)
        )
        at = result

    layers = list(net.features)
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            gain = after.weight / (after.running_var + after.eps).sqrt()
            bias = after.bias - after.running_mean * gain
            add("Conv", array(layer.weight * gain[:, None, None, None]), array(bias), pads=[1] * 4)
        elif isinstance(layer, nn.ReLU):
            add("Relu")
        elif isinstance(layer, nn.MaxPool2d):
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    add("Flatten")
    for number, layer in enumerate(net.dense):
        add("Gemm", array(layer.weight), array(layer.bias), transB=1)
        if number < len(net.dense) - 1:
            add("Relu")
    nodes[-1].output[0] = "logits"
    shape = ["N", 3, SIDE_PX, SIDE_PX]
    inputs = [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(CLASSES)])]
    graph = helper.make_graph(nodes, "vgg16_shaped", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"held_out_accuracy": f"{accuracy:.4f}"})
    onnx.checker.check_model(model)
    return model


def array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().numpy().astype(np.float32)


def main() -> None:
    options = read_options()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    print_provenance()
    options.out.mkdir(parents=True, exist_ok=True)
    net = Vgg().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters")
    checkpoint = options.out / "vgg.pt"
    if checkpoint.is_file():
        net.load_state_dict(torch.load(checkpoint))
    else:
        train(net, for_minutes(options.minutes), 0.01, options.seed)
        torch.save(net.state_dict(), checkpoint)
    save(net, options.out / "vgg.onnx")
    if options.prune:
        prune(net, options.prune)
        print(f"pruned {options.prune:.0%}, not tuned: {held_out_accuracy(net):.4f}")
        train(net, for_minutes(options.tune_minutes), 0.003, options.seed + 1)
        save(net, options.out / "vgg_pruned.onnx")


def save(net: Vgg, path: Path) -> None:
    accuracy = held_out_accuracy(net)
    onnx.save(to_onnx(net, accuracy), str(path))
    print(f"{path.name}: {path.stat().st_size:,} bytes, held-out accuracy {accuracy:.4f}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--prune", type=float, default=0.0)
    parser.add_argument("--tune-minutes", type=float, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
