"""Recipes: which steps in which order, what they are expected to give, and carrying them out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from models_registry.compression.cleanup import Cleanup
from models_registry.compression.drift import measure_drift
from models_registry.compression.fp16 import Fp16
from models_registry.compression.graph import random_feeds
from models_registry.compression.lowrank import LowRank
from models_registry.compression.packing import Pack
from models_registry.compression.parameters import fields
from models_registry.compression.pruning import Prune
from models_registry.compression.quantization import Int8
from models_registry.compression.report import StepReport, measure_latency_ratio
from models_registry.compression.step import (
    Context,
    Feeds,
    Outcome,
    Prediction,
    Step,
    StepFailed,
    seeded,
)
from models_registry.inspection.macs import count_macs

STEPS: tuple[type[Any], ...] = (Cleanup, Prune, LowRank, Fp16, Int8, Pack)
MOST_STEPS = 12
DRIFT_FEEDS = 8
NOISE_FEEDS = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps, carried out in this order."""

    steps: tuple[Step, ...]

    @classmethod
    def from_json(cls, document: object) -> Recipe:
        """From ``{"steps": [{"kind": "prune", "share": 0.3}, …]}``.

        Raises ``StepFailed`` (``parameters_invalid``), naming the place.
        """
        if not isinstance(document, dict) or set(document) != {"steps"}:
            raise _invalid("recipe", 'an object {"steps": […]}', document)
        steps = document["steps"]
        if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
            raise _invalid("steps", f"a list of 1 to {MOST_STEPS} steps", steps)
        return cls(tuple(_step(x, f"steps[{at}]") for at, x in enumerate(steps)))

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads, with every parameter written out."""
        return {"steps": [{"kind": x.kind, **parameters_of(x)} for x in self.steps]}


@dataclass(frozen=True, slots=True)
class Expected:
    """One step of a dry run: ``prediction``, or why the step could not be done."""

    kind: str
    title: str
    prediction: Prediction | None
    code: str = ""
    message: str = ""


def step_fields() -> list[dict[str, Any]]:
    """Every kind of step with its parameters: what pages and the API build their forms from."""
    return [
        {
            "kind": x.kind,
            "title": x.title,
            "description": _first_words(x.__doc__ or ""),
            "uses_stills": x.uses_stills,
            "parameters": list(fields(x)),
        }
        for x in STEPS
    ]


def _first_words(docstring: str) -> str:
    """The first paragraph, as people read it."""
    return " ".join(docstring.split("\n\n", maxsplit=1)[0].replace("``", "").split())


def parameters_of(step: Step) -> dict[str, Any]:
    """A step's parameters by name."""
    values = asdict(step)  # type: ignore[call-overload]  # steps are dataclasses
    return dict(values)


def dry_run(model: onnx.ModelProto, recipe: Recipe) -> list[Expected]:
    """What each step is expected to give; needs no calibration pictures and keeps no model.

    A later step is predicted on what the earlier ones give without pictures; where they can do
    nothing without, on what they were given.
    """
    current = model
    expected = []
    for at, step in enumerate(recipe.steps):
        try:
            prediction = step.predict(current)
        except StepFailed as failure:
            expected.append(Expected(step.kind, step.title, None, failure.code, failure.message))
            continue
        macs = count_macs(current) if prediction.macs is None else prediction.macs
        told = Prediction(prediction.size_bytes, macs, prediction.notes)
        expected.append(Expected(step.kind, step.title, told))
        if at + 1 < len(recipe.steps):
            current = _stand_in(step, current)
    return expected


def run_recipe(
    model: bytes,
    recipe: Recipe,
    context: Context,
    *,
    threads: int = 1,
    latency: bool = True,
) -> Iterator[StepReport]:
    """Carries the steps out, each on the model that the one before left, and reports each.

    A step that finds nothing to do leaves no model, and the next one works on its parent. A step
    that fails ends the recipe: what was done before it stays done. Raises ``StepFailed``
    (``graph_unsupported``) for a file that is no model, ``parameters_invalid`` for calibration
    inputs that are not the model's.
    """
    start = parse(model)
    _check_feeds(start, context.calibration)
    parent, parent_bytes = start, len(model)
    count = len(recipe.steps)
    for at, step in enumerate(recipe.steps):
        begun_s = time.perf_counter()
        parameters = parameters_of(step)
        part = _part(context, at, count)
        try:
            outcome = step.apply(parent, part)
            part.progress(1.0, "measuring")
            report = _measured(
                step,
                outcome,
                line=(start, parent, parent_bytes),
                context=context,
                threads=threads,
                latency=latency,
                begun_s=begun_s,
            )
        except StepFailed as failure:
            nothing = failure.code == "nothing_to_do"
            yield StepReport(
                step.kind,
                step.title,
                parameters,
                "nothing_to_do" if nothing else "failed",
                parent_bytes,
                failure.code,
                failure.message,
                duration_s=time.perf_counter() - begun_s,
            )
            if nothing:
                continue
            return
        yield report
        parent, parent_bytes = outcome.model, report.size_bytes or 0


def parse(model: bytes) -> onnx.ModelProto:
    """Raises ``StepFailed`` (``graph_unsupported``)."""
    try:
        parsed: onnx.ModelProto = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise StepFailed("graph_unsupported", "expected an ONNX file, it does not parse") from error
    if not parsed.graph.node or not parsed.graph.output:
        raise StepFailed("graph_unsupported", "expected an ONNX graph with nodes, it has none")
    return parsed


def _check_feeds(model: onnx.ModelProto, feeds: Sequence[Feeds]) -> None:
    weights = {x.name for x in model.graph.initializer}
    expected = {x.name for x in model.graph.input} - weights
    for at, one in enumerate(feeds):
        if set(one) != expected:
            raise _invalid(f"calibration[{at}]", f"the inputs {sorted(expected)}", sorted(one))


def _step(document: object, place: str) -> Step:
    kinds = {x.kind: x for x in STEPS}
    got = document.get("kind") if isinstance(document, dict) else document
    if not isinstance(document, dict) or not isinstance(got, str) or got not in kinds:
        raise _invalid(f"{place}.kind", f"one of {', '.join(kinds)}", got)
    chosen = kinds[document["kind"]]
    given = {name: x for name, x in document.items() if name != "kind"}
    names = [x.name for x in chosen.parameters]
    for name in given:
        if name not in names:
            raise _invalid(f"{place}.{name}", f"a parameter of {chosen.kind}: {names}", name)
    try:
        step: Step = chosen(**given)
    except StepFailed as failure:
        raise StepFailed(failure.code, f"{place}: {failure.message}") from failure
    return step


def _stand_in(step: Step, model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return step.apply(model, Context()).model
    except StepFailed:  # it needs pictures, which a dry run has none of
        return model


def _measured(
    step: Step,
    outcome: Outcome,
    *,
    line: tuple[onnx.ModelProto, onnx.ModelProto, int],
    context: Context,
    threads: int,
    latency: bool,
    begun_s: float,
) -> StepReport:
    """``line``: the recipe's first model, the parent, and the size of the parent's file."""
    start, parent, parent_bytes = line
    child = outcome.model
    feeds: Sequence[Feeds] = context.calibration[:DRIFT_FEEDS]
    on_noise = not feeds
    if on_noise:
        rng = seeded(context)
        feeds = [random_feeds(start, rng) for _ in range(NOISE_FEEDS)]
    drift = measure_drift(parent, child, feeds)
    return StepReport(
        kind=step.kind,
        title=step.title,
        parameters=parameters_of(step),
        status="done",
        size_bytes_before=parent_bytes,
        model=child.SerializeToString(),
        packed=outcome.packed,
        macs_before=count_macs(parent),
        macs=count_macs(child),
        drift=drift,
        drift_from_start=drift if start is parent else measure_drift(start, child, feeds),
        on_noise=on_noise,
        latency=measure_latency_ratio(parent, child, feeds, threads=threads) if latency else None,
        changes=outcome.changes,
        figures=outcome.figures,
        duration_s=time.perf_counter() - begun_s,
    )


def _part(context: Context, at: int, count: int) -> Context:
    """The same, with the progress of one of ``count`` steps."""

    def progress(share: float, words: str) -> None:
        context.progress((at + min(max(share, 0.0), 1.0)) / count, words)

    return Context(context.calibration, progress, context.seed)


def _invalid(place: str, expected: str, got: object) -> StepFailed:
    return StepFailed("parameters_invalid", f"{place}: expected {expected}, got {str(got)[:100]!r}")
