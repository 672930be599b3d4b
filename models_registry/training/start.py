"""A training that begins with the weights of an exported file instead of chance.

Export folds the normalisations away. They come back here so that the net does what the file does,
and in training, where they follow the batch, nearly so: a pass over some batches tells each what it
will see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from models_registry.training.batches import Batches
from models_registry.training.errors import TrainingFailed
from models_registry.training.export import write
from models_registry.training.finite import no_number_in
from models_registry.training.layers import Block
from models_registry.training.network import DetectorNet
from models_registry.training.places import check_apart
from models_registry.training.recipe import Recipe

BATCHES = 4
PREFIX = "net."  # where the net lies in what is exported
BYTE = 255.0
LITTLE = 0.1  # scale of what a new block adds; at 0 it would never learn


def started(recipe: Recipe, data: Path, target: Path) -> tuple[DetectorNet, set[nn.Module]]:
    """The recipe's network with the weights of its ``network.start`` (relative to ``data``), and
    the layers that the file lacks; ``see`` is to follow. ``target``: the file that is to be made.

    Raises ``TrainingFailed``: ``start_unusable`` for a file of another network, ``output_exists``
    where it would be overwritten.
    """
    assert recipe.network.start is not None
    path = data / recipe.network.start
    check_apart(target, path)
    net = DetectorNet(recipe.network, len(recipe.classes))
    new = take_weights(net, constants_of(path), path.name)
    if new and recipe.network.start_share:
        raise unusable(path.name, "every block of the network, to be mixed in at the end", "fewer")
    return net, new


def see(net: DetectorNet, batches: Batches, new: Collection[nn.Module]) -> None:
    """Tells each normalisation but the ``new`` what pictures it will see."""
    count = min(BATCHES, len(batches))
    pictures = (torch.from_numpy(batches[at].pixels).float() / BYTE for at in range(count))
    calibrate(net, pictures, new)


def take_weights(
    net: DetectorNet, constants: dict[str, NDArray[np.float32]], name: str
) -> set[nn.Module]:
    """Weights by their names in an exported graph; normalisations add the bias and do no more.

    The layers of blocks that the graph lacks are returned; they begin with saying little.
    """
    new = _lacking(net, constants)
    norms = dict(_normalised(net))
    if any(isinstance(x, nn.BatchNorm2d) and x not in norms.values() for x in net.modules()):
        raise unusable(name, "a network whose normalisations each follow a convolution", "a stem")
    first = next(x for x in net.modules() if isinstance(x, nn.Conv2d))
    taken: set[int] = set()
    for place, layer in net.named_modules():
        if layer in new:
            taken.update(id(x) for x in layer.parameters())
        if layer in new or not isinstance(layer, nn.Conv2d):
            continue
        weight = _wanted(constants, f"{PREFIX}{place}.weight", layer.weight, name)
        bias = norms[layer].bias if layer in norms else layer.bias
        taken.update(id(x) for x in (layer.weight, bias))
        with torch.no_grad():
            layer.weight.copy_(weight * BYTE if layer is first else weight)
            if bias is not None:
                bias.copy_(_wanted(constants, f"{PREFIX}{place}.bias", bias, name))
            if layer in norms:
                _blank(norms[layer])
                taken.add(id(norms[layer].weight))
    left = [place for place, x in net.named_parameters() if id(x) not in taken]
    if left:
        raise unusable(name, f"weights of {left[0]} that export keeps apart", "none")
    return new


def _lacking(net: DetectorNet, constants: dict[str, NDArray[np.float32]]) -> set[nn.Module]:
    """All layers of the blocks whose first weight the graph does not have."""
    new: set[nn.Module] = set()
    for place, block in net.named_modules():
        if isinstance(block, Block) and f"{PREFIX}{place}.first.0.weight" not in constants:
            nn.init.constant_(block.second[1].weight, LITTLE)
            new.update(block.modules())
    return new


def calibrate(
    net: DetectorNet, pictures: Iterable[Tensor], new: Collection[nn.Module] = ()
) -> None:
    """Sets each normalisation but the ``new`` to what it sees on ``pictures``, each (B, 3, H, W) in
    0–1. What the net computes outside training stays as it is."""
    norms = [norm for _, norm in _normalised(net) if norm not in new]
    sums = {norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in norms}

    def see(norm: nn.BatchNorm2d, given: tuple[Tensor]) -> None:
        x = given[0].double()
        count = torch.full((x.shape[1],), x.numel() / x.shape[1], dtype=torch.float64)
        sums[norm] += torch.stack([count, x.sum((0, 2, 3)), (x * x).sum((0, 2, 3))])

    hooks = [norm.register_forward_pre_hook(see) for norm in norms]
    net.eval()
    with torch.no_grad():
        for pixels in pictures:
            net(pixels)
        for hook in hooks:
            hook.remove()
        for norm in norms:
            count, total, squares = sums[norm]
            mean = total / count
            variance = (squares / count - mean**2).clamp(min=0)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.add_(mean)


def _normalised(net: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions with the normalisation that follows each."""
    for block in net.modules():
        if isinstance(block, nn.Sequential):
            layers = list(block)
            for layer, after in pairwise(layers):
                if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                    yield layer, after


def _blank(norm: nn.BatchNorm2d) -> None:
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1.0)


def constants_of(path: Path) -> dict[str, NDArray[np.float32]]:
    """What an exported file holds, by name. Raises ``TrainingFailed`` (``start_unusable``)."""
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise unusable(path.name, "an ONNX file that can be read", str(error)) from error
    if (name := no_number_in(model)) is not None:
        raise unusable(path.name, "weights that are numbers", f"NaN in {name}")
    return {x.name: numpy_helper.to_array(x) for x in model.graph.initializer}


def put_constants(path: Path, constants: Mapping[str, NDArray[np.float32]]) -> None:
    """Rewrites an exported file with these in the place of its own of the same names."""
    model = onnx.load(path)
    for held in model.graph.initializer:
        if held.name in constants:
            held.CopyFrom(numpy_helper.from_array(constants[held.name], held.name))
    write(path, model.SerializeToString())


def _wanted(
    constants: dict[str, NDArray[np.float32]], name: str, like: Tensor, file: str
) -> Tensor:
    found = constants.get(name)
    expected = f"{name} {tuple(like.shape)} in float32, as this recipe's network has it"
    if found is None:
        raise unusable(file, expected, "nothing of that name")
    if found.shape != tuple(like.shape) or found.dtype != np.float32:
        raise unusable(file, expected, f"{found.shape} in {found.dtype}")
    return torch.from_numpy(found.copy())


def unusable(file: str, expected: str, got: str) -> TrainingFailed:
    """What a file to start from should have been."""
    return TrainingFailed(
        "start_unusable",
        f"{file}: expected {expected}, got {got}: a training starts from the float file of the same"
        " network; finetune takes any other",
    )
