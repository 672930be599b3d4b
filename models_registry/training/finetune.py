"""A finished detector file trained further by a recipe: pruned, factorised, quantized or plain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import torch

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import ModelUnusable, load_detector
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import examine
from models_registry.training.export import write
from models_registry.training.finetune_detector import Agreement, DetectorGraph
from models_registry.training.finite import no_number_in
from models_registry.training.history import Evaluated
from models_registry.training.made_sets import Render, no_renderer
from models_registry.training.places import Places, check_apart, set_up
from models_registry.training.provenance import provenance
from models_registry.training.recipe import FinetuneRecipe, Recipe
from models_registry.training.run import Said, Work, carry_out, notes, prepare


def finetune(
    path: Path,
    recipe: Recipe,
    places: Places,
    *,
    parent: Path | None = None,
    resume: bool = False,
    render: Render = no_renderer,
    said: Said = print,
    stop: Callable[[], bool] = lambda: False,
) -> Path | None:
    """The file of the same name in ``places.out``; ``None`` if it was stopped before the end.

    By the recipe's data, augmentation and loss, its ``[finetune]`` schedule and ``path``'s own
    input size. ``parent``: a larger file of the same classes and input whose outputs it is to keep
    to. Raises ``TrainingFailed``.
    """
    model, contract = _read(path)
    target = places.out / path.name
    check_apart(target, path, *([parent] if parent else []))
    if contract.labels != recipe.classes:
        expected = ", ".join(recipe.classes)
        raise TrainingFailed(
            "graph_unsupported",
            f"{path.name}: expected the recipe's classes {expected}, got {list(contract.labels)}",
        )
    further = recipe.finetune or FinetuneRecipe()
    net = DetectorGraph(model, contract, learn_scales=further.learn_scales)
    recipe = _settled(recipe, further, path, contract, net)
    set_up(recipe.schedule, places, target, resume=resume)
    beside = _agreement(parent, recipe, further, contract, net)
    sources, examinations = prepare(recipe, places, render, said)
    before = tuple(Evaluated.of(0, x.name, examine(path, x, contract)) for x in examinations)
    for evaluated in before:
        said(f"before {evaluated.words()}")
    facts = provenance(torch.__version__)

    def save(net: DetectorGraph, step: int) -> None:
        made = net.model()
        old = {x.key: x.value for x in made.metadata_props}
        onnx.helper.set_model_props(made, {**old, **notes(recipe, facts, step)})
        write(target, made.SerializeToString())
        write(target.with_suffix(".json"), json.dumps(contract.to_json(), indent=2).encode())

    work = Work(
        recipe, places, target, sources, examinations, facts, save,
        net=net,
        beside=beside,
        before=before,
        weights="int8" if net.graph.quantized else "fp32",
    )  # fmt: skip
    return carry_out(work, resume=resume, said=said, stop=stop)


def _read(path: Path) -> tuple[onnx.ModelProto, ModelContract]:
    try:
        contract = load_detector(path, warm_up=False).contract
    except ModelUnusable as error:
        raise TrainingFailed("model_unusable", f"{path.name}: {error}") from error
    model = onnx.load(path)
    if (name := no_number_in(model)) is not None:
        raise TrainingFailed(
            "model_unusable", f"{path.name}: expected weights that are numbers, got NaN in {name}"
        )
    return model, contract


def _settled(
    recipe: Recipe, further: FinetuneRecipe, path: Path, contract: ModelContract, net: DetectorGraph
) -> Recipe:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    network = replace(
        recipe.network,
        input_width=contract.input_width,
        input_height=contract.input_height,
        canvases=(),
        strides=net.strides,
        start=f"{path.name} ({digest[:16]})",
    )
    schedule = replace(
        recipe.schedule,
        steps=further.steps,
        rate=further.rate,
        warm_up_steps=min(further.warm_up_steps, further.steps),
        average=further.average,
        evaluate_every=further.evaluate_every,
        multi_scale=(1.0,),  # the file states its sizes
        # bfloat16 rounds more coarsely than the steps that a quantized graph is to learn.
        precision="float32" if net.graph.quantized else recipe.schedule.precision,
    )
    teacher = recipe.teacher and replace(recipe.teacher, soften=0.0)
    words = f"Trained further from {path.name}. {recipe.notes}".strip()
    return replace(
        recipe, name=path.stem, network=network, schedule=schedule, teacher=teacher,
        finetune=further, adjust=None, notes=words,
    )  # fmt: skip


def _agreement(
    parent: Path | None,
    recipe: Recipe,
    further: FinetuneRecipe,
    contract: ModelContract,
    net: DetectorGraph,
) -> Agreement | None:
    if parent is None or further.agree == 0:
        return None
    model, its = _read(parent)
    said = DetectorGraph(model, its)

    def shape(one: ModelContract, strides: tuple[int, ...]) -> Any:
        return (one.labels, one.input_width, one.input_height, strides)

    if shape(its, said.strides) != shape(contract, net.strides):
        raise TrainingFailed(
            "teacher_unusable",
            f"{parent.name}: expected a parent of the same classes, input size and strides",
        )
    said = said.to(torch.device(recipe.schedule.device))
    return Agreement(said, further.agree, recipe.loss.focal)
