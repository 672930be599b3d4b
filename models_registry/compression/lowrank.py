"""Low-rank factorisation of convolutions and fully connected layers by singular values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import helper

from models_registry.compression.channel_groups import add_biases, closed_shapes
from models_registry.compression.cleanup import check_valid
from models_registry.compression.drift import measure_drift
from models_registry.compression.factors import Factors, RankChoice, factorised
from models_registry.compression.graph import Graph, refuse_quantized, set_attribute
from models_registry.compression.layer_samples import (
    FloatArray,
    Moments,
    Window,
    channel_moments,
    matrix,
    window,
)
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.reconstruction import Refit, Target, reconstruct
from models_registry.compression.step import (
    Change,
    Context,
    Outcome,
    Prediction,
    StepFailed,
    seeded,
)
from models_registry.inspection.macs import macs_by_node

TRIAL_FEEDS = 4
MAX_LISTED_MISSES = 40  # layers named in the report that stay as they are


@dataclass(frozen=True, slots=True)
class LowRank:
    """Replaces a layer by two thinner ones where that saves work at the energy asked for."""

    energy: float = 0.97
    saving: float | None = None
    least_saving: float = 0.2
    max_drift: float | None = 0.03
    multiple: int = 8
    reconstruct: bool = True

    kind: ClassVar[str] = "low_rank"
    title: ClassVar[str] = "Low-rank factorisation"
    uses_stills: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("energy", float, 0.97, 0.3, 0.99999,
                  help="share of a layer's output energy that its rank keeps"),
        Parameter("saving", float, None, 0.05, 0.95, optional=True,
                  help="instead of the energy: the share of each layer's multiply-accumulates"
                  " to save, whatever it loses"),
        Parameter("least_saving", float, 0.2, 0.0, 0.95,
                  help="a layer that would save less than this share stays as it is"),
        Parameter("max_drift", float, 0.03, 0.0, 10.0, optional=True,
                  help="a layer that alone moves the outputs further than this, relative to their"
                  " size, stays as it is"),
        Parameter("multiple", int, 8, 1, 64,
                  help="ranks are a multiple of this, which suits vector units"),
        Parameter("reconstruct", bool, True,
                  help="refit the new layers afterwards on calibration pictures"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """By the weights alone: ranks on calibration pictures are usually lower."""
        graph = _prepared(model)
        chosen, misses = self._chosen(graph, {})
        if not chosen:
            raise _nothing(misses)
        counted = {x.node.name: x.macs for x in macs_by_node(graph.model, _sizes(graph))}
        macs = None
        if None not in counted.values():
            saved = {x: (counted[x] or 0) * (1 - y.macs_share) for x, y in chosen.items()}
            macs = round(sum(x or 0 for x in counted.values()) - sum(saved.values()))
        notes = (f"{len(chosen)} layers by their weights alone",)
        return Prediction(_replaced(graph, chosen).ByteSize(), macs, notes)

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``graph_unsupported`` for quantized graphs, ``nothing_to_do``."""
        context.progress(0.0, "measuring outputs")
        original = _prepared(model)
        moments: dict[str, Moments] = {}
        if context.calibration:
            axes = {node.output[0]: -1 if shape.dense else 1 for node, shape in _layers(original)}
            moments = channel_moments(original.model, axes, context.calibration, seeded(context))
        chosen, misses = self._chosen(original, moments)
        misses += self._drop_sensitive(original, chosen, context)
        if not chosen:
            raise _nothing(misses)
        child = _replaced(original, chosen)
        refits: list[Refit] = []
        if self.reconstruct and len(context.calibration) > 1:
            outputs = {x.name: x.output[0] for x in original.proto.node}
            targets = [Target(f"{name}_wide", outputs[name]) for name in chosen]
            child, refits = reconstruct(
                original.model, child, targets, _later(context), seeded(context)
            )
        check_valid(child)
        changes = [Change(name, "factorised", _words(x)) for name, x in chosen.items()]
        figures = {"layers_factorised": len(chosen), "layers_refitted": len(refits)}
        return Outcome(child, (*changes, *misses[:MAX_LISTED_MISSES]), figures=figures)

    def _chosen(
        self, graph: Graph, moments: Mapping[str, Moments]
    ) -> tuple[dict[str, Factors], list[Change]]:
        """How layers will be split, and why others are not."""
        chosen, misses = {}, []
        for node, shape in _layers(graph):
            best = self._best(graph, node, shape, moments.get(node.output[0]))
            if best is None or 1 - best.macs_share < self.least_saving:
                misses.append(Change(node.name, "kept", _why_kept(best)))
            else:
                chosen[node.name] = best
        return chosen, misses

    def _drop_sensitive(
        self, graph: Graph, chosen: dict[str, Factors], context: Context
    ) -> list[Change]:
        """Tries each layer alone; takes those out of ``chosen`` that move the outputs too far.

        The energy that a layer loses does not tell: the little that goes may be all that the
        layers after it look at.
        """
        misses = []
        feeds = context.calibration[:TRIAL_FEEDS] if self.max_drift is not None else ()
        for at, name in enumerate(list(chosen) if feeds else []):
            context.progress(0.2 + 0.2 * at / len(chosen), f"trying {name}")
            child = _replaced(graph, {name: chosen[name]})
            drift = measure_drift(graph.model, child, feeds).relative
            if drift is not None and self.max_drift is not None and drift > self.max_drift:
                words = f"sensitive: alone it moves the outputs by {drift:.1%}"
                misses.append(Change(name, "kept", words))
        for miss in misses:
            del chosen[miss.subject]
        return misses

    def _best(
        self, graph: Graph, node: onnx.NodeProto, shape: Window, output: Moments | None
    ) -> Factors | None:
        """The cheaper of the ways that keep the energy; at a given saving, the more exact."""
        weight = _weight(graph, node, shape)
        choice = RankChoice(self.energy, self.saving, self.multiple)
        found = list(factorised(weight, _bias(graph, node), shape, choice, output))
        if self.saving is not None:
            return min(found, key=lambda x: x.error, default=None)
        return min(found, key=lambda x: x.macs_share, default=None)


def _prepared(model: onnx.ModelProto) -> Graph:
    refuse_quantized(model, "Low-rank factorisation")
    graph = Graph(model)
    add_biases(graph)
    del graph.proto.value_info[:]
    return graph


def _replaced(graph: Graph, chosen: Mapping[str, Factors]) -> onnx.ModelProto:
    """A copy with these layers split."""
    copy = Graph(graph.model)
    for node, shape in _layers(copy):
        if node.name in chosen:
            _replace(copy, node, shape, chosen[node.name])
    copy.remove_unused()
    return copy.model


def _layers(graph: Graph) -> list[tuple[onnx.NodeProto, Window]]:
    """Layers that can be split: float weights of their own, not in groups."""
    found = []
    for node in graph.proto.node:
        shape = window(graph, node) if node.op_type in {"Conv", "Gemm", "MatMul"} else None
        own = shape is not None and len(graph.consumers[node.input[1]]) == 1
        if shape is not None and own and shape.groups == 1:
            found.append((node, shape))
    return found


def _weight(graph: Graph, node: onnx.NodeProto, shape: Window) -> Any:
    values = graph.constant(node.input[1])
    assert values is not None
    return matrix(node, shape, values)[0] if shape.dense else values


def _bias(graph: Graph, node: onnx.NodeProto) -> FloatArray | None:
    values = graph.constant(graph.optional_input(node, 2))
    if values is None or values.ndim != 1:
        return None
    return values.astype(np.float64)


def _replace(graph: Graph, node: onnx.NodeProto, shape: Window, factors: Factors) -> None:
    narrow, wide = f"{node.name}_narrow", f"{node.name}_wide"
    between = graph.free_name(f"{node.output[0]}_narrow")
    bias = graph.optional_input(node, 2)
    if bias and factors.bias is not None:
        bias = graph.add_constant(bias, factors.bias.astype(np.float32))
    first, second = factors.first, factors.second
    if node.op_type == "MatMul":
        first, second = first.T, second.T
    inputs = [node.input[0], graph.add_constant(f"{narrow}_weight", first)]
    rest = [graph.add_constant(f"{wide}_weight", second), *([bias] if bias else [])]
    made = [
        helper.make_node(node.op_type, inputs, [between], narrow),
        helper.make_node(node.op_type, [between, *rest], [node.output[0]], wide),
    ]
    if node.op_type == "Gemm":
        for one in made:
            set_attribute(one, "transB", 1)
    if node.op_type == "Conv":
        _place(made, shape, factors)
    graph.replace_node(node, made)


def _place(made: list[onnx.NodeProto], shape: Window, factors: Factors) -> None:
    """Kernel, steps and edges of the two convolutions."""
    top, left, bottom, right = shape.pads
    down, along = shape.strides
    wide_down, wide_along = shape.dilations
    if factors.scheme == "separable":
        geometry = [
            ((down, 1), (wide_down, 1), (top, 0, bottom, 0)),
            ((1, along), (1, wide_along), (0, left, 0, right)),
        ]
    else:
        geometry = [(shape.strides, shape.dilations, shape.pads), ((1, 1), (1, 1), (0, 0, 0, 0))]
    weights = (factors.first, factors.second)
    for node, weight, (strides, dilations, pads) in zip(made, weights, geometry, strict=True):
        set_attribute(node, "kernel_shape", list(weight.shape[2:]))
        set_attribute(node, "strides", list(strides))
        set_attribute(node, "dilations", list(dilations))
        set_attribute(node, "pads", list(pads))


def _sizes(graph: Graph) -> dict[str, list[int]]:
    shapes = closed_shapes(graph, ())
    return {x: [n or 1 for n in shapes[x]] for x in graph.inputs if x in shapes}


def _later(context: Context) -> Context:
    def progress(share: float, words: str) -> None:
        context.progress(0.4 + 0.6 * share, words)

    return Context(context.calibration, progress, context.seed)


def _words(factors: Factors) -> str:
    return (
        f"{factors.scheme}, rank {factors.rank}, {factors.macs_share:.0%} of the layer's work,"
        f" loses {factors.error:.2%} of its energy"
    )


def _why_kept(best: Factors | None) -> str:
    if best is None:
        return "needs its full rank"
    return f"would need {best.macs_share:.0%} of its work at rank {best.rank}"


def _nothing(changes: list[Change]) -> StepFailed:
    return StepFailed(
        "nothing_to_do",
        f"no layer saves enough work at this energy ({len(changes)} looked at): allow more loss"
        " or less saving",
    )
