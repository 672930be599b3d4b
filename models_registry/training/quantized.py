"""The int8 file beside a finished training's own, quantized on pictures that it learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context, Feeds, StepFailed
from models_registry.training.batches import Batches
from models_registry.training.card import Made, card
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import Examination, examine
from models_registry.training.export import write
from models_registry.training.history import Evaluated, History
from models_registry.training.onnx_graph import INPUT


def write_int8(
    made: Made, path: Path, batches: Batches, examinations: tuple[Examination, ...]
) -> Path:
    """``<name>-int8.onnx`` with contract and card; the card has its own figures. Raises
    ``TrainingFailed`` (``export_unsupported``)."""
    recipe, small = made.recipe, path.with_name(f"{path.stem}-int8.onnx")
    assert recipe.quantize is not None
    size = recipe.network.input_height, recipe.network.input_width
    feeds = calibration(batches, recipe.quantize.pictures, size)
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


def calibration(batches: Batches, pictures: int, size: tuple[int, int]) -> list[Feeds]:
    """So many pictures of ``size`` (H, W) of the last steps, which come without mosaic, one by one
    as the file takes them: (1, 3, H, W) float32 RGB in 0–255."""
    found: list[Feeds] = []
    for step in range(len(batches) - 1, -1, -1):
        pixels = batches[step].pixels
        if pixels.shape[2:] != size:
            continue  # the file states one size; on the other canvases its weights are the same
        for picture in pixels[: pictures - len(found)]:
            found.append({INPUT: picture[None].astype(np.float32)})
        if len(found) >= pictures:
            break
    return found
