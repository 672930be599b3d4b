"""The model card: what the file is, what it was made of, what it finds, where it fails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from models_registry.training.history import Evaluated, History, duration, shown
from models_registry.training.labelled import LabelledSource
from models_registry.training.provenance import Provenance
from models_registry.training.recipe import NetworkRecipe, Recipe

FIGURE = re.compile(r"[\d.,]+ ?%?|–")  # as the tables write one; a dash: not measured
# What Markdown would read as its own in a name: a cell's end, emphasis, code, a tag, a link, an
# entity. Underscores within words are none of it.
MARKS = re.compile(r"[\\|*`<\[\]]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")


@dataclass(frozen=True, slots=True)
class Made:
    """A training after ``step`` steps. ``teacher``: the teacher's own figures in a distillation;
    ``parent``: those of the file that this one was made smaller from."""

    recipe: Recipe
    sources: tuple[LabelledSource, ...]
    step: int
    history: History
    provenance: Provenance
    file_bytes: int
    parameters: int
    macs: int
    teacher: tuple[Evaluated, ...] = ()
    weights: str = "fp32"
    parent: tuple[Evaluated, ...] = ()

    @property
    def stopped(self) -> str:
        """Where, in words; empty if it came to its end."""
        steps = self.recipe.schedule.steps
        return "" if self.step >= steps else f"stopped after step {self.step:,} of {steps:,}"


def card(made: Made) -> str:
    """Markdown."""
    return "\n\n".join((f"# {plain(made.recipe.name)}", *lead(made), *sections(made))) + "\n"


def lead(made: Made) -> list[str]:
    """What stands between the name and the first heading."""
    stopped = f"**Unfinished: {made.stopped}.** `--resume` goes on from there."
    return [part for part in (stopped if made.stopped else "", made.recipe.notes) if part]


def sections(made: Made) -> list[str]:
    """All below, beginning with a heading."""
    recipe = made.recipe
    parts = [
        "## What it is",
        table(
            ["", ""],
            [
                *_finds(made),
                ["input", _sizes(recipe.network)],
                ["parameters", f"{made.parameters:,}"],
                ["multiply-accumulates per frame", f"{made.macs / 1e9:.3f} G"],
                ["file", f"{made.file_bytes:,} bytes ({made.weights})"],
                ["licence", recipe.licence or "not stated"],
            ],
        ),
        "## What it finds",
        _figures(made),
        _meaning(made),
        "## Data",
        _data(made),
        "A class that a source does not label is unknown on its pictures, and no error there taught"
        " the net anything."
        + (" What the teacher filled in is counted too." if recipe.teacher else ""),
        "## How it was made",
        _making(made),
        "## Limits",
        recipe.limits or "Not stated by the recipe's author.",
        "## Recipe",
        "```\n" + recipe_lines(recipe.to_json()) + "\n```",
    ]
    return [part for part in parts if part]


def _finds(made: Made) -> list[list[str]]:
    """A class without an example is not found, unless it was learnt from something else."""
    recipe, counted = made.recipe, [x.counts(made.recipe.classes) for x in made.sources]
    unseen = [name for name in recipe.classes if not any(x[name] for x in counted)]
    if not unseen:
        return [["finds", ", ".join(recipe.classes)]]
    elsewhere = bool(recipe.network.start or (recipe.teacher and recipe.teacher.beside))
    found = [x for x in recipe.classes if elsewhere or x not in unseen]
    row = ["no example in this training" if elsewhere else "never seen", ", ".join(unseen)]
    return [["finds", ", ".join(found) or "nothing"], row]


def _sizes(network: NetworkRecipe) -> str:
    sizes = " or ".join(f"{width} × {height}" for width, height in network.sizes)
    return f"{sizes} pixels, RGB" + (", by a picture's shape" if network.canvases else "")


def _figures(made: Made) -> str:
    evaluations = made.history.evaluations
    beside = {"the teacher": made.teacher, "before": made.parent}
    if not made.recipe.evaluation:
        return "Not measured: the recipe names no `[[evaluation]]`."
    if not evaluations:
        every = made.recipe.schedule.evaluate_every
        return f"Not measured yet: {made.stopped}, measured every {every:,} steps and at the end."
    last = max(x.step for x in evaluations)
    rows = [x for x in evaluations if x.step == last]
    others = [x for found in beside.values() for x in found]
    names = list(dict.fromkeys(name for x in (*rows, *others) for name in x.ap50))
    listed = [[x.source, *_row(x, names)] for x in rows]
    listed += [
        [f"{x.source}, {whose}", *_row(x, names)] for whose, found in beside.items() for x in found
    ]
    return table(["set", "pictures", "mean AP50", "any vehicle", *names], listed)


def _meaning(made: Made) -> str:
    evaluations = made.history.evaluations
    if not evaluations:
        return ""
    last = max(x.step for x in evaluations)
    begun = "the file it was begun with" if made.recipe.schedule.steps else "this file"
    whose = f"the averaged weights after step {last:,}" if last else begun
    return (
        "AP50 as docs/measuring-models.md defines it; a dash: the labels do not cover the class, or"
        f" have none of it. The figures are those of {whose}; no step was picked by them."
    )


def _row(evaluated: Evaluated, names: list[str]) -> list[str]:
    figures = [evaluated.mean_ap50, evaluated.any_vehicle_ap50]
    figures += [evaluated.ap50.get(name) for name in names]
    return [str(evaluated.pictures), *map(shown, figures)]


def _data(made: Made) -> str:
    classes = made.recipe.classes
    total = sum(x.share for x in made.sources)
    rows = [
        [
            source.name,
            str(len(source.pictures)),
            f"{source.share / total:.0%}",
            *(str(x) for x in source.counts(classes).values()),
        ]
        for source in made.sources
    ]
    return table(["source", "pictures", "drawn", *classes], rows)


def _making(made: Made) -> str:
    schedule, origin = made.recipe.schedule, made.provenance
    pictures = f"{schedule.batch} pictures: {made.step * schedule.batch:,}"
    whole = f"{made.step:,} of {pictures}" if made.step else "none, as the file it was begun with"
    stopped = f"{made.step:,} of {schedule.steps:,} done, each of {pictures}"
    share = made.recipe.network.start_share
    mixed = [["mixed", f"{share:.0%} of each weight is that of the file it was begun with"]]
    group = made.recipe.adjust.classes if made.recipe.adjust else ()
    adjusted = [["adjusted", f"{', '.join(group)}: each named as often as labelled"]]
    return table(
        ["", ""],
        [
            ["steps", stopped if made.stopped else whole],
            *(mixed if share and not made.stopped else []),
            *(adjusted if group and not made.stopped else []),
            ["time", duration(made.history.seconds)],
            ["machine", f"{origin.machine['processor']}, {origin.machine['cores_usable']} cores"],
            ["device", schedule.device],
            ["torch", origin.torch],
            ["code", origin.commit or "not a checkout"],
            ["seed", str(made.recipe.seed)],
        ],
    )


def recipe_lines(document: dict[str, Any], indent: str = "") -> str:
    """A recipe's values, one a line."""
    lines = []
    for name, value in document.items():
        if name in ("notes", "limits") or value in ("", (), {}, None):
            continue
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", recipe_lines(value, indent + "  ")]
        elif isinstance(value, tuple | list) and value and isinstance(value[0], dict):
            for entry in value:
                lines += [f"{indent}{name}:", recipe_lines(entry, indent + "  ")]
        else:
            words = ", ".join(map(str, value)) if isinstance(value, tuple | list) else value
            lines.append(f"{indent}{name}: {words}")
    return "\n".join(lines)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; columns of figures end at the right. The cells are text and nothing else."""
    columns = zip(*rows, strict=True) if rows else [("",)] * len(head)
    rules = ["---:" if all(map(FIGURE.fullmatch, x)) else "---" for x in columns]
    lines = [list(map(plain, head)), rules, *(list(map(plain, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """Markdown that shows ``text`` as it is, in one line."""
    return MARKS.sub(r"\\\g<0>", " ".join(text.split()))
