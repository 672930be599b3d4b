"""The int8 file beside a finished training's own, quantized on pictures that it learnt from."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import onnx

from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context, Feeds, StepFailed
from models_registry.training.batches import calm_batches
from models_registry.training.card import Made, card
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import Examination, examine
from models_registry.training.export import write
from models_registry.training.history import Evaluated, History
from models_registry.training.labelled import LabelledSource
from models_registry.training.onnx_graph import INPUT
from models_registry.training.recipe import Recipe


def write_int8(made: Made, path: Path, examinations: tuple[Examination, ...]) -> Path:
    """``<name>-int8.onnx`` with contract and card; the card has its own figures. Raises
    ``TrainingFailed`` (``export_unsupported``)."""
    recipe, small = made.recipe, path.with_name(f"{path.stem}-int8.onnx")
    assert recipe.quantize is not None
    feeds = calibration(recipe, made.sources, recipe.quantize.pictures)
    try:
        outcome = Int8().apply(onnx.load(path), Context(calibration=feeds, seed=recipe.seed))
    except StepFailed as error:
        raise TrainingFailed("export_unsupported", f"{path.name}: {error.message}") from error
    write(small, outcome.model.SerializeToString())
    write(small.with_suffix(".json"), path.with_suffix(".json").read_bytes())
    step = recipe.schedule.steps
    figures = [Evaluated.of(step, x.name, examine(small, x)) for x in examinations]
    told = replace(
        made,
        history=History(evaluations=figures, seconds=made.history.seconds),
        file_bytes=small.stat().st_size,
        weights="int8",
        parent=tuple(x for x in made.history.evaluations if x.step == step),
    )
    write(small.with_suffix(".md"), card(told).encode())
    return small


def calibration(recipe: Recipe, sources: tuple[LabelledSource, ...], pictures: int) -> list[Feeds]:
    """So many pictures on the network's own canvas, as the last steps show them, one by one as the
    file takes them: (1, 3, H, W) float32 RGB in 0–255."""
    # The file states one size; on the other canvases its weights are the same.
    network = replace(recipe.network, canvases=())
    schedule = replace(recipe.schedule, multi_scale=(1.0,))
    own = replace(recipe, network=network, schedule=schedule)
    batches = calm_batches(own, sources, pictures)
    shown = (picture for at in range(len(batches)) for picture in batches[at].pixels)
    return [{INPUT: x[None].astype(np.float32)} for x in islice(shown, pictures)]
