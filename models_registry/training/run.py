"""A whole training: sources, teacher, loop, file, contract, card and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch

from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.training.batches import Batches
from models_registry.training.card import Made, card
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import Examination, examine
from models_registry.training.export import export, write
from models_registry.training.history import Evaluated
from models_registry.training.labelled import LabelledSource
from models_registry.training.made_sets import Render, no_renderer, source_folder
from models_registry.training.network import DetectorNet
from models_registry.training.provenance import Provenance, provenance
from models_registry.training.recipe import Recipe, SourceRecipe
from models_registry.training.report import report
from models_registry.training.sources import read_source
from models_registry.training.teacher import load_teacher, taught
from models_registry.training.trainer import Trainer

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Places:
    """``data``: what the recipe's paths are relative to. ``out``: model, card, report, checkpoint.
    ``kept``: rendered pictures and the teacher's answers, worth keeping from run to run."""

    data: Path
    out: Path
    kept: Path


def train(
    recipe: Recipe,
    places: Places,
    *,
    distil: bool = False,
    resume: bool = False,
    render: Render = no_renderer,
    said: Said = print,
    stop: Callable[[], bool] = lambda: False,
) -> Path | None:
    """The model file; ``None`` if it was stopped before the end. Raises ``TrainingFailed``.

    ``distil``: the teacher also softens the targets of labelled objects, and is measured itself.
    """
    recipe = _settled(recipe, distil)
    _set_up(recipe, places)
    sources, examinations = prepare(recipe, places, render, said)
    facts, path = provenance(torch.__version__), places.out / f"{recipe.name}.onnx"

    def evaluate(net: DetectorNet, step: int) -> list[Evaluated]:
        export(net, recipe, path, _notes(recipe, facts, step))
        return [Evaluated.of(step, x.name, examine(path, x)) for x in examinations]

    trainer = Trainer(recipe, places.out, evaluate, said, resume=resume)
    if trainer.step < recipe.schedule.steps:
        batches = Batches(recipe, sources)
        said(f"{recipe.schedule.steps} steps of {recipe.schedule.batch} pictures")
        finished = trainer.run(batches, stop)
    else:
        finished = True
    export(trainer.averaged, recipe, path, _notes(recipe, facts, trainer.step))
    model = onnx.load(path)
    made = Made(
        recipe=recipe,
        sources=sources,
        history=trainer.history,
        provenance=facts,
        file_bytes=path.stat().st_size,
        parameters=count_parameters(model),
        macs=count_macs(model) or 0,
        teacher=_teacher_figures(recipe, places, examinations) if distil and finished else (),
    )
    write(places.out / f"{recipe.name}.html", report(made).encode())
    if not finished:
        return None
    write(places.out / f"{recipe.name}.md", card(made).encode())
    return path


def prepare(
    recipe: Recipe, places: Places, render: Render, said: Said
) -> tuple[tuple[LabelledSource, ...], tuple[Examination, ...]]:
    """What to learn from, and what to be examined on. Raises ``TrainingFailed``."""

    def read(source: SourceRecipe) -> LabelledSource:
        folder = source_folder(source, places.data, places.kept, render, said)
        return read_source(source, recipe.classes, folder)

    sources = [read(x) for x in recipe.sources]
    if recipe.teacher is not None:
        teacher = load_teacher(recipe.teacher, recipe.classes, places.data)
        sources = [
            taught(teacher, source, places.kept, said) if stated.teacher else source
            for source, stated in zip(sources, recipe.sources, strict=True)
        ]
    for source in sources:
        counts = ", ".join(f"{n} {name}" for name, n in source.counts(recipe.classes).items())
        said(f"{source.name}: {len(source.pictures)} pictures, {counts}")
    examinations = tuple(Examination.of(read(x), recipe.classes) for x in recipe.evaluation)
    return tuple(sources), examinations


def _settled(recipe: Recipe, distil: bool) -> Recipe:
    if distil and (recipe.teacher is None or recipe.teacher.soften == 0):
        raise TrainingFailed(
            "recipe_invalid", "expected a [teacher] with soften above 0 to distil from"
        )
    if not distil and recipe.teacher is not None:
        return replace(recipe, teacher=replace(recipe.teacher, soften=0.0))
    return recipe


def _set_up(recipe: Recipe, places: Places) -> None:
    if recipe.schedule.device == "cuda" and not torch.cuda.is_available():
        raise TrainingFailed(
            "recipe_invalid", "schedule.device: expected a CUDA device, found none"
        )
    if recipe.schedule.threads:
        torch.set_num_threads(recipe.schedule.threads)
    for folder in (places.out, places.kept):
        folder.mkdir(parents=True, exist_ok=True)


def _notes(recipe: Recipe, facts: Provenance, step: int) -> dict[str, str]:
    """What the file itself says of its making."""
    return {
        "recipe": recipe.name,
        "step": f"{step} of {recipe.schedule.steps}",
        "commit": facts.commit,
        "licence": recipe.licence,
    }


def _teacher_figures(
    recipe: Recipe, places: Places, examinations: tuple[Examination, ...]
) -> tuple[Evaluated, ...]:
    assert recipe.teacher is not None
    path = places.data / recipe.teacher.path
    return tuple(
        Evaluated.of(recipe.schedule.steps, x.name, examine(path, x)) for x in examinations
    )
