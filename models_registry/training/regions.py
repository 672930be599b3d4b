"""Trains a region model and writes it as ONNX with a card."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.runtime.attention_regions import CELL, GREYS, THRESHOLD_NOTE
from models_registry.training.average import Average
from models_registry.training.errors import TrainingFailed
from models_registry.training.export import write
from models_registry.training.layers import Convolution
from models_registry.training.made_sets import Render
from models_registry.training.onnx_graph import to_onnx
from models_registry.training.optimiser import make_optimiser, rate_at
from models_registry.training.places import Places, set_up
from models_registry.training.provenance import provenance
from models_registry.training.regions_cameras import read_cameras, read_objects
from models_registry.training.regions_card import RegionFigures, regions_card
from models_registry.training.regions_pairs import Pair, Pairs
from models_registry.training.regions_recipe import RegionNetRecipe, RegionsRecipe
from models_registry.training.run import Said
from models_registry.training.teacher import load_teacher

Bytes = NDArray[np.uint8]
Small = NDArray[np.int8]
EXAMINED = 600  # pairs on which the threshold is set
LEAST_PX = 4.0  # of the small picture: what is narrower no detector would find either
TELL_EVERY = 100


class RegionNet(nn.Module):
    """(B, 2, H, W) now and reference in 0–1 → (B, 1, H/8, W/8) logits."""

    def __init__(self, recipe: RegionNetRecipe) -> None:
        super().__init__()
        channels = recipe.channels
        self.layers = nn.Sequential(
            nn.Conv2d(2, channels, 4, 4, bias=False),
            nn.BatchNorm2d(channels, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
            Convolution(channels, channels, 3, 2),
            Convolution(channels, channels),
            Convolution(channels, channels),
        )
        self.mark = nn.Conv2d(channels, 1, 1)
        nn.init.constant_(self.mark.bias, -3.0)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.mark(self.layers(x))


class _Deployed(nn.Module):
    def __init__(self, net: RegionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).sigmoid()


def train_regions(
    recipe: RegionsRecipe, places: Places, render: Render, said: Said = print
) -> Path:
    """The model file. Raises ``TrainingFailed``."""
    set_up(recipe.schedule, places)
    torch.manual_seed(recipe.seed)
    teacher = load_teacher(recipe.teacher, recipe.classes, places.data)
    read = [
        read_cameras(
            recipe,
            sources,
            data=places.data,
            kept=places.kept,
            teacher=teacher,
            render=render,
            said=said,
        )
        for sources in (recipe.sources, recipe.evaluation)
    ]
    cuts = read_objects(recipe, places.data, places.kept, render, said)
    for what, cameras in zip(("to learn from", "to be examined on"), read, strict=True):
        stills = sum(len(x.pictures) for x in cameras)
        said(f"{len(cameras)} cameras {what}, {stills} stills; {len(cuts)} single objects")
    started = time.monotonic()
    net = _learn(recipe, Pairs(recipe, read[0], cuts), said)
    seconds = time.monotonic() - started
    random = np.random.default_rng(recipe.seed + 1)
    examined = Pairs(recipe, read[1], cuts)
    figures = _figures(net, [examined.make(random, plain=True) for _ in range(EXAMINED)], recipe)
    said(figures.words())
    facts = provenance(torch.__version__)
    path = places.out / f"{recipe.name}.onnx"
    _export(net, recipe, path, figures.threshold, facts.commit)
    model = onnx.load(path)
    text = regions_card(
        recipe,
        figures,
        facts,
        file_bytes=path.stat().st_size,
        parameters=count_parameters(model),
        macs=count_macs(model) or 0,
        seconds=seconds,
    )
    write(path.with_suffix(".md"), text.encode())
    return path


def _learn(recipe: RegionsRecipe, pairs: Pairs, said: Said) -> RegionNet:
    random, schedule = np.random.default_rng(recipe.seed), recipe.schedule
    net = RegionNet(recipe.network)
    average, optimiser = Average(net, schedule.average), make_optimiser(net, schedule)
    said(f"{recipe.pairs.pool} examples")
    pictures, targets = _pool(pairs, recipe.pairs.pool, random)
    total = 0.0
    for step in range(schedule.steps):
        drawn = random.integers(len(targets), size=schedule.batch)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, schedule)
        now = torch.from_numpy(pictures[drawn]).float() / GREYS
        loss = _loss(net(now), torch.from_numpy(targets[drawn]).float())
        if not torch.isfinite(loss):
            raise TrainingFailed("loss_not_finite", f"step {step}: the loss is {loss.item()}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.follow(net, step)
        total += loss.item()
        if (step + 1) % TELL_EVERY == 0:
            said(f"step {step + 1} of {schedule.steps}: loss {total / TELL_EVERY:.4f}")
            total = 0.0
    return average.net


def _pool(pairs: Pairs, count: int, random: np.random.Generator) -> tuple[Bytes, Small]:
    """(N, 2, H, W) pictures and (N, h, w) targets, as small as they can be kept."""
    made = [pairs.make(random) for _ in range(count)]
    pictures = np.stack([np.rint(x.pictures).astype(np.uint8) for x in made])
    return pictures, np.stack([x.target.astype(np.int8) for x in made])


def _pictures(batch: Sequence[Pair]) -> Tensor:
    return torch.from_numpy(np.stack([x.pictures for x in batch]) / np.float32(GREYS))


def _loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy over the cells that count, marks three times: a look too many costs little."""
    weight = (target >= 0).float() * (1 + 2 * (target > 0).float())
    each = nn.functional.binary_cross_entropy_with_logits(
        logits[:, 0], target.clamp(min=0), reduction="none"
    )
    return (each * weight).sum() / weight.sum()


@torch.no_grad()
def _figures(net: RegionNet, pairs: list[Pair], recipe: RegionsRecipe) -> RegionFigures:
    """The threshold is the highest at which ``caught`` of the changed objects have a mark, those
    narrower than ``LEAST_PX`` left out."""
    scores, empty = [], []
    for start in range(0, len(pairs), 50):
        batch = pairs[start : start + 50]
        answers = net(_pictures(batch))[:, 0].sigmoid().numpy()
        for pair, answer in zip(batch, answers, strict=True):
            wide = (pair.boxes[:, 2:] - pair.boxes[:, :2]).min(axis=1) >= LEAST_PX
            scores += [_best_mark(answer, box) for box in pair.boxes[wide]]
            empty.append(answer[pair.target == 0])
    if not scores:
        raise TrainingFailed("labels_invalid", "expected moving objects to be examined on: none")
    share = recipe.pairs.caught
    threshold = float(np.clip(np.quantile(scores, 1 - share), 0.02, 0.5))
    cells = np.concatenate(empty)
    return RegionFigures(
        threshold=round(threshold, 4),
        pairs=len(pairs),
        objects=len(scores),
        caught=float((np.array(scores) > threshold).mean()),
        vain_cells=float((cells > threshold).mean()),
        vain_pairs=float(np.mean([(x > threshold).any() for x in empty if len(x)])),
    )


def _best_mark(answer: np.ndarray, box: np.ndarray) -> float:
    x1, y1 = np.maximum(box[:2] // CELL, 0).astype(int)
    x2, y2 = np.ceil(box[2:] / CELL).astype(int)
    part = answer[y1:y2, x1:x2]
    return float(part.max()) if part.size else 0.0


def _export(
    net: RegionNet, recipe: RegionsRecipe, path: Path, threshold: float, commit: str
) -> None:
    sides = (recipe.network.input_height, recipe.network.input_width)
    shape = (1, 1, sides[0] // CELL, sides[1] // CELL)
    model = to_onnx(_Deployed(net).eval(), (1, 2, *sides), shape)
    notes = {
        THRESHOLD_NOTE: str(threshold),
        "task": "regions",
        "recipe": recipe.name,
        "commit": commit,
        "licence": recipe.licence,
        "network": json.dumps({"channels": recipe.network.channels}),
    }
    onnx.helper.set_model_props(model, notes)
    write(path, model.SerializeToString())
