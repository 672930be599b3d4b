"""Structured pruning: whole filters leave the graph, so that it is really smaller and faster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.capture import loaded, run
from models_registry.compression.channel_groups import Analysis
from models_registry.compression.channels import AtomArray
from models_registry.compression.cleanup import check_valid
from models_registry.compression.drift import Comparison
from models_registry.compression.importance import (
    Costs,
    FilterSizes,
    Reconstructions,
    reader_axes,
    reconstructions,
    write_matrix,
)
from models_registry.compression.layer_samples import Moments, channel_moments
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.reconstruction import Refit, Target, reconstruct
from models_registry.compression.selection import Selection
from models_registry.compression.step import (
    Change,
    Context,
    Outcome,
    Prediction,
    StepFailed,
    seeded,
)

IMPORTANCES = ("auto", "activations", "l1", "l2")
SENSITIVITY_FEEDS = 4
NO_DRIFT = 1e-12


@dataclass(frozen=True, slots=True)
class Prune:
    """Removes the filters that cost least for the work they save, until ``share`` of the
    multiply-accumulates is gone; then refits what is left on calibration pictures."""

    share: float = 0.05
    floor: float = 0.5
    multiple: int = 8
    importance: str = "auto"
    sensitivity: bool = True
    reconstruct: bool = True

    kind: ClassVar[str] = "prune"
    title: ClassVar[str] = "Prune filters"
    uses_stills: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("share", float, 0.05, 0.01, 0.9,
                  help="share of the multiply-accumulates to save"),
        Parameter("floor", float, 0.5, 0.05, 0.99,
                  help="share of each layer's filters that stays at least"),
        Parameter("multiple", int, 8, 1, 64,
                  help="filters left are a multiple of this, which suits vector units"),
        Parameter("importance", str, "auto", choices=IMPORTANCES,
                  help="what a filter is worth: what the next layers cannot replace (activations,"
                  " needs calibration pictures), or its size (l1, l2); auto: activations where"
                  " there are pictures"),
        Parameter("sensitivity", bool, True,
                  help="weigh each group by what its first removals do to the outputs"),
        Parameter("reconstruct", bool, True,
                  help="refit the layers afterwards on calibration pictures"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """By the size of the filters, which needs no picture: the real choice may differ."""
        analysis = Analysis(model)
        selection = self._selection(analysis, FilterSizes(analysis, 2), {})
        before = selection.work.total
        selection.run(before * (1 - self.share))
        pruned = analysis.without(selection.all_removed())
        notes = [f"{_prunable(analysis)} of {len(analysis.groups)} groups of layers can be pruned"]
        if not selection.removed:
            raise _nothing(analysis)
        saved = 1 - selection.work.total / max(before, 1)
        if saved < self.share * 0.95:
            notes.append(f"only {saved:.0%} can be saved with these limits")
        return Prediction(pruned.ByteSize(), round(selection.work.total), tuple(notes))

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``graph_unsupported`` for quantized graphs, ``nothing_to_do``,
        ``needs_calibration``."""
        rng = seeded(context)
        context.progress(0.0, "tracing channels")
        analysis = Analysis(model, context.calibration)
        costs, moments = self._costs(analysis, context, rng)
        factors: dict[str, float] = {}
        if self.sensitivity and context.calibration and isinstance(costs, Reconstructions):
            factors = self._sensitivities(analysis, costs, moments, context)
        context.progress(0.3, "choosing filters")
        selection = self._selection(analysis, costs, factors)
        before = selection.work.total
        selection.run(before * (1 - self.share))
        if not selection.removed:
            raise _nothing(analysis)
        removed = selection.all_removed()
        weights = _compensated(analysis, costs, moments)
        pruned = analysis.without(removed, weights)
        refits: list[Refit] = []
        if self.reconstruct and len(context.calibration) > 1:
            scaled = Context(context.calibration, _later(context), context.seed)
            targets = _targets(analysis, removed)
            pruned, refits = reconstruct(analysis.graph.model, pruned, targets, scaled, rng)
        check_valid(pruned)
        figures = {
            "macs_saved_share": 1 - selection.work.total / max(before, 1),
            "filters_removed": len(removed),
            "layers_refitted": len(refits),
            "importance": "activations" if moments else self._by_size(),
        }
        return Outcome(pruned, _changes(analysis, selection, factors), figures=figures)

    def _by_size(self) -> str:
        return "l1" if self.importance == "l1" else "l2"

    def _selection(
        self, analysis: Analysis, costs: Costs, factors: Mapping[str, float]
    ) -> Selection:
        return Selection(analysis, costs, floor=self.floor, multiple=self.multiple, factors=factors)

    def _costs(
        self, analysis: Analysis, context: Context, rng: np.random.Generator
    ) -> tuple[Costs, dict[str, Moments]]:
        if self.importance == "activations" and not context.calibration:
            raise StepFailed(
                "needs_calibration", "importance by activations needs calibration pictures, got 0"
            )
        if self.importance in {"l1", "l2"} or not context.calibration:
            return FilterSizes(analysis, 1 if self.importance == "l1" else 2), {}
        context.progress(0.05, "measuring activations")
        moments = channel_moments(
            analysis.graph.model, reader_axes(analysis), context.calibration, rng
        )
        return reconstructions(analysis, moments), moments

    def _sensitivities(
        self,
        analysis: Analysis,
        costs: Reconstructions,
        moments: Mapping[str, Moments],
        context: Context,
    ) -> dict[str, float]:
        """Squared drift of the outputs per unit of local cost, by group."""
        selection = self._selection(analysis, costs, {})
        feeds = context.calibration[:SENSITIVITY_FEEDS]
        parent = loaded(analysis.graph.model)
        expected = [run(parent, x) for x in feeds]
        factors = {}
        names = selection.names()
        for at, name in enumerate(names):
            context.progress(0.1 + 0.2 * at / len(names), f"trying {name}")
            found = selection.proposal(name)
            if found is None:
                continue
            roots = np.array(found.roots, np.int64)
            trial = costs.copy(roots)
            for root in found.roots:
                trial.remove(root)
            child = loaded(analysis.without(roots, _compensated(analysis, trial, moments)))
            comparison = Comparison([x.name for x in parent.outputs])
            for one, outputs in zip(feeds, expected, strict=True):
                comparison.add(outputs, run(child, one))
            drift = comparison.result().relative
            if drift is not None:
                factors[name] = max(drift**2, NO_DRIFT) / max(found.cost, NO_DRIFT)
        middle = float(np.median(list(factors.values()))) if factors else 1.0
        return {name: x / middle for name, x in factors.items()}


def _compensated(
    analysis: Analysis, costs: Costs, moments: Mapping[str, Moments]
) -> dict[str, NDArray[Any]]:
    """Weights with which the readers make up for removed channels, and biases that take up what
    those said on average."""
    if not isinstance(costs, Reconstructions):
        return {}
    changed: dict[str, NDArray[Any]] = {}
    for name, reader in costs.readers.items():
        layer = analysis.layers[name]
        weight = analysis.graph.constant(layer.weight)
        assert weight is not None
        if len(analysis.graph.consumers[layer.weight]) > 1:
            continue
        new = write_matrix(layer, reader.weights, weight)
        if np.array_equal(new, weight):
            continue
        changed[layer.weight] = new
        bias = analysis.graph.constant(layer.bias)
        if bias is None or bias.shape != (len(layer.writes),):
            continue
        lost = (reader.original - reader.weights) @ moments[layer.source].mean
        shift = lost.reshape(len(bias), -1).sum(axis=1)
        changed[layer.bias] = (bias + shift).astype(bias.dtype)
    return changed


def _targets(analysis: Analysis, removed: AtomArray) -> list[Target]:
    """Every layer from the first changed one on."""
    nodes = {x.name: x for x in analysis.graph.proto.node}
    targets = [
        Target(x.node, nodes[x.node].output[0], analysis.kept(x.writes, removed))
        for x in analysis.trace.layers
        if analysis.kept(x.writes, removed).any()
    ]
    reads = [
        x.reads is not None and not analysis.kept(x.reads, removed).all()
        for x in analysis.trace.layers
    ]
    return targets[reads.index(True) :] if any(reads) else []


def _later(context: Context) -> Any:
    return lambda share, words: context.progress(0.35 + 0.65 * share, words)


def _prunable(analysis: Analysis) -> int:
    return sum(len(x.free) > 0 for x in analysis.groups)


def _nothing(analysis: Analysis) -> StepFailed:
    reasons = sorted({x.reason for x in analysis.groups if x.reason})
    words = f" ({'; '.join(reasons[:3])})" if reasons else ""
    return StepFailed("nothing_to_do", f"no filter can be removed within these limits{words}")


def _changes(
    analysis: Analysis, selection: Selection, factors: Mapping[str, float]
) -> tuple[Change, ...]:
    changes = []
    for group in analysis.groups:
        gone = len(selection.removed.get(group.name, ())) * group.per_atom
        others = f", with {', '.join(group.layers[1:4])}" if len(group.layers) > 1 else ""
        if gone:
            left = group.channels - gone
            changes.append(
                Change(group.name, "pruned", f"{group.channels} → {left} filters{others}")
            )
        elif not len(group.free):
            changes.append(Change(group.name, "left alone", group.reason or "no filters"))
        elif factors.get(group.name, 1.0) > 1.0:
            changes.append(Change(group.name, "kept", "sensitive: the outputs drift most here"))
    return tuple(changes)
