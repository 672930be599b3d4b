"""Prune, low rank, int8 and pack with training in between, on a VGG16-shaped classifier.

    python -m bench.lightweight.chain OUT_FOLDER [--width 0.25] [--steps 3000]
        [--tune-steps 3000] [--prune 0.5] [--zeros 0.7] [--seed 1]

13 convolutions and 3 fully connected layers, every one ``--width`` times as wide as VGG16's, on
vehicle crops of 32×32 (``bench.vgg_vehicle_types``; the last fifth of the pictures, in time, is
held out and decides nothing here). Needs torch. The ratio is the parent's file ÷ the packed file,
which unpacks byte for byte to the int8 model whose accuracy is given. ``OUT_FOLDER/parent.pt`` is
taken instead of training the parent anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from bench.lightweight.cpu_time import cpu_time_ratio
from bench.provenance import print_provenance
from bench.vehicle_types import pictures
from bench.vgg_vehicle_types import BATCH, Vgg, augmented, held_out_accuracy, to_onnx, train
from models_registry.compression.lowrank import LowRank
from models_registry.compression.packing import Pack, unpack
from models_registry.compression.pruning import Prune
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context
from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.runtime.session import Session
from models_registry.training.finetune_classifier import tune_classifier
from models_registry.training.recipe import ScheduleRecipe

HEADER = ("after", "bytes", "ratio", "weights", "million MACs", "time ÷ parent", "held out")
FEEDS, FEED_PICTURES = 24, 8


@dataclass(frozen=True, slots=True)
class Bench:
    """What every stage needs: the parent, calibration inputs, training batches and their number."""

    parent: onnx.ModelProto
    context: Context
    draw: Callable[[int], tuple[Any, Any]]
    tune_steps: int
    prune: float
    zeros: float

    def tuned(
        self, model: onnx.ModelProto, share: float, rate: float, thinned: float = 0.0
    ) -> onnx.ModelProto:
        """Trained for ``share`` of the steps, with the parent's answers as soft targets."""
        steps = max(1, int(share * self.tune_steps))
        schedule = ScheduleRecipe(
            steps=steps,
            rate=rate,
            warm_up_steps=max(1, steps // 20),
            weight_decay=0.01,
            average=0.99,
        )
        return tune_classifier(
            model,
            self.draw,
            schedule,
            parent=self.parent,
            taught=0.7,
            thinned=thinned,
            said=lambda words: print(words, file=sys.stderr),
        )


def stages(bench: Bench) -> Iterator[tuple[str, onnx.ModelProto, bytes | None]]:
    """(name, model, packed file), each made of the one before."""
    model = bench.parent
    prune = Prune(share=bench.prune, floor=0.3, sensitivity=False, reconstruct=False)
    model = prune.apply(model, bench.context).model
    yield "prune", model, None
    model = bench.tuned(model, 0.3, 5e-4)
    yield "prune, tuned", model, None
    low_rank = LowRank(energy=0.95, max_drift=None, reconstruct=False)
    model = low_rank.apply(model, bench.context).model
    yield "low rank", model, None
    model = bench.tuned(model, 1.0, 5e-4, thinned=bench.zeros)
    yield f"low rank, tuned, {bench.zeros:.0%} of the weights zero", model, None
    model = Int8(max_float_share=0.0).apply(model, bench.context).model
    yield "int8", model, None
    model = bench.tuned(model, 0.2, 1e-4)
    yield "int8, tuned", model, None
    done = Pack().apply(model, bench.context)
    assert done.packed is not None
    assert unpack(done.packed) == done.model.SerializeToString(deterministic=True)
    yield "pack", done.model, done.packed


def accuracy(model: onnx.ModelProto) -> float:
    """Share of the held-out crops named right, by ONNX Runtime."""
    x, y = pictures(held_out=True)
    session = Session(model.SerializeToString())
    parts = [x[at : at + BATCH] for at in range(0, len(x), BATCH)]
    answers = [session.run({"pictures": part})[0].argmax(axis=1) for part in parts]
    return float((np.concatenate(answers) == y).mean())


def drawn(seed: int) -> Callable[[int], tuple[Any, Any]]:
    """Batch by number: the same in every run with this seed."""
    x, y = (torch.from_numpy(a) for a in pictures(held_out=False))

    def draw(step: int) -> tuple[Any, Any]:
        draws = torch.Generator().manual_seed(seed * 1_000_000 + step)
        chosen = torch.randint(len(x), (BATCH,), generator=draws)
        return augmented(x[chosen], draws).numpy(), y[chosen].numpy()

    return draw


def parent_of(options: argparse.Namespace) -> onnx.ModelProto:
    """Trained, or taken from an earlier run."""
    torch.manual_seed(options.seed)
    net = Vgg(options.width).to(memory_format=torch.channels_last)
    kept: Path = options.out / "parent.pt"
    if kept.is_file():
        net.load_state_dict(torch.load(kept, weights_only=True))
    else:
        train(net, lambda step: step / options.steps, 0.01, options.seed)
        torch.save(net.state_dict(), kept)
    return to_onnx(net, held_out_accuracy(net))


def row(
    name: str, model: onnx.ModelProto, packed: bytes | None, parent: onnx.ModelProto
) -> list[str]:
    """One line of the table; time on one picture and one thread, both models in turn."""
    size = len(packed or model.SerializeToString())
    one = {"pictures": pictures(held_out=True)[0][:1]}
    return [
        name,
        f"{size:,}",
        f"{parent.ByteSize() / size:.2f}",
        f"{count_parameters(model):,}",
        f"{(count_macs(model) or 0) / 1e6:.1f}",
        "1" if model is parent else cpu_time_ratio(parent, model, [one]),
        f"{accuracy(model):.2%}",
    ]


def main() -> None:
    options = read_options()
    torch.set_num_threads(1)
    print_provenance()
    options.out.mkdir(parents=True, exist_ok=True)
    parent = parent_of(options)
    x, _ = pictures(held_out=False)
    feeds = [{"pictures": x[at::FEEDS][:: len(x) // FEEDS // FEED_PICTURES]} for at in range(FEEDS)]
    context = Context(feeds, seed=options.seed)
    bench = Bench(
        parent, context, drawn(options.seed), options.tune_steps, options.prune, options.zeros
    )
    print("\n| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    print("| " + " | ".join(row("parent", parent, None, parent)) + " |", flush=True)
    for name, model, packed in stages(bench):
        print("| " + " | ".join(row(name, model, packed, parent)) + " |", flush=True)
        stem = name.replace(", ", "-").replace(" ", "-").replace("%", "")
        onnx.save(model, str(options.out / f"{stem}.onnx"))
        if packed is not None:
            (options.out / f"{stem}.aipk").write_bytes(packed)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--steps", type=int, default=3000, help="of 32 crops, for the parent")
    parser.add_argument("--tune-steps", type=int, default=3000, help="of a whole fine-tuning")
    parser.add_argument("--prune", type=float, default=0.5, help="share of the work to save")
    parser.add_argument("--zeros", type=float, default=0.7, help="share of weights set to zero")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
