"""A whole training: sources, teacher, loop, file, contract, card and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.training.adjustment import adjust, check_labels
from models_registry.training.batches import Batches
from models_registry.training.beside import beside_labels
from models_registry.training.blend import blend
from models_registry.training.card import Made, card
from models_registry.training.checkpoint import FILE as CHECKPOINT
from models_registry.training.classifier_recipe import ClassifierRecipe
from models_registry.training.errors import TrainingFailed
from models_registry.training.evaluation import Examination, examine
from models_registry.training.export import export, write
from models_registry.training.fields import invalid
from models_registry.training.history import Evaluated
from models_registry.training.labelled import LabelledSource
from models_registry.training.made_sets import Render, no_renderer, source_folder
from models_registry.training.network import DetectorNet
from models_registry.training.places import Places, set_up
from models_registry.training.provenance import Provenance, provenance
from models_registry.training.quantized import write_int8
from models_registry.training.recipe import Recipe, SourceRecipe
from models_registry.training.report import report
from models_registry.training.sources import read_source
from models_registry.training.start import see, started
from models_registry.training.teacher import load_teacher, taught
from models_registry.training.trainer import Beside, Trainer

Said = Callable[[str], None]


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
    facts, path = provenance(torch.__version__), places.out / f"{recipe.name}.onnx"
    set_up(recipe.schedule, places, path, resume=resume)
    begins = recipe.network.start is not None and not (places.out / CHECKPOINT).is_file()
    torch.manual_seed(recipe.seed)
    if begins:
        net, new = started(recipe, places.data, path)
    else:
        net, new = DetectorNet(recipe.network, len(recipe.classes)), set()
    beside = beside_labels(recipe, places.data, net) if distil else None
    sources, examinations = prepare(recipe, places, render, said)
    check_labels(recipe, sources)
    if begins and recipe.schedule.steps:
        see(net, Batches(recipe, sources), new)

    def save(net: DetectorNet, step: int) -> None:
        export(net, recipe, path, notes(recipe, facts, step))
        if step < recipe.schedule.steps:
            return
        if recipe.network.start_share:
            blend(path, places.data / str(recipe.network.start), recipe.network.start_share)
        if recipe.adjust:
            said(f"counts how often {', '.join(recipe.adjust.classes)} are taken for each other")
            adjust(path, recipe, sources)

    work = Work(recipe, places, path, sources, examinations, facts, save, net=net, beside=beside)
    taught_by = _teacher_figures if distil else None
    return carry_out(work, resume=resume, said=said, stop=stop, teacher=taught_by)


@dataclass(frozen=True, slots=True)
class Work:
    """One training, settled. ``save`` makes a net, after so many steps, the file ``path``.

    ``net`` and ``beside`` as ``Trainer`` takes them. ``before``: figures of the file begun with.
    """

    recipe: Recipe
    places: Places
    path: Path
    sources: tuple[LabelledSource, ...]
    examinations: tuple[Examination, ...]
    facts: Provenance
    save: Callable[[Any, int], None]
    net: nn.Module | None = None
    beside: Beside | None = None
    before: tuple[Evaluated, ...] = ()
    weights: str = "fp32"


def carry_out(
    work: Work,
    *,
    resume: bool,
    said: Said,
    stop: Callable[[], bool],
    teacher: Callable[[Work], tuple[Evaluated, ...]] | None = None,
) -> Path | None:
    """Loop, file, report and card; ``None`` if it was stopped. Raises ``TrainingFailed``."""
    recipe, path = work.recipe, work.path

    def evaluate(net: Any, step: int) -> list[Evaluated]:
        work.save(net, step)
        return [Evaluated.of(step, x.name, examine(path, x)) for x in work.examinations]

    trainer = Trainer(
        recipe, work.places.out, evaluate, said, resume=resume, net=work.net, beside=work.beside
    )
    finished = True
    if trainer.step == 0:
        trainer.history.evaluations.extend(work.before)
    if trainer.step < recipe.schedule.steps:
        said(f"{recipe.schedule.steps} steps of {recipe.schedule.batch} pictures")
        finished = trainer.run(Batches(recipe, work.sources), stop)
    else:  # how the file is made of the weights may be asked for anew
        trainer.examine()
        trainer.save()
    if not finished:
        work.save(trainer.averaged, trainer.step)
    model = onnx.load(path)
    made = Made(
        recipe=recipe,
        sources=work.sources,
        step=trainer.step,
        history=trainer.history,
        provenance=work.facts,
        file_bytes=path.stat().st_size,
        parameters=count_parameters(model),
        macs=count_macs(model) or 0,
        teacher=teacher(work) if teacher and finished else (),
        weights=work.weights,
    )
    write(path.with_suffix(".html"), report(made).encode())
    if not finished:
        return None
    write(path.with_suffix(".md"), card(made).encode())
    if recipe.quantize is not None and work.weights == "fp32":
        said("quantizes the finished file")
        write_int8(made, path, work.examinations)
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
    teacher = recipe.teacher
    if recipe.network.start_share and recipe.network.start is None:
        raise invalid("network.start", "a file (--start) for start_share", None)
    if recipe.adjust and recipe.adjust.alone:
        if recipe.network.start is None:
            raise invalid("network.start", "a file (--start) for adjust.alone", None)
        recipe = replace(recipe, schedule=replace(recipe.schedule, steps=0))
    if distil and (teacher is None or not (teacher.soften or teacher.beside)):
        raise TrainingFailed(
            "recipe_invalid",
            "expected a [teacher] with soften, cells or likeness above 0 to distil from",
        )
    if not distil and recipe.teacher is not None:
        alone = replace(recipe.teacher, soften=0.0, cells=None, likeness=0.0)
        return replace(recipe, teacher=alone)
    return recipe


def notes(recipe: Recipe | ClassifierRecipe, facts: Provenance, step: int) -> dict[str, str]:
    """What the file itself says of its making."""
    return {
        "recipe": recipe.name,
        "step": f"{step} of {recipe.schedule.steps}",
        "commit": facts.commit,
        "licence": recipe.licence,
    }


def _teacher_figures(work: Work) -> tuple[Evaluated, ...]:
    assert work.recipe.teacher is not None
    path = work.places.data / work.recipe.teacher.path
    steps = work.recipe.schedule.steps
    return tuple(Evaluated.of(steps, x.name, examine(path, x)) for x in work.examinations)
